//! The options of the commands that show, save and apply a plan.

use std::path::PathBuf;

use clap::builder::BoolishValueParser as Boolish;
use clap::{Args, ValueEnum};
use sync_s3::Location;

use super::{
    CleanupArgs, ConsentArgs, FinishArgs, IdentityArgs, ObjectArgs, OutputArgs, PriceArgs,
    ServerArgs, SpeedArgs, StateArgs, SyncArgs, TrashArgs,
};

const EXAMPLES: &str = "\
Examples:
  s3mirror mock backup -d ~/photos -b my-bucket --plan-out photos.plan
  s3mirror show photos.plan --format tree       what it would do; no request
  s3mirror apply photos.plan                    asks, then does just that
  s3mirror mock backup -d ~/photos -b my-bucket --check -q || echo differs";

/// Options of `mock backup` and `mock restore`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct MockArgs {
    #[command(flatten)]
    pub(crate) sync: SyncArgs,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
}

/// Options of `mock cleanup`.
#[derive(Debug, Args)]
pub(crate) struct MockCleanupArgs {
    #[command(flatten)]
    pub(crate) cleanup: CleanupArgs,
    #[command(flatten)]
    pub(crate) check: CheckArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Exit with status 5 if something would change
    #[arg(long, hide_env = true, env = "S3MIRROR_CHECK", value_parser = Boolish::new(), help_heading = "Output")]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// How the plan is shown; json is the same as --json
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_FORMAT",
        value_enum,
        value_name = "HOW",
        default_value_t,
        help_heading = "Output"
    )]
    pub(crate) format: Format,
}

/// `--format`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line for each entry
    #[default]
    List,
    /// The same, as a tree of directories
    Tree,
    /// The plan as it is saved, an object a line
    Json,
}

/// Options of `show`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ShowArgs {
    /// The plan, as --plan-out saved it
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) price: PriceArgs,
}

/// Options of `apply`. There are none for what the plan fixes.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ApplyArgs {
    /// The plan, as --plan-out saved it
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) expected: ExpectedArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    #[command(flatten)]
    pub(crate) trash: TrashArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) objects: ObjectArgs,
    #[command(flatten)]
    pub(crate) speed: SpeedArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) price: PriceArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Places")]
pub(crate) struct ExpectedArgs {
    /// Refuse a plan of another directory
    #[arg(short, long, hide_env = true, env = "S3MIRROR_DIR", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Refuse a plan of another bucket or prefix
    #[arg(
        short,
        long,
        hide_env = true,
        env = "S3MIRROR_BUCKET",
        value_name = "BUCKET"
    )]
    pub(crate) bucket: Option<Location>,
}
