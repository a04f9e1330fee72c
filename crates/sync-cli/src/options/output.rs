//! The options of the output.

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;

use super::{ColorWhen, LogFormat};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Write plan, progress, actions and report as JSON, an object a line
    #[arg(long, hide_env = true, env = "S3MIRROR_JSON", value_parser = Boolish::new())]
    pub(crate) json: bool,
    /// Print nothing unless something goes wrong
    #[arg(short, long, hide_env = true, env = "S3MIRROR_QUIET", value_parser = Boolish::new(), conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Name each entry when it is done; -vv logs requests, -vvv the SDK too
    #[arg(short, long, hide_env = true, env = "S3MIRROR_VERBOSE", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Format of the logs (-vv, RUST_LOG), which go to standard error
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
