//! The packages of Debian and of RPM systems, installed below directories that hold
//! nothing else, and removed.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::context::Trial;
use crate::{
    dist::release::empty,
    step::{output, run},
    tree::Tree,
};

/// The configuration file that comes with a package.
const CONFIG: &str = "etc/xdg/s3mirror/config.toml";

/// Installs the Debian package, uses it, removes and purges it.
pub(super) fn deb(trial: &Trial<'_>) -> Result<()> {
    let root = empty(trial.home.join("deb"))?;
    let state = root.join("var/lib/dpkg");
    for directory in ["info", "updates"] {
        fs::create_dir_all(state.join(directory))?;
    }
    File::create(state.join("status"))?;
    let dpkg = |arguments: &[&str]| {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("--root").arg(&root);
        dpkg.arg("--log").arg(root.join("log"));
        // The C library of a dynamic binary is that of this machine; what small images
        // leave out of every package belongs here.
        dpkg.args(["--force-depends", "--path-include=/*"]);
        dpkg.args(arguments);
        dpkg
    };
    let package = trial.release.file(".deb")?;
    let package = package.to_string_lossy();
    run(&mut dpkg(&["--install", &package]))?;
    works(trial, "deb", &root)?;
    let config = root.join(CONFIG);
    edit(&config)?;
    let changed = output(&mut dpkg(&["--verify", "s3mirror"]))?;
    ensure!(
        changed.trim_end() == format!("??5?????? c /{CONFIG}"),
        "dpkg finds other changes:\n{changed}"
    );
    for command in [["--install", &*package], ["--remove", "s3mirror"]] {
        run(&mut dpkg(&command))?;
        ensure!(is_edited(&config), "{command:?} has lost what was edited");
    }
    run(&mut dpkg(&["--purge", "s3mirror"]))?;
    nothing_is_left(&root)
}

/// Installs the RPM package, uses it and removes it.
pub(super) fn rpm(trial: &Trial<'_>) -> Result<()> {
    let root = empty(trial.home.join("rpm"))?;
    let rpm = |arguments: &[&str]| {
        let mut rpm = Command::new("rpm");
        rpm.arg("--root")
            .arg(&root)
            .args(["--dbpath", "/var/lib/rpm"]);
        rpm.args(arguments);
        rpm
    };
    run(&mut rpm(&["--initdb"]))?;
    let package = trial.release.file(".rpm")?;
    // The C library of a dynamic binary is that of this machine.
    let package = package.to_string_lossy();
    run(&mut rpm(&["--install", "--nodeps", &package]))?;
    works(trial, "rpm", &root)?;
    run(&mut rpm(&["--verify", "--nodeps", "s3mirror"]))?;
    let settings = output(&mut rpm(&["--query", "--configfiles", "s3mirror"]))?;
    ensure!(
        settings.trim_end() == format!("/{CONFIG}"),
        "configuration files: {settings}"
    );
    edit(&root.join(CONFIG))?;
    run(&mut rpm(&["--erase", "s3mirror"]))?;
    let saved = root.join(format!("{CONFIG}.rpmsave"));
    ensure!(is_edited(&saved), "{} is not there", saved.display());
    fs::remove_file(saved)?;
    nothing_is_left(&root)
}

/// Whether the program that was installed below `root` works, with the file of its jobs.
fn works(trial: &Trial<'_>, name: &str, root: &Path) -> Result<()> {
    let program = root.join("usr/bin/s3mirror");
    trial.used(name, &program)?;
    let mut check = trial.program(&program)?;
    check.env("XDG_CONFIG_DIRS", root.join("etc/xdg"));
    run(check.args(["config", "check"]))
}

/// Whether only what the package manager keeps for itself is below `root`.
fn nothing_is_left(root: &Path) -> Result<()> {
    for part in ["usr", "etc"].map(|part| root.join(part)) {
        let left = if part.exists() {
            Tree::read(&part)?.len()
        } else {
            0
        };
        ensure!(left == 0, "{left} files are left in {}", part.display());
    }
    Ok(())
}

/// What is changed in the configuration file that a package brings.
const EDIT: &str = "# edited\n";

/// Appends a line to a file, as an administrator would.
fn edit(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    Ok(fs::write(file, text + EDIT)?)
}

/// Whether the line is still there.
fn is_edited(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.ends_with(EDIT))
}
