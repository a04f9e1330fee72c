//! The options of `cluster`, whose commands mirror on many machines.

mod script;
mod split;

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser as Boolish;
use clap::{Args, Subcommand};

pub(crate) use script::{EngineChoice, ScriptArgs};
pub(crate) use split::{SplitArgs, SplitCommand, SplitPlanArgs, SplitRangesArgs};

use super::config::LinesArgs;
use super::{
    DurabilityArgs, FinishArgs, GuardArgs, IdentityArgs, MachineGuardArgs, NoTrashArgs, ObjectArgs,
    OutputArgs, ServerArgs, SpeedArgs, StateArgs,
};
use crate::Exit;

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

/// Options of `cluster plan`. There are none for what was chosen when the keys were divided.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ClusterPlanArgs {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) machine: MachineGuardArgs,
    #[command(flatten)]
    pub(crate) trash: NoTrashArgs,
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
    pub(crate) scheduler: SchedulerArgs,
    #[command(flatten)]
    pub(crate) guards: GuardArgs,
    #[command(flatten)]
    pub(crate) trash: NoTrashArgs,
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
    pub(crate) trash: NoTrashArgs,
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
    pub(crate) scheduler: SchedulerArgs,
    #[command(flatten)]
    pub(crate) machine: MachineGuardArgs,
    #[command(flatten)]
    pub(crate) trash: NoTrashArgs,
    #[command(flatten)]
    pub(crate) how: ExecutionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
}

/// What a scheduler is told.
#[derive(Debug, Args)]
pub(crate) struct SchedulerArgs {
    /// For a scheduler that tries again: end with 4, not 3, where that would be in vain
    ///
    /// In vain where the run was finished before, is being ended by somebody, or lacks
    /// only entries that are no longer what was planned; and where its keys must be split
    /// again. --json and the metrics have the status of the run, which is 3.
    #[arg(long, hide_env = true, env = "S3MIRROR_RETRIED", value_parser = Boolish::new(), help_heading = "Output")]
    pub(crate) retried: bool,
}

impl SchedulerArgs {
    /// The exit status where another try would end in the same way.
    pub(crate) fn in_vain(&self, exit: Exit) -> Exit {
        match exit {
            Exit::Incomplete if self.retried => Exit::InVain,
            exit => exit,
        }
    }
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
    /// Show it again every two seconds, until the run is finished, or nobody works at it and all
    /// that is left has failed or was killed
    ///
    /// It goes on while shards or ranges wait that nobody has begun, while the plans can be sealed,
    /// and while all is copied and the run can be finished: a scheduler may start that. It goes on
    /// while a process on another machine writes no heartbeat, too, because that may be at work. Where
    /// it does not write to a terminal, it prints the state only when that has changed.
    #[arg(long, hide_env = true, env = "S3MIRROR_WATCH", value_parser = Boolish::new(), help_heading = "Output")]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) output: LinesArgs,
}
