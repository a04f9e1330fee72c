//! The options of `cluster`, whose commands mirror on many machines.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser as Boolish;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};
use sync_core::plan::MaxDelete;

use super::config::LinesArgs;
use super::{
    DurabilityArgs, FinishArgs, GuardArgs, IdentityArgs, MachineGuardArgs, ObjectArgs, OutputArgs,
    PastArgs, PlaceArgs, RuleArgs, SelectionArgs, ServerArgs, SpeedArgs, StateArgs,
};

const EXAMPLES: &str = "\
Examples:
  s3mirror mock backup -d /lustre/p -b bucket/p --plan-out p.plan
  s3mirror cluster split p.plan --run /lustre/run -n 64     asks; divides the plan
  s3mirror cluster script slurm /lustre/run > run.sh        read it, then: sh run.sh
  s3mirror cluster status /lustre/run --watch
  s3mirror cluster apply /lustre/run --shard auto -q        what each task runs
  s3mirror cluster finish /lustre/run                       deletions, one report

If one machine cannot list both sides in time, all of them do:
  s3mirror cluster split backup -d /lustre/p -b bucket/p --run /lustre/run -n 64
  s3mirror cluster plan /lustre/run --shard auto -q         lists its range of keys
  s3mirror cluster seal /lustre/run                         asks; divides the plans
and then apply and finish, as above; the script has all of it.

RUN is a directory on a file system that all machines mount, outside of the
directory that is mirrored. Each of these can be run again: what is done already is
not done twice. Nothing is deleted before all shards are done.";

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Divide a saved plan into shards, or the keys of both places into ranges to plan
    Split(SplitArgs),
    /// List a range of the keys and make its plan, or those of all that have none
    Plan(ClusterPlanArgs),
    /// When all ranges are planned: judge the plans together, divide them into shards
    Seal(SealArgs),
    /// Execute the transfers of a shard, or of all that are not done; delete nothing
    Apply(ClusterApplyArgs),
    /// When all shards are done: make the deletions, report on all of it
    Finish(ClusterFinishArgs),
    /// Show how far a run is
    Status(StatusArgs),
    /// Print a script or manifest that starts all tasks
    Script(ScriptArgs),
}

/// Options of `cluster split`: of a plan, or of a command for whose ranges plans are made.
#[derive(Debug)]
pub(crate) enum SplitArgs {
    Plan(Box<SplitPlanArgs>),
    Ranges(Box<SplitCommand>),
}

/// By hand, because options of the first form that are set by variables must not hinder the
/// second.
impl FromArgMatches for SplitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        if matches.subcommand_name().is_some() {
            let ranges = SplitCommand::from_arg_matches(matches)?;
            return Ok(Self::Ranges(Box::new(ranges)));
        }
        let plan = SplitPlanArgs::from_arg_matches(matches)?;
        Ok(Self::Plan(Box::new(plan)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SplitArgs {
    fn augment_args(command: Command) -> Command {
        let command = SplitCommand::augment_subcommands(SplitPlanArgs::augment_args(command));
        command
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
            .after_long_help(EXAMPLES)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl SplitArgs {
    pub(crate) fn output(&self) -> &OutputArgs {
        match self {
            Self::Plan(args) => &args.output,
            Self::Ranges(command) => match &**command {
                SplitCommand::Backup(args) | SplitCommand::Restore(args) => &args.output,
            },
        }
    }
}

/// Of what ranges are planned.
#[derive(Debug, Subcommand)]
pub(crate) enum SplitCommand {
    /// Divide the keys of a backup into ranges, which all machines plan
    Backup(SplitRangesArgs),
    /// Divide the keys of a restore into ranges, which all machines plan
    Restore(SplitRangesArgs),
}

/// Options of `cluster split` of a saved plan.
#[derive(Debug, Args)]
pub(crate) struct SplitPlanArgs {
    /// The plan, as --plan-out saved it
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) new: NewRunArgs,
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

/// Options of `cluster split backup` and `restore`: those that decide what is planned. The
/// guards are options of `cluster seal`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SplitRangesArgs {
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) past: PastArgs,
    #[command(flatten)]
    pub(crate) new: NewRunArgs,
    /// Delete nothing; keep what the source lacks
    #[arg(long, hide_env = true, env = "S3MIRROR_NO_DELETE", value_parser = Boolish::new(), help_heading = "Safety")]
    pub(crate) no_delete: bool,
    /// Refuse longer keys, in bytes with the prefix; S3's limit is 1024
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MAX_KEY_LENGTH",
        value_name = "BYTES",
        default_value_t = s3mirror::DEFAULT_MAX_KEY_LENGTH,
        help_heading = "Safety"
    )]
    pub(crate) max_key_length: u16,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) rule: RuleArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The run directory to make.
#[derive(Debug, Args)]
pub(crate) struct NewRunArgs {
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
}

/// Options of `cluster plan`. There are none for what was chosen when the keys were divided.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ClusterPlanArgs {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) machine: MachineGuardArgs,
    #[command(flatten)]
    pub(crate) how: ExecutionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Options of `cluster seal`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SealArgs {
    /// The run directory
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    #[command(flatten)]
    pub(crate) how: ExecutionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Which task of a run a process executes.
#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// The run directory
    pub(crate) run: PathBuf,
    /// The number of the task, from 0, or auto for the task of an array [default: all]
    ///
    /// auto takes the one variable that is set of SLURM_ARRAY_TASK_ID,
    /// JOB_COMPLETION_INDEX, AWS_BATCH_JOB_ARRAY_INDEX, PBS_ARRAY_INDEX and, counted
    /// from 1, SGE_TASK_ID, LSB_JOBINDEX. Without --shard, all that are not done are
    /// executed one after the other.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SHARD",
        value_name = "auto|I",
        help_heading = "Places"
    )]
    pub(crate) shard: Option<ShardChoice>,
}

/// Options of `cluster apply`. There are none for what the plan fixes.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ClusterApplyArgs {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
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
    /// Most tasks at a time
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
    /// Limit of deletions for `seal`: N or P%
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MAX_DELETE",
        value_name = "N|P%",
        help_heading = "Script"
    )]
    pub(crate) max_delete: Option<MaxDelete>,
    /// Options of each phase, after `--`
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
