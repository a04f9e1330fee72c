//! Why a mirror cannot be opened, planned or executed.

use std::io;
use std::path::PathBuf;

use sync_core::{StoreError, plan::PlanError, text::printable};

use crate::cluster::ClusterError;
use crate::plan_file::PlanFileError;
use crate::refusal::Refusal;
use crate::selection::SelectionError;

/// An error of a [`Mirror`](crate::Mirror). Nothing was changed, unless it says
/// so: what fails for single entries is in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The options contradict each other.
    #[error("{0}")]
    Options(&'static str),
    /// The selection is invalid.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// The directory or the bucket cannot be opened, or does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run works on the directory or the bucket.
    #[error("{0}")]
    Locked(String),
    /// No plan can be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A plan cannot be saved, read, or executed here.
    #[error(transparent)]
    PlanFile(#[from] PlanFileError),
    /// A run directory cannot be made or used.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The plan that was made cannot be read back.
    #[error("cannot read the plan: {0}")]
    ReadPlan(#[source] io::Error),
    /// The directory cannot be watched.
    #[error("cannot watch '{}': {error}", printable(&directory.to_string_lossy()))]
    Watch {
        /// The directory.
        directory: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Guards refuse the plan.
    #[error("refused: {}", .0.iter().map(Refusal::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// The plan was made by a mirror of other places, or of the other direction.
    #[error("the plan is for {planned}, not for {executed}")]
    OtherMirror {
        /// What the plan is for, as in "a backup of '/srv/data' to s3://bucket/".
        planned: String,
        /// What the mirror is for.
        executed: String,
    },
    /// The mirror was opened for a preview, so it holds no locks and changes
    /// nothing.
    #[error("the mirror was opened for a preview and changes nothing")]
    Preview,
}

/// Result of a [`Mirror`](crate::Mirror)'s operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
