//! The options of `cluster split`: of a saved plan, or of the keys of both places.

use std::path::PathBuf;

use clap::builder::BoolishValueParser as Boolish;
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};

use super::EXAMPLES;
use crate::options::{
    GuardArgs, IdentityArgs, NoTrashArgs, OutputArgs, PastArgs, PlaceArgs, RuleArgs, SelectionArgs,
    ServerArgs, StateArgs,
};

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
    pub(crate) trash: NoTrashArgs,
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
    pub(crate) trash: NoTrashArgs,
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
