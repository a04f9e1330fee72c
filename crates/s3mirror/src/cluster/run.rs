//! A run directory that was split: what it says is checked when it is opened.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sync_core::{
    Direction, KeyRange,
    plan::{Counts, Header, Origin},
};
use sync_s3::Location;

use super::directory::RunDirectory;
use super::error::{ClusterError, Result};
use super::files::{FINISHED, FinishedFile, PlanSum, RunFile, SealedFile, ShardPart, plan_name};
use super::opened::{Opened, is_directory_of};
use super::unread::Unread;
use crate::plan_file::{PlanFileError, header_of};

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
        let opened = Opened::at(path)?;
        let Some(sealed) = opened.sealed()? else {
            return Err(match opened.run.ranges {
                Some(_) => opened.not_sealed(path)?,
                None => ClusterError::NotSplit {
                    path: path.to_owned(),
                    why: "it has no sealed.json",
                },
            });
        };
        let Opened {
            directory,
            run,
            mirrored,
            bucket,
            ..
        } = opened;
        Ok(Self {
            directory,
            run,
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
        is_directory_of(&self.run, &self.mirrored)
    }

    /// What distinguishes this run from all others.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.run.id
    }

    /// When it was split, by the clock of that machine.
    #[must_use]
    pub fn created(&self) -> DateTime<Utc> {
        self.run.created
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

    /// What of each plan could not be read, so that nothing is deleted.
    #[must_use]
    pub fn unread(&self) -> &[Unread] {
        &self.sealed.unread
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.sealed.shards.len()
    }

    /// The parts of the plans that a shard executes.
    pub(crate) fn parts(&self, index: usize) -> Result<&[ShardPart]> {
        let shards = self.shards();
        let parts = self.sealed.shards.get(index);
        let parts = parts.ok_or(ClusterError::NoShard { index, shards })?;
        Ok(parts)
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

    /// Whether it has come to its end.
    pub(crate) fn is_ended(&self) -> Result<bool> {
        Ok(self.finished_file()?.is_some())
    }

    /// The header of all plans together.
    pub(crate) fn header(&self) -> Result<Header, PlanFileError> {
        let mut header = header_of(&self.directory.join(plan_name(0)))?;
        header.counts = self.sealed.counts.clone();
        header.range = KeyRange::default();
        header.rule.clock_offset = PlanSum::farthest_clock_offset(&self.sealed.plans);
        header.origin = Some(Origin {
            created: match self.run.direction {
                // What was changed since may have been changed within the second.
                Direction::Backup => self.sealed.planned,
                // Restores that began since then may have changed what was listed.
                Direction::Restore => self.run.origin.created,
            },
            ..self.run.origin.clone()
        });
        Ok(header)
    }
}
