//! The option of the state directory.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Places")]
pub(crate) struct StateArgs {
    /// Where unfinished work is recorded for the next run [default: ~/.local/state/s3mirror]
    ///
    /// The first of these that is usable: this option, $XDG_STATE_HOME, the
    /// home directory, $STATE_DIRECTORY (systemd), the user's run-time
    /// directory, a private directory below the one for temporary files.
    /// Without any, a run keeps no state and warns.
    #[arg(long, hide_env = true, env = "S3MIRROR_STATE_DIR", value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}
