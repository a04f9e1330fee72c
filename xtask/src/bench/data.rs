//! The directories that are copied from, made once by `bench-data`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::work::Files;
use crate::step;

/// To be raised when `bench-data` makes other files from the same layout.
const VERSION: u32 = 2;

/// A directory with `files` below `home`.
pub(super) fn made(home: &Path, files: Files) -> Result<PathBuf> {
    let layout = files.to_string();
    let dir = home.join("data").join(&layout);
    // Written last, so an interrupted one is made again.
    let stamp = dir.with_extension("made");
    if fs::read_to_string(&stamp).ok() != Some(VERSION.to_string()) {
        fs::create_dir_all(home.join("data"))?;
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        let mut make = Command::new(step::release_binary("bench-data")?);
        step::run(make.args(["make", &layout]).arg(&dir))?;
        fs::write(&stamp, VERSION.to_string())?;
    }
    Ok(dir)
}

/// Fails unless `dir` holds exactly `files`.
pub(super) fn check(files: Files, dir: &Path) -> Result<()> {
    let mut check = Command::new(step::release_binary("bench-data")?);
    step::output(check.args(["check", &files.to_string()]).arg(dir)).map(drop)
}
