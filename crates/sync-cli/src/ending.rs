//! The end of a run that was stopped comes in bounded time, whatever the
//! server does.
//!
//! A stopped execution gives up what is under way, but some of it has to be
//! waited for: the abort of an upload, a completion, a deletion. A server that
//! is silent would hold that up for minutes. So after a grace the execution is
//! left where it stands; the next run finds and removes what stays open. What
//! was done until then has been counted, so there is a report all the same.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync_core::{Event, Observer, Plan, Report, Tally, Withheld};

use crate::stop::Stop;

/// Five seconds are promised for the whole ending. A server that answers at
/// all has answered an abort by then.
const GRACE: Duration = Duration::from_secs(3);

/// And of these five: for the threads that remove temporaries.
pub(crate) const THREADS: Duration = Duration::from_secs(1);

/// Drives `execution`, and leaves it when it goes on for too long after it was
/// stopped; then the report is what `so_far` has counted.
pub(crate) async fn bounded(
    execution: impl Future<Output = io::Result<Report>>,
    so_far: &SoFar<'_>,
    stop: &Stop,
) -> io::Result<Report> {
    let asked = stop.asked();
    let too_late = async {
        asked.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        report = execution => report,
        () = too_late => Ok(so_far.report()),
    }
}

/// Counts what an execution has done, and passes each event on.
pub(crate) struct SoFar<'a> {
    plan: &'a Plan,
    observer: &'a dyn Observer,
    report: Counted,
}

/// What has been done until now; clones are the same.
pub(crate) type Counted = Arc<Mutex<Report>>;

impl<'a> SoFar<'a> {
    /// Counts in `report`.
    pub(crate) fn new(plan: &'a Plan, observer: &'a dyn Observer, report: Counted) -> Self {
        Self {
            plan,
            observer,
            report,
        }
    }

    /// As of an execution that was stopped.
    fn report(&self) -> Report {
        let done = self.lock().clone();
        let planned = self.plan.counts().deleted();
        Report {
            stopped: true,
            deletions_withheld: (planned != done.deleted).then_some(Withheld::Stopped),
            ..done
        }
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for SoFar<'_> {
    fn event(&self, event: Event<'_>) {
        {
            let mut report = self.lock();
            let add = |tally: &mut Tally, bytes| tally.add(bytes);
            match &event {
                Event::Transferred(done) if done.target.is_none() => {
                    add(&mut report.created, done.source.size);
                }
                Event::Transferred(done) => add(&mut report.overwritten, done.source.size),
                Event::Deleted(entry) => add(&mut report.deleted, entry.size),
                Event::Failed { .. } => report.failed += 1,
                Event::NotWritten { entries, .. } => report.not_written += entries,
                Event::Growing(_) => report.growing += 1,
                _ => {}
            }
        }
        self.observer.event(event);
    }
}
