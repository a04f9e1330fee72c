//! The option of the trash.

use std::path::PathBuf;

use clap::Args;
use sync_core::Direction;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct TrashArgs {
    /// On restore, keep what is overwritten or deleted: moved to DIR
    ///
    /// Below a directory for each run, named by its time in UTC. DIR must be on
    /// the file system of the directory, and not inside it.
    #[arg(long, hide_env = true, env = "S3MIRROR_TRASH", value_name = "DIR")]
    pub(crate) trash: Option<PathBuf>,
}

/// The answer to `backup --trash`.
pub(crate) const NOT_FOR_BACKUP: &str = "--trash is for restore; to keep what a backup \
    overwrites or deletes, switch on the versioning of the bucket";

/// `--trash` of commands that have none: it is refused, because whoever asks for it believes
/// that nothing is lost.
#[derive(Debug, Default, Args)]
pub(crate) struct NoTrashArgs {
    #[arg(
        long,
        hide = true,
        hide_env = true,
        env = "S3MIRROR_TRASH",
        value_name = "DIR"
    )]
    trash: Option<PathBuf>,
}

impl NoTrashArgs {
    /// What is wrong if a trash is asked for and a mirror in that direction would need it.
    pub(crate) fn check(&self, direction: Direction) -> Result<(), String> {
        match (direction, &self.trash) {
            (Direction::Restore, Some(_)) => Err(NOT_FOR_CLUSTER.to_owned()),
            _ => Ok(()),
        }
    }
}

/// The answer to `--trash` of a restore by many machines.
pub(crate) const NOT_FOR_CLUSTER: &str = "--trash (S3MIRROR_TRASH) asks to keep what the restore overwrites or \
    deletes, which a run of many machines cannot do: omit it and unset the variable, or \
    restore by one machine (`s3mirror restore`, or `s3mirror apply` of a saved plan)";
