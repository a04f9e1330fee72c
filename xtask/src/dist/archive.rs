//! The archive for a system without a package, and the checksums of all files.

use std::{fs, process::Command};

use anyhow::Result;

use super::release::{Release, files};
use crate::step::{self, output, run};

/// The binary with man pages, completions and licences.
pub(super) fn make(release: &Release) -> Result<()> {
    let system = release.build.triple.map_or("gnu", |_| "static");
    let arch = std::env::consts::ARCH;
    let name = format!("s3mirror-{}-{arch}-linux-{system}", release.version);
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file");
    tar.arg(release.dist.join(format!("{name}.tar.gz")));
    // Its own --gzip notes the time.
    tar.arg("--use-compress-program=gzip --no-name");
    tar.arg(format!("--transform=s,^,{name}/,"));
    // Nobody needs to know who built it, nor when.
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.args(release.date.iter().map(|date| format!("--mtime=@{date}")));
    tar.arg("--directory").arg(&release.dist);
    tar.args(["s3mirror", "man", "completions"]);
    tar.arg("--directory").arg(step::root()?);
    run(tar.args(["LICENSE-MIT", "LICENSE-APACHE"]))
}

/// Writes `SHA256SUMS`.
pub(super) fn checksums(release: &Release) -> Result<()> {
    let mut sums = Command::new("sha256sum");
    sums.current_dir(&release.dist).arg("--");
    sums.args(
        files(&release.dist)?
            .iter()
            .filter_map(|file| file.file_name()),
    );
    let sums = output(&mut sums)?;
    print!("{sums}");
    fs::write(release.dist.join("SHA256SUMS"), sums)?;
    Ok(())
}
