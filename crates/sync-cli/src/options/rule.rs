//! How entries are compared.

use clap::Args;

use super::{CompareBy, Links};

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
