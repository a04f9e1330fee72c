//! Why a plan cannot be saved, read or executed.

use std::io;
use std::path::{Path, PathBuf};

use sync_core::{setting::Setting, text::printable};
use sync_s3::Location;

/// Why a plan cannot be saved, read or executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanFileError {
    /// The file cannot be read, is not a plan, or is damaged.
    #[error("cannot read the plan '{path}': {error}", path = shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why; of an invalid plan, with the line.
        error: io::Error,
    },
    /// The plan cannot be kept in a temporary file while it is checked.
    #[error("cannot keep the plan in a temporary file (see TMPDIR): {0}")]
    Spool(io::Error),
    /// The plan does not name the places that it was made of.
    #[error("line 1 of the plan: it does not say of which places it was made")]
    NoOrigin,
    /// The plan names its places wrongly.
    #[error("line 1 of the plan: {0}")]
    Origin(String),
    /// It was made of another directory than is expected.
    #[error("the plan is for the directory '{planned}', not for '{expected}'", planned = shown(planned), expected = shown(expected))]
    OtherDirectory {
        /// That of the plan.
        planned: PathBuf,
        /// That which was asked for.
        expected: PathBuf,
    },
    /// It was made of another bucket or prefix than is expected.
    #[error("the plan is for {planned}, not for {expected}")]
    OtherBucket {
        /// That of the plan.
        planned: Location,
        /// That which was asked for.
        expected: Location,
    },
    /// It was made of another server than the one that is configured.
    #[error("the plan is for the server {planned}, but the configuration names {configured}")]
    OtherServer {
        /// That of the plan: its URL, or "AWS".
        planned: String,
        /// That which is configured.
        configured: String,
    },
    /// It was made with a key of the customer (SSE-C), which it does not hold and which is
    /// not given now.
    #[error(
        "the plan was made with {}, which it does not hold: give it again",
        Setting::CustomerKey
    )]
    NeedsKey,
    /// It is the plan of one range of the keys, which is judged with those of all others.
    #[error(
        "'{path}' is the plan of one key range of a cluster run, and is not executed without those \
         of all others, with which it is judged",
        path = shown(path)
    )]
    OfRun {
        /// The file.
        path: PathBuf,
    },
    /// No plan can be saved of a directory whose name is not UTF-8.
    #[error("cannot save a plan of '{directory}', because that name is not UTF-8", directory = shown(directory))]
    NotUtf8 {
        /// The directory.
        directory: PathBuf,
    },
    /// The file would be a part of the directory that is mirrored.
    #[error(
        "cannot save the plan at '{path}': it is inside the directory that is mirrored, and \
         would be taken for a part of it; save it elsewhere",
        path = shown(path)
    )]
    Inside {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot save the plan at '{path}': {error}", path = shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
