//! The options of `cluster`, whose commands execute one plan on many machines.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser as Boolish;
use clap::{Args, Subcommand, ValueEnum};

use super::config::LinesArgs;
use super::{
    DurabilityArgs, FinishArgs, GuardArgs, IdentityArgs, MachineGuardArgs, ObjectArgs, OutputArgs,
    ServerArgs, SpeedArgs, StateArgs,
};

const EXAMPLES: &str = "\
Examples:
  s3mirror mock backup -d /lustre/p -b bucket/p --plan-out p.plan
  s3mirror cluster split p.plan --run /lustre/run -n 64     asks; divides the plan
  s3mirror cluster script slurm /lustre/run > run.sh        read it, then: sh run.sh
  s3mirror cluster status /lustre/run --watch
  s3mirror cluster apply /lustre/run --shard auto -q        what each task runs
  s3mirror cluster finish /lustre/run                       deletions, one report

RUN is a directory on a file system that all machines mount, outside of the
directory that is mirrored. Each of these can be run again: what is done already is
not done twice. Nothing is deleted before all shards are done.";

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Divide a saved plan into shards that take about as long as each other
    Split(SplitArgs),
    /// Execute the transfers of a shard, or of all that are not done; delete nothing
    Apply(ClusterApplyArgs),
    /// When all shards are done: make the deletions, report on all of it
    Finish(ClusterFinishArgs),
    /// Show how far a run is
    Status(StatusArgs),
    /// Print a script or manifest that starts all shards
    Script(ScriptArgs),
}

/// Options of `cluster split`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SplitArgs {
    /// The plan, as --plan-out saved it
    pub(crate) file: PathBuf,
    /// The run directory to make, on a file system that all machines mount
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_RUN",
        value_name = "RUN",
        help_heading = "Places"
    )]
    pub(crate) run: PathBuf,
    /// How many shards: about eight for each machine, at most 1000
    #[arg(
        short = 'n',
        long,
        hide_env = true,
        env = "S3MIRROR_SHARDS",
        value_name = "N",
        help_heading = "Places"
    )]
    pub(crate) shards: usize,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Options of `cluster apply`. There are none for what the plan fixes.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ClusterApplyArgs {
    /// The run directory
    pub(crate) run: PathBuf,
    /// The shard: a number from 0, or auto for the task of an array [default: all]
    ///
    /// auto takes the one variable that is set of SLURM_ARRAY_TASK_ID,
    /// JOB_COMPLETION_INDEX, AWS_BATCH_JOB_ARRAY_INDEX, PBS_ARRAY_INDEX and, counted
    /// from 1, SGE_TASK_ID, LSB_JOBINDEX. Without --shard, all shards that are not
    /// done are executed one after the other.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SHARD",
        value_name = "auto|I",
        help_heading = "Places"
    )]
    pub(crate) shard: Option<ShardChoice>,
    #[command(flatten)]
    pub(crate) how: ExecutionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Options of `cluster finish`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ClusterFinishArgs {
    /// The run directory
    pub(crate) run: PathBuf,
    /// Do not ask "continue?" before anything is deleted
    #[arg(short, long, hide_env = true, env = "S3MIRROR_YES", value_parser = Boolish::new(), help_heading = "Safety")]
    pub(crate) yes: bool,
    /// End the run as it is: delete nothing, also if shards are not done
    ///
    /// For a run that cannot be completed, because files have changed since it was
    /// planned. Shards that are at work stop. The exit status is 3 if anything of the
    /// plan is left; a plain run or a new plan puts that right.
    #[arg(long, hide_env = true, env = "S3MIRROR_WITHOUT_DELETIONS", value_parser = Boolish::new(), help_heading = "Safety")]
    pub(crate) without_deletions: bool,
    #[command(flatten)]
    pub(crate) machine: MachineGuardArgs,
    #[command(flatten)]
    pub(crate) how: ExecutionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
}

/// How a part of a plan is executed.
#[derive(Debug, Args)]
pub(crate) struct ExecutionArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) durability: DurabilityArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) objects: ObjectArgs,
    #[command(flatten)]
    pub(crate) speed: SpeedArgs,
}

/// `--shard`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardChoice {
    /// What the scheduler says.
    Auto,
    /// That one.
    Number(usize),
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let number = text.parse().map(Self::Number);
        number.map_err(|_| format!("invalid shard '{text}' (examples: 0, 17, auto)"))
    }
}

/// Options of `cluster status`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct StatusArgs {
    /// The run directory
    pub(crate) run: PathBuf,
    /// Show it again every two seconds, until the run is finished
    #[arg(long, hide_env = true, env = "S3MIRROR_WATCH", value_parser = Boolish::new(), help_heading = "Output")]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) output: LinesArgs,
}

/// Options of `cluster script`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ScriptArgs {
    /// For which scheduler
    #[arg(value_enum)]
    pub(crate) engine: EngineChoice,
    /// The run directory
    pub(crate) run: PathBuf,
    /// Most shards at a time
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_AT_ONCE",
        value_name = "N",
        default_value_t = 32,
        help_heading = "Script"
    )]
    pub(crate) at_once: usize,
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
    /// Options of apply and finish, after `--`
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
