//! What was done by a run that cannot be finished, or is finished as it is.

use super::deletions::most;
use super::error::Result;
use super::files::{Done, WithoutDeletions, now};
use super::finish::Ending;
use super::missing::{Missing, Unfinished};
use super::run::ClusterRun;
use super::shard::Shard;
use crate::mirror::Report;

impl Ending<'_> {
    /// What was done so far, where the run is not finished because it is `declined`.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn declined(&self, declined: Missing) -> Result<Unfinished> {
        let report = self.so_far(&[])?;
        let missing = vec![declined];
        Ok(Unfinished { missing, report })
    }

    /// The report of what was done so far, where this is missing.
    pub(super) fn so_far(&self, missing: &[Missing]) -> Result<Report> {
        let (run, mut done) = (self.run, self.done.clone());
        let lacking = run.lacking(missing, &mut done)?;
        Ok(Report {
            execution: run.execution(&done, Some(&lacking)),
            source_incomplete: run.counts().incomplete(),
            took: (now() - self.began).to_std().unwrap_or_default(),
            trash: None,
            resumed_bytes: done.resumed_bytes,
            aborted_uploads: done.aborted_uploads,
        })
    }
}

impl ClusterRun {
    /// What the run lacks because of what is missing; what was done of that all the same is added
    /// to `done`.
    pub(super) fn lacking(&self, missing: &[Missing], done: &mut Done) -> Result<WithoutDeletions> {
        let mut lacking = WithoutDeletions::default();
        for missing in missing {
            lacking.missing.push(missing.to_string());
            lacking.failed += missing.failed;
            let Some(shard) = missing.shard else { continue };
            let part = &missing.done;
            let known = part.created + part.overwritten + part.already_done;
            let rest = self.work(Shard(shard))?.transfers;
            lacking.not_written += rest.saturating_sub(known.entries + missing.failed);
            *done = done.clone().and(part);
        }
        // What shards have deleted because it was in the way is of the plan's deletions too.
        let deletions = self.deletions()?;
        done.deleted = most(done.deleted, deletions.made);
        lacking.deletions = deletions.told();
        Ok(lacking)
    }
}
