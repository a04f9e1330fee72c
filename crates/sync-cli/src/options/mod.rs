//! The options of the command line and of the `S3MIRROR_…` variables.
//!
//! Only their definition; `convert` turns them into options of the library.

mod attached;
mod bandwidth;
mod check;
mod cluster;
mod config;
mod convert;
mod doctor;
mod finish;
mod header_text;
mod help;
mod names;
mod objects;
mod output;
mod past;
mod payer;
mod plan;
mod price;
mod rule;
mod safety;
mod selected;
mod server;
mod sizes;
mod speed;
mod state;
mod times;
mod trash;
mod values;
mod verify;
mod versions;
mod watch;

use std::path::PathBuf;

use clap::builder::BoolishValueParser as Boolish;
use clap::{Args, Parser, Subcommand};
use sync_s3::Location;

pub(crate) use cluster::{
    ClusterApplyArgs, ClusterCommand, ClusterFinishArgs, ClusterPlanArgs, EngineChoice,
    ExecutionArgs, ScriptArgs, SealArgs, ShardChoice, SplitArgs, SplitCommand, SplitPlanArgs,
    SplitRangesArgs, StatusArgs, TaskArgs,
};
pub(crate) use config::{CheckConfigArgs, ConfigCommand, JobWords, JobsArgs, RunArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use finish::{FinishArgs, MetricsArgs};
pub(crate) use help::{definition, definition_without_variables};
pub(crate) use objects::ObjectArgs;
pub(crate) use output::OutputArgs;
pub(crate) use past::{NOT_OF_THE_PAST, PastArgs};
pub(crate) use plan::{ApplyArgs, Format, MockArgs, MockCleanupArgs, ShowArgs};
pub(crate) use price::PriceArgs;
pub(crate) use rule::{IdentityArgs, RuleArgs};
pub(crate) use safety::{ConsentArgs, DurabilityArgs, GuardArgs, MachineGuardArgs, SafetyArgs};
pub(crate) use selected::SelectionArgs;
pub(crate) use server::ServerArgs;
pub(crate) use sizes::Size;
pub(crate) use speed::SpeedArgs;
pub(crate) use state::StateArgs;
pub(crate) use times::{Moment, Span};
pub(crate) use trash::{NOT_FOR_BACKUP, NOT_FOR_CLUSTER, NoTrashArgs, TrashArgs};
pub(crate) use values::{ChecksumChoice, ColorWhen, CompareBy, Links, LogFormat, OnDisk, When};
pub(crate) use verify::VerifyArgs;
pub(crate) use versions::VersionsArgs;
pub(crate) use watch::WatchArgs;

const EXAMPLES: &str = "\
Examples:
  s3mirror mock backup -d ~/photos -b my-bucket/photos    what would be done
  s3mirror backup -d ~/photos -b my-bucket/photos         asks, then does it
  s3mirror restore -d ~/photos -b my-bucket/photos        the other way
  s3mirror backup -y -d /srv -b srv --max-delete 100      from cron
  s3mirror backup -d . -b test --endpoint-url http://localhost:9000
  s3mirror mock backup -d . -b test --plan-out test.plan  saves the plan …
  s3mirror apply test.plan                                … and executes it later
  s3mirror cleanup -d ~/photos                            removes empty directories
  s3mirror restore -d ~/photos -b my-bucket/photos --at 7d   as it was a week ago
  s3mirror run photos                                     a job of the config file

Backup and restore overwrite and delete: the target becomes equal to the source.
Every option can be set from the environment: --max-delete is S3MIRROR_MAX_DELETE.
Credentials come from the usual AWS sources (environment, ~/.aws, SSO, roles).

Exit status: 0 done, 1 failed, 2 wrong usage, 3 incomplete, 4 refused by a guard,
5 something would change (mock --check) or differs (verify), 6 done, but the output
could not be written, 129, 130, 143 stopped by SIGHUP, SIGINT, SIGTERM.";

/// What `-h` shows of these.
const FEW_EXAMPLES: &str = "\
Examples:
  s3mirror mock backup -d ~/photos -b my-bucket/photos    what would be done
  s3mirror backup -d ~/photos -b my-bucket/photos         asks, then does it
  s3mirror restore -d ~/photos -b my-bucket/photos        the other way

Options of a command: s3mirror backup -h. More examples: s3mirror --help";

/// Keeps a directory and an S3 bucket equal.
#[derive(Debug, Parser)]
#[command(
    name = "s3mirror",
    version,
    after_help = FEW_EXAMPLES,
    after_long_help = EXAMPLES,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the bucket equal to the directory
    Backup(SyncArgs),
    /// Make the directory equal to the bucket
    Restore(SyncArgs),
    /// Show what a command would do; change nothing
    Mock {
        #[command(subcommand)]
        command: MockCommand,
    },
    /// Execute a plan that was saved by --plan-out, and nothing else
    Apply(ApplyArgs),
    /// Show a plan that was saved by --plan-out; send no request
    Show(ShowArgs),
    /// Compare the contents of the directory and the bucket; change nothing
    Verify(VerifyArgs),
    /// List the versions that the bucket keeps of a key, or below a prefix
    Versions(VersionsArgs),
    /// Test whether the bucket and the directory are fit for backup and restore
    Doctor(DoctorArgs),
    /// Back up the directory whenever it changes, until it is stopped
    Watch(WatchArgs),
    /// Remove empty directories below the directory
    Cleanup(CleanupArgs),
    /// Mirror on many machines, which execute one plan or plan as well
    Cluster {
        #[command(subcommand)]
        command: ClusterCommand,
    },
    /// Run a job of the configuration file
    Run(RunArgs),
    /// List the jobs of the configuration file
    Jobs(JobsArgs),
    /// Check the configuration file; show values and their sources
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// As `mock backup`, for users of go-s3sync.
    #[command(hide = true)]
    Backupmock(SyncArgs),
    /// As `mock restore`, for users of go-s3sync.
    #[command(hide = true)]
    Restoremock(SyncArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum MockCommand {
    /// Show what would be uploaded and deleted
    Backup(MockArgs),
    /// Show what would be downloaded and deleted
    Restore(MockArgs),
    /// Show which empty directories would be removed
    Cleanup(MockCleanupArgs),
}

/// Options of backup and restore.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) places: PlaceArgs,
    #[command(flatten)]
    pub(crate) past: PastArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) safety: SafetyArgs,
    #[command(flatten)]
    pub(crate) trash: TrashArgs,
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
    pub(crate) price: PriceArgs,
    #[command(flatten)]
    pub(crate) finish: FinishArgs,
    /// Save the plan, for `show` and `apply`; an earlier plan there is replaced
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_PLAN_OUT",
        value_name = "FILE",
        help_heading = "Output"
    )]
    pub(crate) plan_out: Option<PathBuf>,
    /// The configuration file that the job is from, if it is not the usual one.
    #[arg(skip)]
    pub(crate) config: Option<PathBuf>,
}

/// Options of cleanup.
#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    /// The directory; it is kept even if it is empty
    #[arg(short, long, hide_env = true, env = "S3MIRROR_DIR", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Show what would be done; change nothing
    #[arg(short = 'n', long, hide_env = true, env = "S3MIRROR_DRY_RUN", value_parser = Boolish::new())]
    pub(crate) dry_run: bool,
    /// Accepted for uniformity; cleanup deletes no file, so it asks only about `/`
    #[arg(short, long, hide_env = true, env = "S3MIRROR_YES", value_parser = Boolish::new(), hide = true)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Places")]
pub(crate) struct PlaceArgs {
    /// The directory
    ///
    /// Both places may be given as words instead, in the order of a copy: 'backup DIR
    /// s3://BUCKET', 'restore s3://BUCKET DIR'.
    #[arg(short, long, hide_env = true, env = "S3MIRROR_DIR", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The bucket and prefix: NAME, NAME/PREFIX or s3://NAME/PREFIX
    #[arg(
        short,
        long,
        hide_env = true,
        env = "S3MIRROR_BUCKET",
        value_name = "BUCKET"
    )]
    pub(crate) bucket: Location,
}
