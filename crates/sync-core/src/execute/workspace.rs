//! What every transfer and deletion of an execution works with.

use chrono::TimeDelta;
use futures::future::{BoxFuture, Shared};

use super::cutoff::Cutoff;
use super::events::{Event, Observer};
use super::options::ExecuteOptions;
use crate::budget::Budget;
use crate::{
    error::{ErrorKind, StoreError},
    rule::Direction,
    store::Store,
};

/// Most entries that are deleted by one call of a store.
pub(crate) const DELETE_BATCH: usize = 1_000;

pub(crate) type StopSignal = Shared<BoxFuture<'static, ()>>;

/// What every transfer of an execution works with.
pub(crate) struct Workspace<'a> {
    pub(crate) source: &'a dyn Store,
    pub(crate) target: &'a dyn Store,
    pub(crate) direction: Direction,
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
