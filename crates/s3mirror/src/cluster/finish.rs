//! The end of a run: what is missing, or the deletions and one report.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use futures::future::{BoxFuture, select};
use sync_core::{
    execute::{DeletionsSkipped, Report as Execution},
    plan::{Action, MAX_CLOCK_OFFSET, Plan},
    spool::Spools,
    text::printable_text,
};
use tokio::sync::oneshot;

use super::deletions::{DeletionAttempt, most};
use super::error::Result;
use super::files::{Done, WithoutDeletions, now};
use super::missing::{Missing, Unfinished};
use super::noting::Noted;
use super::other_lines::OtherLines;
use super::run::ClusterRun;
use super::shard::{Shard, Task as _};
use crate::builder::MirrorBuilder;
use crate::mirror::Report;
use crate::observer::Observer;
use crate::part::Part;
use crate::plan_file::{PlanFileError, SavedPlan};
use crate::progress::Progress;
use crate::state::TempSpools;
use crate::state::upload_journal::JournalFiles;

/// What is known of a run whose shards are all done, or which ends as it is.
pub struct Ending<'r> {
    pub(super) run: &'r ClusterRun,
    /// What all shards have done.
    pub(super) done: Done,
    /// What is missing, if it ends without its deletions.
    pub(super) without_deletions: Option<WithoutDeletions>,
    /// When the first of them began.
    pub(super) began: DateTime<Utc>,
    /// The attempt to make the deletions, once that has begun.
    pub(super) attempt: Option<DeletionAttempt>,
    /// Who is told then what stops it, and what counts how far it is.
    begins: Option<(oneshot::Sender<BoxFuture<'static, ()>>, Arc<Progress>)>,
    pub(super) noted: Arc<Noted>,
}

/// The report of a run that was finished.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// What was done, as by one process.
    pub report: Report,
    /// When it was finished.
    pub at: DateTime<Utc>,
    /// What was missing, if it was finished without its deletions.
    pub missing: Vec<String>,
}

impl ClusterRun {
    /// The report, if the run was finished before.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn finished(&self) -> Result<Option<Finished>> {
        Ok(self.finished_file()?.map(|file| Finished {
            report: Report {
                execution: self.execution(&file.report, file.without_deletions.as_ref()),
                source_incomplete: self.counts().incomplete(),
                took: Duration::try_from_secs_f64(file.seconds).unwrap_or_default(),
                trash: None,
                resumed_bytes: file.report.resumed_bytes,
                aborted_uploads: file.report.aborted_uploads,
            },
            at: file.at,
            missing: file.without_deletions.unwrap_or_default().told(),
        }))
    }

    /// What was done, as one execution reports it.
    pub(super) fn execution(&self, done: &Done, without: Option<&WithoutDeletions>) -> Execution {
        let mut execution = Execution::default();
        execution.created = done.created;
        execution.overwritten = done.overwritten;
        execution.deleted = done.deleted;
        execution.already_done = done.already_done;
        execution.growing = done.growing;
        let jump = TimeDelta::milliseconds(done.clock_jump_ms);
        execution.clock_jump = (!jump.is_zero()).then_some(jump);
        if self.counts().deleted().entries > 0 {
            execution.deletions_withheld = DeletionsSkipped::by(self.counts()).or_else(|| {
                // No time can be trusted.
                (jump.abs() > MAX_CLOCK_OFFSET).then_some(DeletionsSkipped::ClockJump)
            });
            let declined = without.map(|_| DeletionsSkipped::Declined);
            execution.deletions_withheld = execution.deletions_withheld.or(declined);
        }
        if let Some(without) = without.filter(|without| !without.missing.is_empty()) {
            execution.failed = without.failed;
            execution.not_written = without.not_written;
            execution.deletions_withheld = Some(DeletionsSkipped::TransferFailed);
        }
        execution
    }

    /// What ends the run, if all of its shards are done; else what is missing. A run that is
    /// being ended as it is keeps what its plan deletes, though all of them are.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn finish(&self) -> Result<Result<Ending<'_>, Unfinished>> {
        let declined = self.deletions_declined()?;
        let (ending, missing) = self.sum_up()?;
        if declined.is_none() && missing.is_empty() {
            return Ok(Ok(ending));
        }
        let report = ending.so_far(&missing)?;
        let missing = declined.map_or(missing, |declined| vec![declined]);
        Ok(Err(Unfinished { missing, report }))
    }

    /// Why nothing is to be deleted, if somebody ends the run as it is, or has tried to.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn deletions_declined(&self) -> Result<Option<Missing>> {
        Ok(self.ending()?.map(|place| Missing::declined(&place)))
    }

    /// What ends the run as it is, without its deletions, and what is missing. Before that,
    /// [`stop_attempts`](Self::stop_attempts) stops those at work, so that they report what they
    /// have done.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn finish_without_deletions(&self) -> Result<(Ending<'_>, Vec<Missing>)> {
        let (mut ending, missing) = self.sum_up()?;
        ending.without_deletions = Some(self.lacking(&missing, &mut ending.done)?);
        Ok((ending, missing))
    }

    /// Whether deletions were begun at the end, and how far they came, for people; none if
    /// nobody has begun them.
    ///
    /// # Errors
    /// Those of reading the run directory.
    pub fn deletions_told(&self) -> Result<Option<String>> {
        Ok(self.deletions()?.told())
    }

    fn sum_up(&self) -> Result<(Ending<'_>, Vec<Missing>)> {
        self.is_at_its_directory()?;
        let mut missing = self.edited_plans();
        let mut done = Done::default();
        let mut began = now();
        for index in 0..self.shards() {
            let shard = Shard(index);
            match self.done(shard) {
                Ok(report) => done = done.and(&report),
                Err(lacks) => missing.push(lacks),
            }
            let first = shard.first_began(&self.directory);
            began = first.map_or(began, |first| first.min(began));
        }
        let ending = Ending {
            run: self,
            done,
            without_deletions: None,
            began,
            attempt: None,
            begins: None,
            noted: Noted::of(self.direction()),
        };
        Ok((ending, missing))
    }

    /// The journals of all attempts: as all shards are done, nobody needs their uploads.
    fn uploads(&self) -> JournalFiles {
        let shards = (0..self.shards()).map(Shard);
        let left = shards.flat_map(|shard| shard.journal_files(None, &self.directory));
        JournalFiles {
            own: self.directory.join("uploads"),
            left: left.collect(),
        }
    }
}

impl Ending<'_> {
    /// The mirror that makes the deletions; it stops at `stop`, and when the run has come to its
    /// end or is ended without them meanwhile.
    ///
    /// # Errors
    /// Those of reading the plan.
    pub fn mirror(
        &mut self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<MirrorBuilder> {
        let builder = match self.without_deletions {
            Some(_) => self.without_deletions(),
            None => self.with_deletions(),
        }?;
        let (sender, begun) = oneshot::channel::<BoxFuture<'static, ()>>();
        self.begins = Some((sender, builder.progress()));
        let superseded = async {
            match begun.await {
                Ok(superseded) => superseded.await,
                // Nothing was begun.
                Err(_) => std::future::pending().await,
            }
        };
        Ok(builder.stop_on(select(stop.boxed(), superseded.boxed()).map(drop)))
    }

    fn without_deletions(&self) -> Result<MirrorBuilder> {
        let run = self.run;
        let spool = TempSpools.create().map_err(PlanFileError::Spool)?;
        let nothing = Plan::read_part(run.header()?, io::empty(), spool, |_| false);
        let nothing = nothing.map_err(PlanFileError::Spool)?;
        let part = Part::Uploads {
            run: run.run.id.clone(),
            uploads: run.uploads(),
        };
        let saved = SavedPlan::of(nothing, run.run.origin.clone())?;
        Ok(saved.mirror().part(part))
    }

    fn with_deletions(&self) -> Result<MirrorBuilder> {
        let run = self.run;
        let may_delete = run.execution(&self.done, None).deletions_withheld.is_none();
        let is_left = |action: &Action| match action {
            Action::Transfer(_) => false,
            Action::Delete(_) => may_delete,
            _ => true,
        };
        let lines = OtherLines::of(&run.directory, run.run.key_ranges());
        let plan = lines.part(run.header()?, is_left)?;
        let part = Part::Deletions {
            run: run.run.id.clone(),
            uploads: run.uploads(),
        };
        let saved = SavedPlan::of(plan, run.run.origin.clone())?;
        Ok(saved.mirror().part(part))
    }

    /// Passes on to `observer` what happens, and notes the names of what is not deleted.
    #[must_use]
    pub fn observer(&self, observer: Arc<dyn Observer>) -> Arc<dyn Observer> {
        Noted::observer(&self.noted, observer)
    }

    /// Notes, before the first deletion, that they begin. Who ends the run without them has said
    /// so before, which [`ClusterRun::deletions_declined`] tells after this, or stops them.
    ///
    /// # Errors
    /// [`ClusterError::Write`](super::ClusterError::Write) if that cannot be noted: then
    /// nothing may be deleted.
    pub fn begin_deletions(&mut self) -> Result<()> {
        let Some((begins, progress)) = self.begins.take() else {
            return Ok(());
        };
        let attempt = self.run.begin_deletions(progress)?;
        // A mirror that is gone needs no signal.
        let _ = begins.send(attempt.superseded().boxed());
        self.attempt = Some(attempt);
        Ok(())
    }

    /// Notes why no deletion was made, though they had begun.
    pub fn give_up(mut self, why: &str) {
        if let Some(attempt) = self.attempt.take() {
            let mut failed = self.noted.failed(attempt.signature(self.run));
            failed.why = Some(printable_text(why));
            // What cannot be noted is reported by whoever calls this.
            let _ = attempt.fail(self.run, &failed);
        }
    }

    /// One report of all shards and of the end, `last`. Each action counts once: what
    /// a shard has deleted because it was in the way is gone, and counts, at the end.
    #[must_use]
    pub fn merged(&self, last: &Report) -> Report {
        let own = Done::of(last);
        let all = self.done.clone().and(&own);
        let mut execution = self.run.execution(&all, self.without_deletions.as_ref());
        if self.without_deletions.is_none() {
            // Where the end deletes nothing, it does not count that.
            execution.deleted = most(own.deleted, self.done.deleted);
        }
        execution.failed += last.execution.failed;
        execution.not_written += last.execution.not_written;
        execution.stopped = last.execution.stopped;
        let withheld = last.execution.deletions_withheld;
        execution.deletions_withheld = withheld.or(execution.deletions_withheld);
        let mut report = last.clone();
        report.execution = execution;
        report.took = (now() - self.began).to_std().unwrap_or_default();
        report.resumed_bytes = all.resumed_bytes;
        report.aborted_uploads = all.aborted_uploads;
        report
    }
}

impl WithoutDeletions {
    /// What was missing, for people.
    fn told(self) -> Vec<String> {
        self.missing.into_iter().chain(self.deletions).collect()
    }
}
