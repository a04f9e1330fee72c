//! What the steps of a release share.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use super::binary::Build;
use crate::step;

/// What the steps share: what has been built, and where its files go.
pub(super) struct Release {
    /// How the binary was built.
    pub(super) build: Build,
    /// As the binary has it.
    pub(super) version: String,
    /// Where the files of the release are.
    pub(super) dist: PathBuf,
    /// Where the steps keep what is not released.
    pub(super) work: PathBuf,
    /// Seconds since 1970, the time of every file in a package.
    pub(super) date: Option<String>,
}

impl Release {
    /// `program`, which takes the time of the release for that of its files.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some(date) = &self.date {
            command.env("SOURCE_DATE_EPOCH", date);
        }
        command
    }

    /// The one file of the release whose name ends like this.
    pub(super) fn file(&self, end: &str) -> Result<PathBuf> {
        let mut found = files(&self.dist)?;
        found.retain(|path| path.to_string_lossy().ends_with(end));
        ensure!(
            found.len() == 1,
            "not one file that ends with {end}: {found:?}"
        );
        found.pop().context("no file")
    }
}

/// A directory with nothing in it.
pub(super) fn empty(path: PathBuf) -> Result<PathBuf> {
    if path.exists() {
        fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
    }
    fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// When the sources were last changed, if anything says so.
pub(super) fn date() -> Option<String> {
    let of_git = || {
        let log = Command::new("git")
            .args(["log", "-1", "--format=%ct"])
            .output();
        String::from_utf8(log.ok().filter(|it| it.status.success())?.stdout).ok()
    };
    let date = std::env::var("SOURCE_DATE_EPOCH").ok().or_else(of_git)?;
    Some(date.trim().to_owned())
}

/// A text of a manifest, which names it once: `key = "text"`.
pub(super) fn manifest(path: &str, key: &str) -> Result<String> {
    let manifest = fs::read_to_string(step::root()?.join(path))?;
    let text = manifest.lines().find_map(|line| {
        let value = line.strip_prefix(key)?.strip_prefix(" = \"")?;
        value.strip_suffix('"')
    });
    Ok(text
        .with_context(|| format!("{path} has no {key}"))?
        .to_owned())
}

/// The files of `dir` itself.
pub(super) fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<_> = entries.collect::<Result<_>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}
