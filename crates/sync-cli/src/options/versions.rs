//! The options of `versions`.

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;
use sync_s3::Location;

use super::{OutputArgs, ServerArgs};

const EXAMPLES: &str = "\
Examples:
  s3mirror versions -b my-bucket/photos/a.jpg            of one key
  s3mirror versions -b my-bucket/photos                  of all keys below photos/
  s3mirror versions -b my-bucket/photos --deleted        which keys are gone, and since when
  s3mirror restore -d DIR -b my-bucket/photos --at WHEN  the bucket as it was

Nothing is changed. Exit status: 0 done, 1 failed or nothing found, 2 wrong usage.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VersionsArgs {
    /// The bucket, and a key or a prefix: NAME, NAME/KEY or s3://NAME/PREFIX
    #[arg(
        short,
        long,
        hide_env = true,
        env = "S3MIRROR_BUCKET",
        value_name = "BUCKET",
        help_heading = "Places"
    )]
    pub(crate) bucket: Location,
    /// List only keys that are gone now, with the moment of their deletion
    #[arg(long, hide_env = true, env = "S3MIRROR_DELETED", value_parser = Boolish::new(), help_heading = "Output")]
    pub(crate) deleted: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
