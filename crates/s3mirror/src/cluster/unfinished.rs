//! What was done by a run that cannot be finished, or is finished as it is.

use super::deletions::most;
use super::error::Result;
use super::files::{Done, WithoutDeletions, now};
use super::missing::Missing;
use super::run::ClusterRun;
use super::shard::Shard;
use crate::mirror::Report;

impl ClusterRun {
    /// What was done so far, as one process would report it that did not come further: by the
    /// shards that are done, by the attempts of the others as far as these have said so, and at
    /// the end.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn report_so_far(&self) -> Result<Report> {
        let (ending, missing) = self.sum_up()?;
        let mut done = ending.done;
        let lacking = self.lacking(&missing, &mut done)?;
        Ok(Report {
            execution: self.execution(&done, Some(&lacking)),
            source_incomplete: self.counts().incomplete(),
            took: (now() - ending.began).to_std().unwrap_or_default(),
            trash: None,
            resumed_bytes: done.resumed_bytes,
            aborted_uploads: done.aborted_uploads,
        })
    }

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
