//! The options of `verify`.

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;

use super::{
    IdentityArgs, Links, OutputArgs, PastArgs, PlaceArgs, SelectionArgs, ServerArgs, SpeedArgs,
    StateArgs,
};

const EXAMPLES: &str = "\
Examples:
  s3mirror verify -d ~/photos -b my-bucket/photos          by checksums, where there are any
  s3mirror verify -d ~/photos -b my-bucket/photos --read   by every byte
  s3mirror verify -q -d /srv -b srv || echo look after it  from cron

Nothing is changed. Exit status: 0 equal, 5 differs, 3 something could not be read or
compared, or changed meanwhile; 1 failed, 2 wrong usage, 130 interrupted.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) past: PastArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) how: ProofArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) speed: SpeedArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rule")]
pub(crate) struct ProofArgs {
    /// Read every byte from the bucket too; use no stored checksum
    #[arg(long, hide_env = true, env = "S3MIRROR_READ", value_parser = Boolish::new())]
    pub(crate) read: bool,
    /// Which symbolic links are compared as the file they name
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SYMLINKS",
        value_enum,
        value_name = "WHICH",
        default_value_t
    )]
    pub(crate) symlinks: Links,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
}
