//! A run directory that was split: what it says is checked when it is opened.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sync_core::{
    Direction,
    plan::{Counts, Header, Origin},
};
use sync_s3::Location;

use super::directory::RunDirectory;
use super::error::{ClusterError, Result};
use super::files::{
    FINISHED, FinishedFile, PROGRAM, RUN, RunFile, SEALED, SealedFile, ShardPart, VERSION,
    plan_name,
};
use crate::plan_file::{PlanFileError, header_of, places_of};

/// A plan that was divided, and how far it is.
#[derive(Debug)]
pub struct ClusterRun {
    pub(crate) directory: RunDirectory,
    pub(crate) run: RunFile,
    pub(crate) sealed: SealedFile,
    /// The sum of `sealed.json`, which every shard signs.
    pub(crate) seal: String,
    mirrored: PathBuf,
    bucket: Location,
}

impl ClusterRun {
    /// The run in the directory `path`.
    ///
    /// # Errors
    /// [`ClusterError`], if it cannot be trusted, was edited, or is of another
    /// version of the program.
    pub fn open(path: &Path) -> Result<Self> {
        let directory = RunDirectory::open(path)?;
        let not_split = |why| ClusterError::NotSplit {
            path: path.to_owned(),
            why,
        };
        let run = directory.read::<RunFile>(RUN)?;
        let run = run.ok_or_else(|| not_split("it has no run.json"))?;
        if run.value.s3mirror_run != VERSION || run.value.program != PROGRAM {
            return Err(ClusterError::OtherVersion {
                path: path.to_owned(),
                made: sync_core::text::printable(&run.value.program),
                own: PROGRAM,
            });
        }
        let sealed = directory.read::<SealedFile>(SEALED)?;
        let sealed = sealed.ok_or_else(|| not_split("it has no sealed.json"))?;
        if sealed.value.run != run.value.id || sealed.value.run_crc64 != run.crc64 {
            return Err(ClusterError::Foreign {
                path: directory.join(RUN),
                why: "sealed.json was made with another one".to_owned(),
            });
        }
        let (mirrored, bucket) = places_of(&run.value.origin)?;
        directory.is_outside(&mirrored)?;
        Ok(Self {
            directory,
            run: run.value,
            sealed: sealed.value,
            seal: sealed.crc64,
            mirrored,
            bucket,
        })
    }

    /// The run directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Checks that the directory at the place of the mirrored one is that which was split.
    pub(crate) fn is_at_its_directory(&self) -> Result<()> {
        let found = std::fs::metadata(&self.mirrored).map(|found| found.ino());
        let why = match found {
            Ok(inode) if inode == self.run.inode => return Ok(()),
            Ok(_) => "it is another directory than on the machine that split the run".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(ClusterError::NotMounted {
            directory: self.mirrored.clone(),
            why,
        })
    }

    /// What distinguishes this run from all others.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.run.id
    }

    /// Which of the two places is changed.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.run.direction
    }

    /// The directory that is mirrored.
    #[must_use]
    pub fn mirrored(&self) -> &Path {
        &self.mirrored
    }

    /// The bucket and prefix that are mirrored.
    #[must_use]
    pub fn bucket(&self) -> &Location {
        &self.bucket
    }

    /// When and of which places the plan was made.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.run.origin
    }

    /// What was seen and decided, summed up over all plans.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.sealed.counts
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.sealed.shards.len()
    }

    pub(crate) fn part(&self, index: usize) -> Result<&ShardPart> {
        let shards = self.shards();
        let part = self.sealed.shards.get(index);
        part.ok_or(ClusterError::NoShard { index, shards })
    }

    pub(crate) fn finished_file(&self) -> Result<Option<FinishedFile>> {
        let Some(finished) = self.directory.read::<FinishedFile>(FINISHED)? else {
            return Ok(None);
        };
        if finished.value.run != self.run.id || finished.value.sealed != self.seal {
            return Err(ClusterError::Foreign {
                path: self.directory.join(FINISHED),
                why: "it is not the report of this run".to_owned(),
            });
        }
        Ok(Some(finished.value))
    }

    /// The header of a plan, with the counts of all plans.
    pub(crate) fn header(&self, plan: usize) -> Result<Header, PlanFileError> {
        let mut header = header_of(&self.directory.join(plan_name(plan)))?;
        header.counts = self.sealed.counts.clone();
        Ok(header)
    }
}
