//! The options of `doctor`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;
use sync_s3::Location;

use super::{OutputArgs, ServerArgs};

const EXAMPLES: &str = "\
Examples:
  s3mirror doctor -b my-bucket/photos                 tries what a backup will need
  s3mirror doctor -b my-bucket/photos -d ~/photos     and looks at the directory
  s3mirror doctor -b my-bucket/photos --read-only     writes nothing

Writes only below the key .s3mirror-doctor-… in the prefix, and removes it.
Exit status: 0 fit, perhaps with warnings; 1 a backup or a restore would fail, or
something could not be removed; 2 wrong usage, 130 interrupted.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// The bucket and prefix: NAME, NAME/PREFIX or s3://NAME/PREFIX
    #[arg(
        short,
        long,
        hide_env = true,
        env = "S3MIRROR_BUCKET",
        value_name = "BUCKET",
        help_heading = "Places"
    )]
    pub(crate) bucket: Location,
    /// The directory, to examine it too
    #[arg(
        short,
        long,
        hide_env = true,
        env = "S3MIRROR_DIR",
        value_name = "DIR",
        help_heading = "Places"
    )]
    pub(crate) dir: Option<PathBuf>,
    /// Write nothing; what stays untested is reported
    #[arg(long, hide_env = true, env = "S3MIRROR_READ_ONLY", value_parser = Boolish::new(), help_heading = "Safety")]
    pub(crate) read_only: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
