//! The options of the commands that use the configuration file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::BoolishValueParser as Boolish;
use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  s3mirror jobs                                which jobs there are
  s3mirror run photos                          a job of the file
  s3mirror run photos --max-delete 500         an option overrides the file
  s3mirror run photos --help                   the options of the job's command
  s3mirror config check photos                 its values and their sources

The file is ~/.config/s3mirror/config.toml ($XDG_CONFIG_HOME), else the same
below /etc/xdg ($XDG_CONFIG_DIRS):

  [defaults]
  max-delete = 100

  [jobs.photos]
  command = \"backup\"
  dir = \"~/photos\"
  bucket = \"my-bucket/photos\"
  exclude = [\"*.tmp\"]";

/// Options of `run`.
#[derive(Debug, Args)]
#[command(
    after_long_help = EXAMPLES,
    override_usage = "s3mirror run [--config <FILE>] <JOB> [OPTIONS]",
    disable_help_subcommand = true
)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFileArgs,
    #[command(subcommand)]
    pub(crate) job: Option<JobWords>,
}

/// The name of a job and what follows it. For clap it is an unknown command, so
/// that the options behind it are not parsed yet, not even `--help`.
#[derive(Debug, Subcommand)]
pub(crate) enum JobWords {
    /// The job and options of its command, which override the file
    #[command(external_subcommand)]
    Words(Vec<OsString>),
}

impl JobWords {
    /// The job's name and the options behind it.
    pub(crate) fn split(self) -> (String, Vec<OsString>) {
        let Self::Words(mut words) = self;
        // clap accepts no command without a name.
        let options = words.split_off(words.len().min(1));
        let name = words.pop().unwrap_or_default();
        (name.to_string_lossy().into_owned(), options)
    }
}

/// Options of `jobs`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct JobsArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFileArgs,
    #[command(flatten)]
    pub(crate) output: LinesArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration file; show the values of each job and their sources
    Check(CheckConfigArgs),
}

/// Options of `config check`.
#[derive(Debug, Args)]
#[command(
    after_long_help = EXAMPLES,
    override_usage = "s3mirror config check [--config <FILE>] [--json] [<JOB> [OPTIONS]]",
    disable_help_subcommand = true
)]
pub(crate) struct CheckConfigArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFileArgs,
    #[command(flatten)]
    pub(crate) output: LinesArgs,
    #[command(subcommand)]
    pub(crate) job: Option<JobWords>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFileArgs {
    /// The configuration file [default: the first that exists]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_CONFIG",
        value_name = "FILE",
        help_heading = "Configuration"
    )]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LinesArgs {
    /// Write JSON, an object a line
    #[arg(long, hide_env = true, env = "S3MIRROR_JSON", value_parser = Boolish::new(), help_heading = "Output")]
    pub(crate) json: bool,
}
