//! The Debian package, by cargo-deb; the manifest of `sync-cli` says what is in it.

use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::{Result, bail};

use super::release::Release;
use crate::{
    step::{output, run},
    tools::Packagers,
};

/// Makes it of what is in `dist` already.
pub(super) fn make(release: &Release, packagers: &Packagers) -> Result<()> {
    let mut deb = release.command(&packagers.cargo_deb);
    deb.args(["--quiet", "--no-build", "--no-strip"]);
    deb.args(release.build.compression());
    run(deb
        .args(["--package", "sync-cli", "--output"])
        .arg(&release.dist))?;
    let package = release.file(".deb")?;
    let files = files(&package)?;
    for wanted in [
        "/usr/bin/s3mirror",
        "/usr/share/man/man1/s3mirror-backup.1.gz",
        "/usr/share/bash-completion/completions/s3mirror",
        "/usr/share/zsh/vendor-completions/_s3mirror",
        "/usr/share/fish/vendor_completions.d/s3mirror.fish",
        "/usr/lib/systemd/system/s3mirror@.timer",
        "/usr/share/doc/s3mirror/docs/jobs.md",
        "/usr/share/doc/s3mirror/LICENSE-APACHE",
    ] {
        if !files.contains(wanted) {
            bail!("{} lacks {wanted}:\n{files:#?}", package.display());
        }
    }
    Ok(())
}

/// The paths of the files in a package.
pub(super) fn files(package: &Path) -> Result<BTreeSet<String>> {
    let listed = output(Command::new("dpkg-deb").arg("--contents").arg(package))?;
    let files = listed.lines().filter(|line| !line.starts_with('d'));
    // Permissions, owner, size, date, time and `./path`.
    let paths = files.filter_map(|line| line.split_whitespace().nth(5)?.strip_prefix('.'));
    Ok(paths.map(str::to_owned).collect())
}
