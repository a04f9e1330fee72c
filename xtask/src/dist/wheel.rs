//! The wheel on PyPI, by maturin; `pyproject.toml` describes it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::{binary::Build, release::Release};
use crate::{
    step::{cargo, output, quoted, run},
    tools::Packagers,
};

/// Makes it of the binary that has been built.
pub(super) fn make(release: &Release, packagers: &Packagers) -> Result<()> {
    let mut maturin = release.command(&packagers.maturin);
    maturin.env("CARGO", built(release)?);
    maturin.args(["build", "--quiet", "--auditwheel", "check", "--out"]);
    maturin.arg(&release.dist);
    maturin.arg("--compatibility").args(systems(&release.build));
    // Of what other systems would need, the SBOM would be wrong.
    let here = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    maturin
        .arg("--target")
        .arg(release.build.triple.unwrap_or(here.trim()));
    run(&mut maturin)?;
    let wheel = release.file(".whl")?;
    let name = wheel.file_name().context("a wheel has a name")?;
    let start = format!("s3mirror-{}-py3-none-", release.version);
    ensure!(
        name.to_string_lossy().starts_with(&start),
        "{}",
        wheel.display()
    );
    Ok(())
}

/// The systems that the wheel is for. PyPI refuses `linux`, which promises nothing of
/// the C library.
fn systems(build: &Build) -> &'static [&'static str] {
    match build.triple {
        Some(_) => &["manylinux2014", "musllinux_1_1"],
        None => &["linux"],
    }
}

/// A cargo for maturin, whose `rustc` names the binary that is there: maturin builds one
/// package, which as a debug build would have other features and compile the SDK again,
/// and in release would be linked once more. So the wheel holds the binary of the archive.
fn built(release: &Release) -> Result<PathBuf> {
    let package = output(&mut cargo(["pkgid", "--package", "sync-cli"]))?;
    let message = artifact(package.trim(), &release.dist.join("s3mirror"));
    let (said, path) = (
        release.work.join("artifact.json"),
        release.work.join("cargo"),
    );
    fs::write(&said, message)?;
    let shown = |word: &OsStr| quoted(&word.to_string_lossy());
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = rustc ] && exec cat {}\nexec {} \"$@\"\n",
        shown(said.as_os_str()),
        shown(cargo([""]).get_program()),
    );
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// What cargo says of a binary that is up to date, as far as maturin reads it.
fn artifact(package: &str, binary: &Path) -> String {
    format!(
        r#"{{"reason":"compiler-artifact","package_id":{package:?},"manifest_path":"","target":{{"kind":["bin"],"crate_types":["bin"],"name":"s3mirror","src_path":"","edition":"2024","doctest":false,"test":true,"doc":false}},"profile":{{"opt_level":"0","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false}},"features":[],"filenames":[{binary:?}],"executable":{binary:?},"fresh":true}}
{{"reason":"build-finished","success":true}}
"#
    )
}
