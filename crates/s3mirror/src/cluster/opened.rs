//! A run directory whose `run.json` was checked, whatever else is in it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sync_core::text::printable;
use sync_s3::Location;

use super::directory::{Content, RUN, RunDirectory};
use super::error::{ClusterError, Result};
use super::files::{
    PROGRAM, REFUSED, RefusedFile, RunFile, SEALED, SealedFile, VERSION, plan_name,
};
use crate::plan_file::places_of;
use crate::state::registry::Process;

/// A run directory, and what was said when it was made.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) directory: RunDirectory,
    pub(crate) run: RunFile,
    /// The sum of `run.json`.
    pub(crate) run_crc64: String,
    pub(crate) mirrored: PathBuf,
    pub(crate) bucket: Location,
}

impl Opened {
    /// The run in the directory `path`.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let directory = RunDirectory::open(path)?;
        let run = directory.read::<RunFile>(RUN)?;
        let run = run.ok_or_else(|| ClusterError::NotSplit {
            path: path.to_owned(),
            why: "it has no run.json",
        })?;
        if run.value.s3mirror_run != VERSION || run.value.program != PROGRAM {
            return Err(ClusterError::OtherVersion {
                path: path.to_owned(),
                made: printable(&run.value.program),
                own: PROGRAM,
            });
        }
        let (mirrored, bucket) = places_of(&run.value.origin)?;
        directory.is_outside(&mirrored)?;
        Ok(Self {
            directory,
            run: run.value,
            run_crc64: run.crc64,
            mirrored,
            bucket,
        })
    }

    /// What was sealed, if anything was.
    pub(crate) fn sealed(&self) -> Result<Option<Content<SealedFile>>> {
        let Some(sealed) = self.directory.read::<SealedFile>(SEALED)? else {
            return Ok(None);
        };
        if sealed.value.run != self.run.id || sealed.value.run_crc64 != self.run_crc64 {
            return Err(ClusterError::Foreign {
                path: self.directory.join(RUN),
                why: "sealed.json was made with another one".to_owned(),
            });
        }
        Ok(Some(sealed))
    }

    /// Why the plans were refused when they were judged last, if they were.
    pub(crate) fn refused(&self) -> Result<Vec<String>> {
        let refused = self.directory.read::<RefusedFile>(REFUSED)?;
        let refused = refused.map(|refused| refused.value);
        let refused = refused.filter(|refused| refused.run == self.run.id);
        Ok(refused.map_or_else(Vec::new, |refused| refused.why))
    }

    /// Why the run in the directory `path` has no shards yet.
    pub(crate) fn not_sealed(&self, path: &Path) -> Result<ClusterError> {
        let path = path.to_owned();
        let ranges = 0..self.run.key_ranges().len();
        let is_planned = |range| self.directory.has(&plan_name(range));
        let why = self.refused()?;
        Ok(if why.is_empty() || !ranges.into_iter().all(is_planned) {
            ClusterError::NotSealed { path }
        } else {
            let why = why.iter().map(|why| printable(why)).collect::<Vec<_>>();
            ClusterError::Refused {
                path,
                why: why.join("; "),
            }
        })
    }

    /// Checks that the directory at the place of the mirrored one is that which was split.
    pub(crate) fn is_at_its_directory(&self) -> Result<()> {
        is_directory_of(&self.run, &self.mirrored)
    }
}

/// Claims the attempt of that number, unless the directory is not `mounted`: then the first one
/// is claimed to note, by `fail`, that it failed. A later one would hide what an earlier attempt
/// does or has said.
pub(super) fn claim_if_mounted<A>(
    mounted: Result<()>,
    number: u32,
    claim: impl FnOnce() -> Result<Option<A>>,
    fail: impl FnOnce(A, &str),
) -> Result<Option<A>> {
    match mounted {
        Ok(()) => claim(),
        Err(error) if number > 1 => Err(error),
        Err(error) => {
            let Some(attempt) = claim()? else {
                return Ok(None);
            };
            fail(attempt, &error.to_string());
            Err(error)
        }
    }
}

/// Checks that the directory `mirrored` is that of `run`.
pub(crate) fn is_directory_of(run: &RunFile, mirrored: &Path) -> Result<()> {
    let found = std::fs::metadata(mirrored).map(|found| found.ino());
    let why = match found {
        Ok(inode) if inode == run.inode => return Ok(()),
        Ok(_) => "it is another directory than on the machine that split the run".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(ClusterError::NotMounted {
        host: Process::this().host,
        directory: mirrored.to_owned(),
        why,
    })
}
