//! What every transfer and deletion of an execution works with.

use chrono::TimeDelta;
use futures::future::{BoxFuture, Shared};

use super::cutoff::Cutoff;
use super::events::{Event, Observer};
use super::evidence::Evidence;
use super::options::{ExecuteOptions, OnSourceChange};
use crate::budget::Budget;
use crate::{
    entry::Entry,
    error::{ErrorKind, Result, StoreError},
    rule::{Direction, Rule},
    store::{Store, delete},
};

/// Most entries that are deleted by one call of a store.
pub(crate) const DELETE_BATCH: usize = 1_000;

pub(crate) type StopSignal = Shared<BoxFuture<'static, ()>>;

/// What every transfer of an execution works with.
pub(crate) struct Workspace<'a> {
    pub(crate) source: &'a dyn Store,
    pub(crate) target: &'a dyn Store,
    pub(crate) direction: Direction,
    /// By which the plan was made.
    pub(crate) rule: Rule,
    /// That an earlier execution has begun.
    pub(crate) evidence: Evidence,
    pub(crate) options: &'a ExecuteOptions,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) budget: Budget,
    pub(crate) stop: StopSignal,
    pub(crate) cutoff: Cutoff,
}

impl Workspace<'_> {
    /// Counts what has happened, and passes it on.
    pub(crate) fn tell(&self, event: Event<'_>) {
        self.options.outcomes.count(&event);
        self.observer.event(event);
    }

    /// Deletes `batch` from the target; each entry with its result.
    ///
    /// When a saved plan is executed again, a directory may have taken the place of a file
    /// that is gone: where the first look says that something has changed, another one tells
    /// whether there is anything to delete.
    pub(crate) async fn delete_planned<'b>(
        &self,
        batch: &'b [Entry],
    ) -> Vec<(&'b Entry, Result<()>)> {
        let mut results: Vec<_> = delete(self.target, batch).await.collect();
        if self.options.on_source_change == OnSourceChange::Refuse {
            for (entry, result) in &mut results {
                let has_changed = |error: &StoreError| error.kind() == ErrorKind::Changed;
                if result.as_ref().is_err_and(has_changed)
                    && self.target.lacks(&entry.key).await.is_ok_and(|lacks| lacks)
                {
                    *result = Ok(());
                }
            }
        }
        results
    }

    /// How far the clock that dates the objects was set meanwhile.
    pub(crate) fn clock_jump(&self) -> Option<TimeDelta> {
        match self.direction {
            Direction::Backup => self.target.clock_jump(),
            Direction::Restore => self.source.clock_jump(),
        }
    }
}

pub(crate) fn stopped() -> StoreError {
    StoreError::new(ErrorKind::Stopped, "stopped on request")
}
