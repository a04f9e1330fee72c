//! What all trials share: the server, what is backed up to it, and whether a program that
//! was installed does so.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::{
    dist::release::{Release, empty},
    endpoint::Endpoint,
    step::{self, output},
    tree::Tree,
};

/// The bucket of the server.
pub(super) const BUCKET: &str = "release";

/// Where things are installed, and the server that they are used with.
pub(super) struct Trial<'a> {
    /// What is tried.
    pub(super) release: &'a Release,
    /// Serves [`BUCKET`].
    pub(super) endpoint: Endpoint,
    /// Where everything is installed.
    pub(super) home: PathBuf,
    /// What is backed up.
    pub(super) source: PathBuf,
}

impl Trial<'_> {
    /// `program`, which knows nothing of this machine but the server.
    pub(super) fn program(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.env_clear();
        self.endpoint.give_access(&mut command, &self.home)?;
        Ok(command)
    }

    /// Backs the source up with `program`, and restores it as `name`.
    pub(super) fn used(&self, name: &str, program: &Path) -> Result<()> {
        let version = output(self.program(program)?.arg("--version"))?;
        self.is_ours(&version)?;
        let restored = empty(self.home.join("restored").join(name))?;
        for (command, dir) in [("backup", &self.source), ("restore", &restored)] {
            let mut run = self.program(program)?;
            run.args(mirror(command, dir, name));
            step::run(&mut run)?;
        }
        self.compare(&restored)
    }

    /// Whether this was said by the program that is released.
    pub(super) fn is_ours(&self, version: &str) -> Result<()> {
        let wanted = format!("s3mirror {}", self.release.version);
        ensure!(
            version.trim() == wanted,
            "'{version}' instead of '{wanted}'"
        );
        Ok(())
    }

    /// Whether the source came back.
    pub(super) fn compare(&self, restored: &Path) -> Result<()> {
        let (source, restored) = (Tree::read(&self.source)?, Tree::read(restored)?);
        let differences = source.differences(&restored)?;
        ensure!(
            differences.is_empty(),
            "differs:\n{}",
            differences.join("\n")
        );
        Ok(())
    }
}

/// The arguments of a backup or a restore.
pub(super) fn mirror(command: &str, dir: &Path, prefix: &str) -> [String; 6] {
    let bucket = format!("{BUCKET}/{prefix}");
    let dir = dir.display().to_string();
    [command, "--yes", "--dir", &dir, "--bucket", &bucket].map(str::to_owned)
}
