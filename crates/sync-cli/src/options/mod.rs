//! What can be said on the command line or by `S3MIRROR_…` variables.
//!
//! This is the definition only; what an option means is told where it is
//! turned into a value of the libraries (`places`, `command`).

mod bandwidth;
mod check;
mod config;
mod doctor;
mod finish;
mod help;
mod names;
mod objects;
mod plan;
mod price;
mod sizes;
mod times;
mod trash;
mod values;
mod verify;

use std::path::PathBuf;

use clap::builder::BoolishValueParser as Boolish;
use clap::{Args, Parser, Subcommand};
use sync_core::MaxDelete;
use sync_s3::Location;

use bandwidth::BandwidthLimit;
pub(crate) use config::{CheckConfigArgs, ConfigCommand, JobWords, JobsArgs, RunArgs};
pub(crate) use doctor::DoctorArgs;
pub(crate) use finish::FinishArgs;
pub(crate) use help::definition;
use names::NameRules;
pub(crate) use objects::ObjectArgs;
use objects::{Account, WhoPays};
pub(crate) use plan::{ApplyArgs, Format, MockArgs, MockCleanupArgs, ShowArgs};
pub(crate) use price::PriceArgs;
pub(crate) use sizes::{Size, default_part_size};
pub(crate) use times::Moment;
pub(crate) use trash::{NOT_FOR_BACKUP, TrashArgs};
pub(crate) use values::{ChecksumChoice, ColorWhen, CompareBy, Links, LogFormat, OnDisk, When};
pub(crate) use verify::VerifyArgs;

const EXAMPLES: &str = "\
Examples:
  s3mirror mock backup -d ~/photos -b my-bucket/photos    what would be done
  s3mirror backup -d ~/photos -b my-bucket/photos         asks, then does it
  s3mirror restore -d ~/photos -b my-bucket/photos        the other way
  s3mirror backup -y -d /srv -b srv --max-delete 100      from cron
  s3mirror backup -d . -b test --endpoint-url http://localhost:9000
  s3mirror mock backup -d . -b test --plan-out test.plan  saves the plan …
  s3mirror apply test.plan                                … and carries it out later
  s3mirror cleanup -d ~/photos                            removes empty directories
  s3mirror run photos                                     a job of the config file

Backup and restore overwrite and delete: the target becomes equal to the source.
Every option can be set from the environment: --max-delete is S3MIRROR_MAX_DELETE.
Credentials come from the usual AWS sources (environment, ~/.aws, SSO, roles).

Exit status: 0 done, 1 failed, 2 wrong usage, 3 incomplete, 4 refused by a guard,
5 something would change (mock --check) or differs (verify), 130 interrupted.";

/// What `-h` shows of these.
const FEW_EXAMPLES: &str = "\
Examples:
  s3mirror mock backup -d ~/photos -b my-bucket/photos    what would be done
  s3mirror backup -d ~/photos -b my-bucket/photos         asks, then does it
  s3mirror restore -d ~/photos -b my-bucket/photos        the other way

Options of a command: s3mirror backup -h. More examples: s3mirror --help";

/// Bytes of the longest key, with the prefix (design, promise 9).
const DEFAULT_MAX_KEY_LENGTH: u16 = 1000;

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
    /// Carry out a plan that was saved by --plan-out, and nothing else
    Apply(ApplyArgs),
    /// Show a plan that was saved by --plan-out; ask no server
    Show(ShowArgs),
    /// Compare the contents of the directory and the bucket; change nothing
    Verify(VerifyArgs),
    /// Try out whether the bucket and the directory are fit for backup and restore
    Doctor(DoctorArgs),
    /// Remove empty directories below the directory
    Cleanup(CleanupArgs),
    /// Run a job of the configuration file
    Run(RunArgs),
    /// List the jobs of the configuration file
    Jobs(JobsArgs),
    /// Check the configuration file; show what is in force, and why
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// As `mock backup`, for those who come from go-s3sync.
    #[command(hide = true)]
    Backupmock(SyncArgs),
    /// As `mock restore`, for those who come from go-s3sync.
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
}

/// Options of cleanup.
#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    /// The directory; it stays, even when it is empty
    #[arg(short, long, hide_env = true, env = "S3MIRROR_DIR", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Show what would be done; change nothing
    #[arg(short = 'n', long, hide_env = true, env = "S3MIRROR_DRY_RUN", value_parser = Boolish::new())]
    pub(crate) dry_run: bool,
    /// Accepted for uniformity: cleanup deletes no file, so it never asks
    #[arg(short, long, hide_env = true, env = "S3MIRROR_YES", value_parser = Boolish::new(), hide = true)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Places")]
pub(crate) struct PlaceArgs {
    /// The directory
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

/// What every run that changes something asks for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct ConsentArgs {
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
    /// When a restored file is on disk, so that it survives a power cut
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
    /// Delete nothing; what the source lacks is kept
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
        default_value_t = DEFAULT_MAX_KEY_LENGTH
    )]
    pub(crate) max_key_length: u16,
}

/// What is not selected is neither copied nor deleted, on either side.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArgs {
    #[command(flatten)]
    pub(crate) names: NameRules,
    /// Leave out what a file in gitignore form names
    ///
    /// May be given several times; what it excludes is not brought back by
    /// --include.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_EXCLUDE_FROM",
        value_name = "FILE"
    )]
    pub(crate) exclude_from: Vec<PathBuf>,
    /// Leave out what is smaller
    #[arg(long, hide_env = true, env = "S3MIRROR_MIN_SIZE", value_name = "SIZE")]
    pub(crate) min_size: Option<Size>,
    /// Leave out what is larger
    #[arg(long, hide_env = true, env = "S3MIRROR_MAX_SIZE", value_name = "SIZE")]
    pub(crate) max_size: Option<Size>,
    /// Leave out what was modified before: 7d, 36h, 2024-05-01 (UTC)
    ///
    /// A duration back from now (s, m, h, d, w, as in 1d12h), a date in UTC, or
    /// a time as in 2024-05-01T12:00:00Z.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_NEWER_THAN",
        value_name = "WHEN"
    )]
    pub(crate) newer_than: Option<Moment>,
    /// Leave out what was modified since: 7d, 36h, 2024-05-01 (UTC)
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_OLDER_THAN",
        value_name = "WHEN"
    )]
    pub(crate) older_than: Option<Moment>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rule")]
pub(crate) struct RuleArgs {
    /// How files of the same size are told apart
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_COMPARE",
        value_enum,
        value_name = "HOW",
        default_value_t
    )]
    pub(crate) compare: CompareBy,
    /// Which symbolic links are copied as the file they name
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SYMLINKS",
        value_enum,
        value_name = "WHICH",
        default_value_t
    )]
    pub(crate) symlinks: Links,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Region of the bucket [default: as configured for AWS]
    #[arg(long, hide_env = true, env = "S3MIRROR_REGION")]
    pub(crate) region: Option<String>,
    /// Profile of the AWS configuration
    #[arg(long, hide_env = true, env = "S3MIRROR_PROFILE")]
    pub(crate) profile: Option<String>,
    /// Another server than AWS
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_ENDPOINT_URL",
        value_name = "URL"
    )]
    pub(crate) endpoint_url: Option<String>,
    /// Put the bucket into the path of URLs; auto: for servers other than AWS
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_PATH_STYLE",
        value_enum,
        value_name = "WHEN",
        default_value_t
    )]
    pub(crate) path_style: When,
    /// Send requests unsigned, for public buckets
    #[arg(long, hide_env = true, env = "S3MIRROR_NO_SIGN_REQUEST", value_parser = Boolish::new(), conflicts_with = "profile")]
    pub(crate) no_sign_request: bool,
    /// Send no If-Match, for servers without conditional requests
    #[arg(long, hide_env = true, env = "S3MIRROR_NO_CONDITIONAL", value_parser = Boolish::new())]
    pub(crate) no_conditional: bool,
    /// Checksum of uploads; auto: crc64nvme
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_CHECKSUM",
        value_enum,
        value_name = "KIND",
        default_value_t
    )]
    pub(crate) checksum: ChecksumChoice,
    /// Sign the content of uploads; auto: not over https
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SIGN_PAYLOAD",
        value_enum,
        value_name = "WHEN",
        default_value_t
    )]
    pub(crate) sign_payload: When,
    /// Pay for requests and traffic oneself, where the owner of the bucket demands that
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_REQUEST_PAYER",
        value_enum,
        value_name = "requester",
        num_args = 0..=1,
        default_missing_value = "requester",
        hide_possible_values = true,
        conflicts_with = "no_sign_request"
    )]
    pub(crate) request_payer: Option<WhoPays>,
    /// Refuse a bucket that another account owns
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_EXPECTED_BUCKET_OWNER",
        value_name = "ACCOUNT"
    )]
    pub(crate) expected_bucket_owner: Option<Account>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Speed")]
pub(crate) struct SpeedArgs {
    /// Most requests under way; by default as many as pay
    #[arg(long, hide_env = true, env = "S3MIRROR_CONCURRENCY", value_name = "N")]
    pub(crate) concurrency: Option<u16>,
    /// Size of the parts of large files, at least 5 MiB [default: 8MiB up, 4MiB down]
    #[arg(long, hide_env = true, env = "S3MIRROR_PART_SIZE", value_name = "SIZE")]
    pub(crate) part_size: Option<Size>,
    /// Most content held in memory [default: 64MiB up, 20MiB down]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MAX_MEMORY",
        value_name = "SIZE"
    )]
    pub(crate) max_memory: Option<Size>,
    /// Most bytes a second, up and down each: 10MiB, or a timetable in UTC
    ///
    /// As in '08:00,512KiB 19:00,10MiB 23:00,off'. All requests share it; their
    /// bodies count, listings too. At least 16KiB.
    #[arg(long, hide_env = true, env = "S3MIRROR_BWLIMIT", value_name = "RATE")]
    pub(crate) bwlimit: Option<BandwidthLimit>,
    /// Attempts of a request before it fails
    #[arg(long, hide_env = true, env = "S3MIRROR_MAX_ATTEMPTS", value_name = "N",
          default_value_t = sync_s3::DEFAULT_MAX_ATTEMPTS)]
    pub(crate) max_attempts: u32,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write plan, progress, actions and report as JSON, an object a line
    #[arg(long, hide_env = true, env = "S3MIRROR_JSON", value_parser = Boolish::new())]
    pub(crate) json: bool,
    /// Say nothing unless something goes wrong
    #[arg(short, long, hide_env = true, env = "S3MIRROR_QUIET", value_parser = Boolish::new(), conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Name each entry when it is done; -vv logs requests, -vvv the SDK too
    #[arg(short, long, hide_env = true, env = "S3MIRROR_VERBOSE", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Form of the logs (-vv, RUST_LOG), which go to standard error
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_LOG_FORMAT",
        value_enum,
        value_name = "FORM",
        default_value_t
    )]
    pub(crate) log_format: LogFormat,
    /// Colours
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_COLOR",
        value_enum,
        value_name = "WHEN",
        default_value_t
    )]
    pub(crate) color: ColorWhen,
}
