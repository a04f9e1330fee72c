//! Plans in files: written for later, read to be shown or executed.

mod origin;
mod write;

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use sync_core::{Origin, Plan, Spools, printable};
use sync_s3::Location;

use crate::state::TempSpools;

pub(crate) use origin::origin_of;
pub use write::PlanFile;

/// A plan that was saved, with the places that it was made of.
pub struct SavedPlan {
    pub(crate) plan: Plan,
    pub(crate) directory: PathBuf,
    pub(crate) bucket: Location,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) region: Option<String>,
}

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

impl SavedPlan {
    /// Reads the plan in `file`. All of it is checked before it is returned.
    ///
    /// # Errors
    /// [`PlanFileError`]
    pub fn read(file: &Path) -> Result<Self, PlanFileError> {
        let plan = read_plan(file)?;
        let Some(origin) = plan.header().origin.clone() else {
            return Err(PlanFileError::NoOrigin);
        };
        let (directory, bucket) = origin::places(&origin)?;
        let Origin {
            endpoint_url,
            region,
            ..
        } = origin;
        Ok(Self {
            plan,
            directory,
            bucket,
            endpoint_url,
            region,
        })
    }

    /// The plan itself.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The directory that it was made of.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The bucket and prefix that it was made of.
    #[must_use]
    pub fn bucket(&self) -> &Location {
        &self.bucket
    }

    /// Checks that it was made of `directory` and `bucket`, where these are given.
    ///
    /// # Errors
    /// [`PlanFileError::OtherDirectory`] or [`PlanFileError::OtherBucket`]
    pub fn expect(
        &self,
        directory: Option<&Path>,
        bucket: Option<&Location>,
    ) -> Result<(), PlanFileError> {
        let is_other =
            |expected: &&Path| origin::real_path(expected) != origin::real_path(&self.directory);
        if let Some(expected) = directory.filter(is_other) {
            return Err(PlanFileError::OtherDirectory {
                planned: self.directory.clone(),
                expected: expected.to_owned(),
            });
        }
        if let Some(expected) = bucket.filter(|bucket| **bucket != self.bucket) {
            return Err(PlanFileError::OtherBucket {
                planned: self.bucket.clone(),
                expected: expected.clone(),
            });
        }
        Ok(())
    }
}

/// Reads the plan in `file` to be shown, whether or not it names its places.
///
/// # Errors
/// [`PlanFileError`]
pub fn read_plan(file: &Path) -> Result<Plan, PlanFileError> {
    let failed = |error| PlanFileError::Read {
        path: file.to_owned(),
        error,
    };
    let text = File::open(file).map_err(failed)?;
    let spool = TempSpools.create().map_err(PlanFileError::Spool)?;
    Plan::read_from(BufReader::new(text), spool).map_err(failed)
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
