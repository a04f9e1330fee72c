//! The options of the estimate.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct PriceArgs {
    /// Estimate by the prices in this file [default: AWS, us-east-1]
    ///
    /// In TOML, or in JSON if its name ends with .json; docs/prices.md has an
    /// example. Servers other than AWS have no estimate without it.
    #[arg(long, hide_env = true, env = "S3MIRROR_PRICES", value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Print requests and price also with --yes or --json
    #[arg(long, hide_env = true, env = "S3MIRROR_ESTIMATE", value_parser = Boolish::new())]
    pub(crate) estimate: bool,
}
