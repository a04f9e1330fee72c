//! The options of `watch`.

use std::path::PathBuf;

use clap::Args;

use super::{
    MetricsArgs, ObjectArgs, OutputArgs, PlaceArgs, RuleArgs, SafetyArgs, SelectionArgs,
    ServerArgs, Size, Span, SpeedArgs, StateArgs,
};

const EXAMPLES: &str = "\
Examples:
  s3mirror watch -d /srv/data -b my-bucket/data --yes
  s3mirror watch -d /srv/data -b my-bucket/data -y --settle 10s --max-delete 1000
  s3mirror watch -d . -b test -y --json --status-file /run/s3mirror/test.json

It begins with a full backup. Each cycle is a backup of what has changed, under the same
guards; --max-delete counts the deletions of the last 24 hours against the entries that
the last full run left in the bucket. What fails is tried again. SIGTERM ends it.";

/// Options of watch.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) safety: SafetyArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) rule: RuleArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) objects: ObjectArgs,
    #[command(flatten)]
    pub(crate) speed: SpeedArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
    /// Keep the state of the watch in a JSON file (not inside DIR)
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_STATUS_FILE",
        value_name = "FILE",
        help_heading = "Output"
    )]
    pub(crate) status_file: Option<PathBuf>,
    /// The configuration file that the job is from, if it is not the usual one.
    #[arg(skip)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct PaceArgs {
    /// Begin a cycle when nothing has changed for so long
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SETTLE",
        value_name = "TIME",
        default_value = "2s"
    )]
    pub(crate) settle: Span,
    /// Begin a cycle at the latest so long after a change, even if others follow
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_LONGEST_DELAY",
        value_name = "TIME",
        default_value = "30s"
    )]
    pub(crate) longest_delay: Span,
    /// List both places whole so often
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_FULL_EVERY",
        value_name = "TIME",
        default_value = "24h"
    )]
    pub(crate) full_every: Span,
    /// Memory for the names of what has changed; beyond that, a full run is made [default: 32MiB]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_CHANGE_MEMORY",
        value_name = "SIZE"
    )]
    pub(crate) change_memory: Option<Size>,
}
