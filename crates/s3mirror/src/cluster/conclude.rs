//! Whether a run has come to its end, once what is left of it was tried.

use sync_core::execute::DeletionsSkipped;

use super::deletions::DeletionAttempt;
use super::error::Result;
use super::failure::FailedFile;
use super::files::{Done, FINISHED, FinishedFile, now};
use super::finish::{Ending, Finished};
use crate::mirror::Report;

/// How a run was concluded.
#[derive(Debug)]
#[non_exhaustive]
pub enum Concluded {
    /// It has come to its end, by this process.
    Here,
    /// It had come to its end before, by another process, which has reported this.
    Elsewhere(Box<Finished>),
    /// It can be finished again.
    Not(StillOpen),
}

/// Why a run has not come to its end, though all of its shards are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StillOpen {
    /// Somebody else ends it without its deletions, which stopped those.
    Declined,
    /// The deletions were stopped.
    Stopped,
    /// Some failed because entries are no longer what was planned: they would fail again.
    Outdated,
    /// Some failed.
    Failed,
    /// A clock was set while shards were executed, so that nothing of this run is to be deleted.
    ClockOfShards,
    /// A clock was set just now.
    Clock,
}

impl Ending<'_> {
    /// Notes that the run has come to its end, unless something may still be done: then it can
    /// be finished again. `last` is the report of this end, and `merged` that of all shards too.
    ///
    /// # Errors
    /// Those of writing.
    pub fn conclude(mut self, last: &Report, merged: &Report) -> Result<Concluded> {
        let attempt = self.attempt.take();
        if let Some(open) = self.still_open(last, merged)? {
            if let Some(attempt) = attempt {
                self.note_failure(attempt, last)?;
            }
            // Another process may have come to the end all the same.
            return Ok(match self.run.finished()? {
                Some(finished) => Concluded::Elsewhere(Box::new(finished)),
                None => Concluded::Not(open),
            });
        }
        let finished = FinishedFile {
            run: self.run.run.id.clone(),
            sealed: self.run.seal.clone(),
            at: now(),
            complete: merged.is_complete(),
            seconds: merged.took.as_secs_f64(),
            report: Done::of(merged),
            without_deletions: self.without_deletions.clone(),
        };
        let published = self.run.directory.publish(FINISHED, &finished)?;
        if published.is_none()
            && let Some(finished) = self.run.finished()?
        {
            return Ok(Concluded::Elsewhere(Box::new(finished)));
        }
        Ok(Concluded::Here)
    }

    /// Why the run is not at its end, if it is not.
    fn still_open(&self, last: &Report, merged: &Report) -> Result<Option<StillOpen>> {
        let (done, own) = (&merged.execution, &last.execution);
        if done.stopped {
            let is_declined = self.without_deletions.is_none() && self.run.ending()?.is_some();
            return Ok(Some(if is_declined {
                StillOpen::Declined
            } else {
                StillOpen::Stopped
            }));
        }
        if self.without_deletions.is_some() {
            return Ok(None);
        }
        let is_withheld = matches!(done.deletions_withheld, Some(DeletionsSkipped::ClockJump));
        Ok(if done.failed > 0 || done.not_written > 0 {
            Some(
                match self.noted.would_fail_again(own.failed + own.not_written) {
                    true => StillOpen::Outdated,
                    false => StillOpen::Failed,
                },
            )
        } else if is_withheld && own.deletions_withheld.is_none() {
            Some(StillOpen::ClockOfShards)
        } else {
            is_withheld.then_some(StillOpen::Clock)
        })
    }

    /// Notes how far the deletions came.
    fn note_failure(&self, attempt: DeletionAttempt, last: &Report) -> Result<()> {
        let execution = &last.execution;
        let failed = FailedFile {
            why: match execution.deletions_withheld {
                Some(DeletionsSkipped::Stopped) => Some(self.noted.why_stopped()),
                Some(DeletionsSkipped::ClockJump) => Some("a clock was set".to_owned()),
                _ => None,
            },
            entries: execution.failed + execution.not_written,
            not_written: execution.not_written,
            report: Done::of(last),
            ..self.noted.failed(attempt.signature(self.run))
        };
        attempt.fail(self.run, &failed)
    }
}
