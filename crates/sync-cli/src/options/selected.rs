//! Which entries a run concerns.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser as Boolish;

use super::names::NameRules;
use super::{Moment, Size};

/// What is not selected is neither copied nor deleted, on either side.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArgs {
    /// Look only at the keys that a file names, one a line; - is standard input
    ///
    /// A line is a key, the path below the directory or prefix, or dir/ for all below dir; ./
    /// before it means nothing. What is not listed is neither copied nor deleted. What is
    /// listed and missing in the source is deleted from the target.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_FILES_FROM",
        value_name = "FILE"
    )]
    pub(crate) files_from: Option<PathBuf>,
    /// The names in that file end with a NUL, as of find -print0 or git diff -z
    #[arg(long, hide_env = true, env = "S3MIRROR_FROM0", value_parser = Boolish::new(), requires = "files_from")]
    pub(crate) from0: bool,
    #[command(flatten)]
    pub(crate) names: NameRules,
    /// Exclude what a file in gitignore format matches
    ///
    /// May be given several times; --include does not include again what it
    /// excludes.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_EXCLUDE_FROM",
        value_name = "FILE"
    )]
    pub(crate) exclude_from: Vec<PathBuf>,
    /// Exclude what is smaller
    #[arg(long, hide_env = true, env = "S3MIRROR_MIN_SIZE", value_name = "SIZE")]
    pub(crate) min_size: Option<Size>,
    /// Exclude what is larger
    #[arg(long, hide_env = true, env = "S3MIRROR_MAX_SIZE", value_name = "SIZE")]
    pub(crate) max_size: Option<Size>,
    /// Exclude what was modified before: 7d, 36h, 2024-05-01 (UTC)
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
    /// Exclude what was modified since: 7d, 36h, 2024-05-01 (UTC)
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_OLDER_THAN",
        value_name = "WHEN"
    )]
    pub(crate) older_than: Option<Moment>,
}
