//! How entries are compared.

use clap::Args;
use clap::builder::{ArgPredicate, BoolishValueParser as Boolish};

use super::{CompareBy, Links};

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Rule")]
pub(crate) struct IdentityArgs {
    /// Ignore changes of a file's inode number [default: detected]
    #[arg(long, hide_env = true, env = "S3MIRROR_IGNORE_INODE", value_parser = Boolish::new())]
    pub(crate) ignore_inode: bool,
    /// Ignore changes of a file's change time [default: detected]
    #[arg(long, hide_env = true, env = "S3MIRROR_IGNORE_CTIME", value_parser = Boolish::new())]
    pub(crate) ignore_ctime: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rule")]
pub(crate) struct RuleArgs {
    /// How files of the same size are compared; with --at by exact-times
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_COMPARE",
        value_enum,
        value_name = "HOW",
        default_value_t,
        // An older file of the same size is right for the present only.
        default_value_if("at", ArgPredicate::IsPresent, "exact-times")
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
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
}
