//! Running programs: echoed, timed, and an error that names what failed.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};

/// The top of the repository.
pub(crate) fn root() -> Result<PathBuf> {
    // Where it is now, not where it was when this program was built.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
    let manifest = manifest.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&manifest).parent();
    Ok(root.context("xtask has no parent directory")?.to_owned())
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> Result<PathBuf> {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(root()?.join(chosen))
}

/// The cargo that runs this task, with `arguments`.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    // What cargo says of xtask itself must not reach the builds it starts.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds every binary of the workspace. All tasks build exactly this: another
/// selection would choose other features, and compile the SDK once more.
pub(crate) fn build_binaries() -> Result<()> {
    run(&mut cargo(["build", "--workspace", "--bins"]))
}

/// A binary of the workspace that [`build_binaries`] has built.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    built("debug", name)
}

fn built(profile: &str, name: &str) -> Result<PathBuf> {
    let path = target()?.join(profile).join(name);
    let path = path.with_extension(std::env::consts::EXE_EXTENSION);
    if !path.is_file() {
        bail!("{} is missing after the build", path.display());
    }
    Ok(path)
}

/// A binary of the workspace, built in release.
pub(crate) fn release_binary(name: &str) -> Result<PathBuf> {
    built("release", name)
}

/// Runs `command` to its end and fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs `command`, passes its standard output on and shows each line to `see`.
pub(crate) fn run_seeing(command: &mut Command, mut see: impl FnMut(&str)) -> Result<()> {
    println!("$ {}", shown(command));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    let stdout = child.stdout.take().context("no standard output")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        see(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// The standard output of `command`, which must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", shown(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("what `{}` said", shown(command)))
}

/// Whether this is root: CI is, a developer need not be.
pub(crate) fn is_root() -> Result<bool> {
    let id = output(Command::new("id").arg("-u"))?;
    Ok(id.trim() == "0")
}

/// Runs a part of a task under a headline, and says how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n=== {name}");
    let start = Instant::now();
    let result = work();
    let ended = if result.is_ok() { "ok" } else { "FAILED" };
    println!(
        "--- {name}: {ended}, {:.1} s",
        start.elapsed().as_secs_f64()
    );
    result.with_context(|| format!("step '{name}' failed"))
}

/// A command as one would type it, with paths inside the repository shortened.
fn shown(command: &Command) -> String {
    let root = root().unwrap_or_default();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| {
        let path = Path::new(word);
        let short = match path.strip_prefix(&root) {
            Ok(inside) if path != root => inside.display().to_string(),
            _ => word.to_string_lossy().into_owned(),
        };
        // The cargo that runs us is named by its full path.
        if path.file_name() == Some(OsStr::new("cargo")) {
            "cargo".to_owned()
        } else {
            quoted(&short)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `word` as a shell would need it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_command_can_be_typed() {
        let mut command = Command::new("echo");
        command.args(["plain", "two words", "it's", ""]);
        assert_eq!(shown(&command), r"echo plain 'two words' 'it'\''s' ''");
    }

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = run(Command::new("false").arg("x")).unwrap_err();
        assert!(
            format!("{error:#}").starts_with("`false x` failed"),
            "{error:#}"
        );
        assert!(run(&mut Command::new("/no/such/program")).is_err());
    }
}
