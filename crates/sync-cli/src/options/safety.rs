//! What a run may do, and what needs a confirmation.

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;
use sync_core::plan::MaxDelete;

use super::OnDisk;

/// By what a plan is judged, and whether somebody is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct GuardArgs {
    /// Do not ask "continue?"
    #[arg(short, long, hide_env = true, env = "S3MIRROR_YES", value_parser = Boolish::new())]
    pub(crate) yes: bool,
    /// Refuse to delete more entries, or more of the target: N or P% [default: 50% and 10]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MAX_DELETE",
        value_name = "N|P%"
    )]
    pub(crate) max_delete: Option<MaxDelete>,
    /// Let an empty source empty the target
    #[arg(long, hide_env = true, env = "S3MIRROR_ALLOW_EMPTY_SOURCE", value_parser = Boolish::new())]
    pub(crate) allow_empty_source: bool,
    #[command(flatten)]
    pub(crate) machine: MachineGuardArgs,
}

/// What is known of this machine, and does not stop a run all the same.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct MachineGuardArgs {
    /// Delete although a restore of the directory was not completed; remove its mark
    #[arg(long, hide_env = true, env = "S3MIRROR_RESTORE_ABANDONED", value_parser = Boolish::new())]
    pub(crate) restore_abandoned: bool,
    /// Delete also what another directory was backed up to
    #[arg(long, hide_env = true, env = "S3MIRROR_ALLOW_OVERLAP", value_parser = Boolish::new())]
    pub(crate) allow_overlap: bool,
}

/// Of every run that changes something.
#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct ConsentArgs {
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    #[command(flatten)]
    pub(crate) durability: DurabilityArgs,
}

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct DurabilityArgs {
    /// When a restored file is synced to disk, to survive a power cut
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_DURABILITY",
        value_enum,
        value_name = "HOW",
        default_value_t
    )]
    pub(crate) durability: OnDisk,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct SafetyArgs {
    /// Show what would be done; change nothing
    #[arg(short = 'n', long, hide_env = true, env = "S3MIRROR_DRY_RUN", value_parser = Boolish::new())]
    pub(crate) dry_run: bool,
    /// Delete nothing; keep what the source lacks
    #[arg(long, hide_env = true, env = "S3MIRROR_NO_DELETE", value_parser = Boolish::new(), conflicts_with = "max_delete")]
    pub(crate) no_delete: bool,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
    /// Refuse longer keys, in bytes with the prefix; S3's limit is 1024
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MAX_KEY_LENGTH",
        value_name = "BYTES",
        default_value_t = s3mirror::DEFAULT_MAX_KEY_LENGTH
    )]
    pub(crate) max_key_length: u16,
}
