//! Plans in files: written for later, read to be shown or executed.

mod cost;
mod error;
mod in_turn;
mod origin;
mod packed;
mod write;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sync_core::{
    plan::{Header, Origin, Plan},
    spool::Spools,
};
use sync_s3::Location;

use crate::state::TempSpools;

pub(crate) use cost::cost_of_size;
pub use error::PlanFileError;
pub(crate) use in_turn::InTurn;
pub(crate) use origin::{origin_of, places as places_of};
use packed::Unpacked;
pub(crate) use packed::{Cutter, Packed, Span, Work, others, pack, parts_of, span};
pub use write::PlanFile;

/// A plan that was saved, with the places that it was made of.
pub struct SavedPlan {
    pub(crate) plan: Plan,
    pub(crate) directory: PathBuf,
    pub(crate) bucket: Location,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) at: Option<DateTime<Utc>>,
    pub(crate) needs_key: bool,
}

impl SavedPlan {
    /// Reads the plan in `file`, which must not be that of one range of a cluster run. All of it
    /// is checked before it is returned.
    ///
    /// # Errors
    /// [`PlanFileError`]
    pub fn read(file: &Path) -> Result<Self, PlanFileError> {
        let plan = read_plan(file)?;
        let header = plan.header();
        let run = header
            .origin
            .as_ref()
            .and_then(|origin| origin.run.as_ref());
        if run.is_some() || !header.range.is_all() {
            return Err(PlanFileError::OfRun {
                path: file.to_owned(),
            });
        }
        let origin = plan.header().origin.clone();
        Self::of(plan, origin.ok_or(PlanFileError::NoOrigin)?)
    }

    /// The directory that the plan in `file` was made of, by its header alone. None if that cannot
    /// be used, which [`read`](Self::read) reports, or is no regular file, as a pipe, of which
    /// nothing can be read twice.
    #[must_use]
    pub fn directory_in(file: &Path) -> Option<PathBuf> {
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let origin = header_of(file).ok()?.origin?;
        let (directory, _) = origin::places(&origin).ok()?;
        Some(directory)
    }

    /// A plan of those places, or a part of one.
    pub(crate) fn of(plan: Plan, origin: Origin) -> Result<Self, PlanFileError> {
        let (directory, bucket) = origin::places(&origin)?;
        let Origin {
            endpoint_url,
            region,
            at,
            customer_key,
            ..
        } = origin;
        Ok(Self {
            plan,
            directory,
            bucket,
            endpoint_url,
            region,
            at,
            needs_key: customer_key,
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
    let text = lines_of(file).map_err(failed)?;
    let spool = TempSpools.create().map_err(PlanFileError::Spool)?;
    Plan::read_from(text, spool).map_err(failed)
}

/// The header of the plan in `file`; its lines are not read.
pub(crate) fn header_of(file: &Path) -> Result<Header, PlanFileError> {
    let header = lines_of(file).and_then(|mut lines| Plan::read_header(&mut lines));
    header.map_err(|error| PlanFileError::Read {
        path: file.to_owned(),
        error,
    })
}

/// The lines of a plan behind its header.
pub(crate) fn without_header(mut lines: Box<dyn BufRead>) -> io::Result<Box<dyn BufRead>> {
    Plan::read_header(&mut lines)?;
    Ok(lines)
}

/// The lines of the plan in `file`, which may be compressed or plain text, as
/// `zstdcat` and `--json` write it.
pub(crate) fn lines_of(file: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut file = File::open(file)?;
    let mut begin = Vec::new();
    // It may be a pipe, in which nothing can be read twice.
    file.by_ref().take(4).read_to_end(&mut begin)?;
    let is_packed = packed::is_packed(&begin);
    let file = Cursor::new(begin).chain(file);
    Ok(if is_packed {
        Box::new(Unpacked::whole(file)?)
    } else {
        Box::new(BufReader::new(file))
    })
}
