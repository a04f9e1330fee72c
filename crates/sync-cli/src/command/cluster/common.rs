//! What the commands of `cluster` share: their lines of JSON, and errors.

use std::path::Path;

use s3mirror::cluster::{ClusterError, ClusterRun};
use s3mirror::{Direction, Error};
use serde::Serialize;
use sync_core::text::printable_shell_word;

use super::status_line::StatusLine;
use crate::options::NoTrashArgs;
use crate::{Console, Exit, hints};

/// One line of output with `--json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    /// `cluster split`: a plan was divided.
    Split {
        run: &'a str,
        shards: u64,
        /// What is copied.
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        transfers: sync_core::plan::Tally,
        /// What is deleted at the end.
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        deletions: sync_core::plan::Tally,
    },
    /// `cluster split backup`, `cluster split restore`: the keys were divided.
    Ranges {
        run: &'a str,
        ranges: u64,
        /// Into how many shards their plans will be divided.
        shards: u64,
    },
    /// `cluster plan`: an attempt to plan a range has ended.
    Range {
        range: u64,
        /// Which attempt it was, from 1; 0 if it was done before.
        attempt: u32,
        #[cfg_attr(test, schemars(extend("enum" = ["done", "by-another"])))]
        outcome: &'static str,
        /// What is to be copied.
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        transfers: sync_core::plan::Tally,
        /// What is to be deleted at the end.
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        deletions: sync_core::plan::Tally,
        seconds: f64,
    },
    /// `cluster seal`: the plans of all ranges were divided.
    Sealed {
        run: &'a str,
        shards: u64,
        /// What is copied.
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        transfers: sync_core::plan::Tally,
        /// What is deleted at the end.
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        deletions: sync_core::plan::Tally,
    },
    /// `cluster apply`: an attempt at a shard has ended.
    Shard {
        shard: u64,
        /// Which attempt it was, from 1; 0 if it was done before.
        attempt: u32,
        #[cfg_attr(test, schemars(extend("enum" = ["done", "by-another", "failed"])))]
        outcome: &'static str,
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        created: sync_core::plan::Tally,
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
        overwritten: sync_core::plan::Tally,
        failed: u64,
        seconds: f64,
    },
    /// `cluster status`: how far a run is.
    Status(Box<StatusLine>),
}

/// The run in that directory; or the exit status, if it cannot be used.
pub(super) fn open(path: &Path, console: &mut Console) -> Result<ClusterRun, Exit> {
    ClusterRun::open(path).map_err(|error| refuse(error, console))
}

/// Reports an error of a run directory. Nothing was done.
pub(super) fn refuse(error: ClusterError, console: &mut Console) -> Exit {
    let exit = match error {
        ClusterError::NoShard { .. }
        | ClusterError::NoRange { .. }
        | ClusterError::NoRanges { .. }
        | ClusterError::Shards { .. }
        | ClusterError::NotInVolume { .. }
        | ClusterError::NoLimit
        | ClusterError::NotText { .. } => Exit::Usage,
        ClusterError::Finished { .. } | ClusterError::BeingEnded { .. } => Exit::Refused,
        // It can be tried again when what comes before it is done.
        ClusterError::NotSealed { .. }
        | ClusterError::Refused { .. }
        | ClusterError::NotPlanned { .. } => Exit::Incomplete,
        _ => Exit::Failed,
    };
    console.error(hints::error(&Error::Cluster(error)));
    exit
}

/// Reports that a trash is asked for, which a restore by a run cannot have.
pub(super) fn wants_trash(
    args: &NoTrashArgs,
    direction: Direction,
    console: &mut Console,
) -> Option<Exit> {
    let checked = console.ok_or_report(args.check(direction));
    checked.is_none().then_some(Exit::Usage)
}

/// A path in a command to type.
pub(super) fn quoted(path: &Path) -> String {
    printable_shell_word(&path.to_string_lossy())
}

/// So many shards, in words.
pub(super) fn shards(count: usize) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} shard{s}")
}
