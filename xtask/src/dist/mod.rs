//! `cargo xtask dist`: the files of a release, in `target/dist`: the binary, man
//! pages, completions, an archive of these, packages for Debian, for RPM systems
//! and for PyPI, an OCI image, the SBOM, and the checksums of all. Each is then
//! installed into a place of its own and used there.
//!
//! Each kind of file has a module here; `trial` installs and uses them. With
//! `SOURCE_DATE_EPOCH`, which the last commit sets by default, two runs on the same
//! machine make the same files; only the archive of the image differs.

mod archive;
mod binary;
mod deb;
mod image;
mod release;
mod rpm;
mod sbom;
mod trial;
mod wheel;

use std::{fs, process::Command};

use anyhow::{Result, ensure};

use crate::{
    step::{self, output, step},
    tools,
};
use binary::Build;
use release::{Release, date, empty};

pub(crate) use binary::Profile;

/// Builds everything, and tries what was built.
pub(crate) fn run(profile: Profile) -> Result<()> {
    let target = step::target()?;
    ensure!(
        target == step::root()?.join("target"),
        "the package's manifest names target/; unset CARGO_TARGET_DIR"
    );
    let packagers = step("tools", tools::packagers)?;
    let dist = empty(target.join("dist"))?;
    let build = Build::here(profile)?;
    let binary = step("binary", || build.run())?;
    fs::copy(&binary, dist.join("s3mirror"))?;
    build.strip(&dist.join("s3mirror"))?;
    step("man pages and completions", || binary::manual(&dist))?;
    let version = output(Command::new(dist.join("s3mirror")).arg("--version"))?;
    let release = Release {
        build,
        version: version.trim().trim_start_matches("s3mirror ").to_owned(),
        dist,
        work: empty(target.join("dist-work"))?,
        date: date(),
    };
    step("archive", || archive::make(&release))?;
    step("Debian package", || deb::make(&release, &packagers))?;
    step("RPM package", || rpm::make(&release))?;
    step("wheel", || wheel::make(&release, &packagers))?;
    step("SBOM", || sbom::make(&release))?;
    step("OCI image", || image::make(&release))?;
    step("checksums", || archive::checksums(&release))?;
    step("installed and used", || trial::run(&release))?;
    fs::remove_dir_all(&release.work)?;
    println!("\n{}\n{}", release.build, release.dist.display());
    Ok(())
}
