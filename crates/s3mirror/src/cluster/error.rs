//! Why a run directory cannot be made or used.

use std::io;
use std::path::{Path, PathBuf};

use sync_core::text::printable;

use crate::plan_file::PlanFileError;

/// Why a run directory cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A file of it cannot be read.
    #[error("cannot read '{path}': {error}", path = shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file of it cannot be written.
    #[error("cannot write '{path}': {error}", path = shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It exists already.
    #[error("the run directory '{path}' exists already", path = shown(path))]
    Exists {
        /// The run directory.
        path: PathBuf,
    },
    /// Others could write to it, or have made it.
    #[error("the run directory '{path}' cannot be trusted: {why}", path = shown(path))]
    Untrusted {
        /// The run directory.
        path: PathBuf,
        /// Who could.
        why: String,
    },
    /// It would be a part of the directory that is mirrored.
    #[error(
        "the run directory '{path}' is inside the directory that is mirrored ('{directory}'), and \
         would be taken for a part of it",
        path = shown(path), directory = shown(directory)
    )]
    Inside {
        /// The run directory.
        path: PathBuf,
        /// The directory that is mirrored.
        directory: PathBuf,
    },
    /// The directory that is mirrored is not there on this machine.
    #[error(
        "cannot use the directory '{directory}' on {host}: {why}",
        directory = shown(directory), host = printable(host)
    )]
    NotMounted {
        /// The name of this machine.
        host: String,
        /// The directory that is mirrored.
        directory: PathBuf,
        /// What is there instead.
        why: String,
    },
    /// It is none, or was not completed.
    #[error("'{path}' is not the directory of a run that was split: {why}", path = shown(path))]
    NotSplit {
        /// The directory.
        path: PathBuf,
        /// What it lacks.
        why: &'static str,
    },
    /// Its plans have not been judged.
    #[error("the plans of '{path}' are not sealed yet", path = shown(path))]
    NotSealed {
        /// The run directory.
        path: PathBuf,
    },
    /// Its plans were judged, and refused.
    #[error("the plans of '{path}' were refused: {why}", path = shown(path))]
    Refused {
        /// The run directory.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Its plan was made before it was split, so there are no ranges to plan.
    #[error("the run '{path}' has a plan already: it was split by a plan, not by ranges", path = shown(path))]
    NoRanges {
        /// The run directory.
        path: PathBuf,
    },
    /// Some of its plans are missing.
    #[error(
        "{missing} of {ranges} ranges of '{path}' have no plan, the first is range {first}",
        path = shown(path)
    )]
    NotPlanned {
        /// The run directory.
        path: PathBuf,
        /// How many.
        missing: usize,
        /// Of how many.
        ranges: usize,
        /// The number of the first.
        first: usize,
    },
    /// There is no range of that number.
    #[error("there is no range {index}: the run has {ranges}, numbered from 0")]
    NoRange {
        /// The number.
        index: usize,
        /// How many there are.
        ranges: usize,
    },
    /// A file of it was edited, or is that of another run.
    #[error("'{path}' was edited or is of another run: {why}", path = shown(path))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// The plan of a range was cut or edited, or is that of another run or range.
    #[error("'{path}' is not the plan of range {range} of this run: {why}", path = shown(path))]
    UnusablePlan {
        /// The run directory.
        run: PathBuf,
        /// The file.
        path: PathBuf,
        /// The number of the range.
        range: usize,
        /// What shows it.
        why: String,
    },
    /// The file that says that a shard is done was cut or edited, or is that of another one.
    #[error("'{path}' does not say that the shard is done: {why}", path = shown(path))]
    NotDone {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// The file that says who ends the run without its deletions was cut or edited.
    #[error("'{path}' does not say who ends the run: {why}", path = shown(path))]
    NotEnding {
        /// The run directory.
        run: PathBuf,
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// Another version of the program has made it.
    #[error(
        "the run '{path}' was made by s3mirror {made}, and this is version {own}",
        path = shown(path)
    )]
    OtherVersion {
        /// The run directory.
        path: PathBuf,
        /// The version that made it.
        made: String,
        /// This version.
        own: &'static str,
    },
    /// Containers would not find it.
    #[error(
        "'{path}' is not below '{mount}', where containers have the volume",
        path = shown(path), mount = shown(mount)
    )]
    NotInVolume {
        /// The run directory, or the one that is mirrored.
        path: PathBuf,
        /// Where the volume is mounted.
        mount: PathBuf,
    },
    /// It has come to its end.
    #[error("the run '{path}' is finished", path = shown(path))]
    Finished {
        /// The run directory.
        path: PathBuf,
    },
    /// It comes to its end without the shards that are not done.
    #[error("the run '{path}' is being ended as it is, by {by}: no shard begins any more", path = shown(path))]
    BeingEnded {
        /// The run directory.
        path: PathBuf,
        /// The process that does so, and where it runs.
        by: String,
    },
    /// A scheduler cannot limit how many tasks run at a time.
    #[error("AWS Batch cannot be told how many tasks run at a time")]
    NoLimit,
    /// No script can have its name.
    #[error("the name of the run directory '{path}' is not UTF-8, so that no script can have it", path = shown(path))]
    NotText {
        /// The run directory.
        path: PathBuf,
    },
    /// There is no shard of that number.
    #[error("there is no shard {index}: the run has {shards}, numbered from 0")]
    NoShard {
        /// The number.
        index: usize,
        /// How many there are.
        shards: usize,
    },
    /// A plan cannot be divided into so many shards.
    #[error("a plan is divided into 1 to {max} shards, not into {shards}")]
    Shards {
        /// How many were asked for.
        shards: usize,
        /// Most.
        max: usize,
    },
    /// The plan cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanFileError),
}

/// Result of an operation on a run directory.
pub(crate) type Result<T, E = ClusterError> = std::result::Result<T, E>;

pub(crate) fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
