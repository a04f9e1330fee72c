//! The options of `cluster script`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sync_core::plan::MaxDelete;

use super::EXAMPLES;
use crate::options::NoTrashArgs;

/// Options of `cluster script`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ScriptArgs {
    /// For which scheduler
    #[arg(value_enum)]
    pub(crate) engine: EngineChoice,
    /// The run directory
    pub(crate) run: PathBuf,
    /// Most tasks at a time [default: 32; AWS Batch: what its queue permits]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_AT_ONCE",
        value_name = "N",
        help_heading = "Script"
    )]
    pub(crate) at_once: Option<NonZeroUsize>,
    /// Image of the container, for Kubernetes and AWS Batch
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_IMAGE",
        default_value = "s3mirror",
        help_heading = "Script"
    )]
    pub(crate) image: String,
    /// What holds both directories: a claim (Kubernetes), a file system of EFS (Batch)
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_VOLUME",
        default_value = "data",
        help_heading = "Script"
    )]
    pub(crate) volume: String,
    /// Where the volume is mounted; RUN and the directory must be below it
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MOUNT",
        value_name = "DIR",
        default_value = "/data",
        help_heading = "Script"
    )]
    pub(crate) mount: String,
    /// Queue of AWS Batch
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_QUEUE",
        default_value = "default",
        help_heading = "Script"
    )]
    pub(crate) queue: String,
    /// Who the containers are: a service account (Kubernetes), the ARN of a role (Batch)
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_ROLE",
        value_name = "NAME",
        help_heading = "Script"
    )]
    pub(crate) role: Option<String>,
    /// Limit of deletions for `seal`: N or P%
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MAX_DELETE",
        value_name = "N|P%",
        help_heading = "Script"
    )]
    pub(crate) max_delete: Option<MaxDelete>,
    #[command(flatten)]
    pub(crate) trash: NoTrashArgs,
    /// Options of the phases, after `--`; each phase gets those that it takes
    #[arg(last = true)]
    pub(crate) options: Vec<String>,
}

/// A scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// Array jobs of Slurm
    Slurm,
    /// Indexed Jobs of Kubernetes
    Kubernetes,
    /// Array jobs of AWS Batch
    Batch,
    /// GNU parallel on this machine
    Parallel,
}
