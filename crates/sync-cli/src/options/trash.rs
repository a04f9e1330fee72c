//! The option of the trash.

use std::path::PathBuf;

use clap::Args;

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
