//! `cargo xtask dist`: the files of a release, in `target/dist`: the binary,
//! man pages, completions, an archive of these, a Debian package, and the
//! checksums of all.
//!
//! The binary is static where musl is there, its toolchain target and its C
//! compiler. Else it is linked with the C library of this machine, and the task
//! says so: glibc cannot be linked statically without losing name resolution.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    step::{self, cargo, output, run as run_program, step},
    tools,
};

const MUSL: &str = "x86_64-unknown-linux-musl";

/// How the binary is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As it is released; takes minutes.
    Release,
    /// Quickly, to try the packaging.
    Dev,
}

/// Builds everything, and checks what was built.
pub(crate) fn run(profile: Profile) -> Result<()> {
    ensure!(
        step::target()? == step::root()?.join("target"),
        "the package's manifest names target/; unset CARGO_TARGET_DIR"
    );
    let dist = step::target()?.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| dist.display().to_string())?;
    }
    fs::create_dir_all(&dist)?;
    let triple = match profile {
        Profile::Release if is_musl_here()? => Some(MUSL),
        _ => None,
    };
    let binary = step("binary", || build(profile, triple))?;
    fs::copy(&binary, dist.join("s3mirror"))?;
    step("man pages and completions", || manual(&dist))?;
    let version = output(Command::new(dist.join("s3mirror")).arg("--version"))?;
    let version = version.trim().trim_start_matches("s3mirror ").to_owned();
    step("archive", || archive(&dist, &version, triple))?;
    step("Debian package", || debian(&dist))?;
    step("checksums", || checksums(&dist))?;
    match triple {
        Some(_) => println!("\nstatic binary: it runs on any Linux of this architecture"),
        None => println!(
            "\nDYNAMIC binary: it needs the glibc of this machine or a newer one. For a static \
             one: `rustup target add {MUSL}` and musl-gcc (Debian: apt-get install musl-tools)"
        ),
    }
    println!("{}", dist.display());
    Ok(())
}

/// Whether the standard library for musl and its C compiler are installed.
fn is_musl_here() -> Result<bool> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib").join(MUSL);
    let compiler = Command::new("musl-gcc").arg("--version").output();
    Ok(library.join("lib").is_dir() && compiler.is_ok_and(|it| it.status.success()))
}

fn build(profile: Profile, triple: Option<&str>) -> Result<PathBuf> {
    if profile == Profile::Dev {
        step::build_binaries()?;
        return step::binary("s3mirror");
    }
    // Only the product: fat LTO takes its time for each binary.
    let mut build = cargo(["build", "--release", "--locked", "--package", "sync-cli"]);
    if let Some(triple) = triple {
        build.args(["--target", triple]);
        // C code of the TLS library, too.
        build.env("CC_x86_64_unknown_linux_musl", "musl-gcc");
    }
    run_program(&mut build)?;
    let target = step::target()?;
    let path = triple.map_or(target.clone(), |triple| target.join(triple));
    Ok(path.join("release/s3mirror"))
}

/// Made by a program of the product's own package, built as the tests are.
fn manual(dist: &Path) -> Result<()> {
    run_program(&mut cargo(["build", "--workspace", "--example", "manual"]))?;
    let program = step::target()?.join("debug/examples/manual");
    run_program(Command::new(program).arg(dist))?;
    let pages = fs::read_dir(dist.join("man"))?.count();
    ensure!(pages > 5, "there are only {pages} man pages");
    Ok(())
}

fn archive(dist: &Path, version: &str, triple: Option<&str>) -> Result<()> {
    let system = if triple.is_some() { "static" } else { "gnu" };
    let arch = std::env::consts::ARCH;
    let name = format!("s3mirror-{version}-{arch}-linux-{system}");
    let mut tar = Command::new("tar");
    tar.arg("--create")
        .arg("--gzip")
        .arg("--file")
        .arg(dist.join(format!("{name}.tar.gz")));
    tar.arg(format!("--transform=s,^,{name}/,"));
    // Nobody needs to know who built it.
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.arg("--directory").arg(dist);
    run_program(tar.args(["s3mirror", "man", "completions"]))
}

/// Of what is in `dist` already; the manifest of `sync-cli` says what goes where.
fn debian(dist: &Path) -> Result<()> {
    let mut deb = Command::new(tools::cargo_deb()?);
    deb.args(["--quiet", "--no-build", "--no-strip"]);
    deb.args(["--package", "sync-cli", "--output"]).arg(dist);
    run_program(&mut deb)?;
    let package = files(dist)?
        .into_iter()
        .find(|path| path.extension().is_some_and(|it| it == "deb"));
    let package = package.context("cargo-deb made no package")?;
    let listed = output(Command::new("dpkg-deb").arg("--contents").arg(&package))?;
    for wanted in [
        "./usr/bin/s3mirror",
        "./usr/share/man/man1/s3mirror-backup.1.gz",
        "./usr/share/bash-completion/completions/s3mirror",
        "./usr/share/zsh/vendor-completions/_s3mirror",
        "./usr/share/fish/vendor_completions.d/s3mirror.fish",
        "./usr/lib/systemd/system/s3mirror@.timer",
        "./usr/share/doc/s3mirror/docs/jobs.md",
    ] {
        if !listed.lines().any(|line| line.ends_with(wanted)) {
            bail!("{} lacks {wanted}:\n{listed}", package.display());
        }
    }
    Ok(())
}

fn checksums(dist: &Path) -> Result<()> {
    let mut sums = Command::new("sha256sum");
    sums.current_dir(dist).arg("--");
    for file in files(dist)? {
        sums.args(file.file_name());
    }
    let sums = output(&mut sums)?;
    print!("{sums}");
    fs::write(dist.join("SHA256SUMS"), sums)?;
    run_program(Command::new("sha256sum").current_dir(dist).args([
        "--check",
        "--quiet",
        "SHA256SUMS",
    ]))
}

/// The files of `dir` itself.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<_> = entries.collect::<Result<_>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}
