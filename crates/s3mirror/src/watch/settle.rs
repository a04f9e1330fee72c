//! What follows from how a run of a watch has ended.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::cycle::{Outcome, Work};
use super::dirty::Changes;
use super::schedule::FullCause;
use super::{FULL_EVERY_AT_LEAST, LONG_PAUSE, PAUSE, Watch};

impl Watch {
    /// Notes how `work` has ended, and what has to be done again: `failed`, if that is known
    /// to be all.
    pub(super) fn settle(
        &mut self,
        work: Work,
        outcome: &Outcome,
        failed: Option<BTreeSet<String>>,
        took: Duration,
    ) {
        let now = Instant::now();
        match outcome {
            // By a signal, or by an error that the next file would meet as well, as an
            // outage or credentials that have expired.
            Outcome::Executed { report, .. } if report.execution.stopped => {
                self.window.add(now, report.execution.deleted.entries);
                self.do_again(work, now);
            }
            Outcome::Executed { counts, report } => {
                let done = &report.execution;
                self.window.add(now, done.deleted.entries);
                self.schedule.ended();
                if work.full.is_none() {
                    return self.cycle_ended(&work, failed, now);
                }
                let entries = counts.target.entries + done.created.entries;
                self.window
                    .set_total(entries.saturating_sub(done.deleted.entries));
                self.full_ended(failed, now, took);
            }
            // What has changed elsewhere meanwhile need not wait until somebody has decided.
            Outcome::Refused(_) if work.full.is_none() => {
                self.schedule.ended();
                self.cycle_ended(&work, None, now);
            }
            Outcome::Refused(_) => {
                self.schedule.failed(work.full, now, LONG_PAUSE);
                self.put_back(work.waiting);
            }
            Outcome::Failed(_) | Outcome::Stopped => self.do_again(work, now),
        }
    }

    /// A run of `work` did not reach both places to the end.
    fn do_again(&mut self, work: Work, now: Instant) {
        self.schedule.failed(work.full, now, PAUSE);
        self.put_back(work.waiting);
        self.put_back(work.items);
    }

    /// What waits to be tried again waits by itself: with it, what has changed since would be
    /// refused again.
    fn put_back(&self, mut items: BTreeSet<String>) {
        items.retain(|item| !self.retries.has(item));
        if let Some(watcher) = &self.watcher {
            watcher.put_back(Changes::Items(items));
        }
    }

    fn cycle_ended(&mut self, work: &Work, failed: Option<BTreeSet<String>>, now: Instant) {
        let failed = failed.unwrap_or_else(|| work.items.clone());
        if self.retries.ended(&work.items, failed, now).is_err() {
            self.schedule.ask_full(FullCause::TooManyChanges);
        }
    }

    fn full_ended(&mut self, failed: Option<BTreeSet<String>>, now: Instant, took: Duration) {
        let is_known = failed.is_some();
        let is_remembered = self.retries.full_ended(failed.unwrap_or_default(), now);
        if !is_known || is_remembered.is_err() {
            return self.schedule.full_again(now, took, FULL_EVERY_AT_LEAST);
        }
        let is_watched = self.watcher.is_some() && self.state().unwatched == 0;
        let every = if is_watched {
            Duration::MAX
        } else {
            FULL_EVERY_AT_LEAST
        };
        self.schedule.full_ended(now, took, every);
    }
}
