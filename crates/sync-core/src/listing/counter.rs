//! How far the listings are from which a plan is made.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::merge::Side;

/// How many entries have been listed so far. Anybody may look while a plan is
/// made; the planner counts.
#[derive(Debug, Default)]
pub struct Listings {
    source: AtomicU64,
    target: AtomicU64,
}

impl Listings {
    /// Those of one side.
    #[must_use]
    pub fn of(&self, side: Side) -> u64 {
        self.counter(side).load(Relaxed)
    }

    pub(crate) fn add(&self, side: Side) {
        self.counter(side).fetch_add(1, Relaxed);
    }

    /// A listing that has to be sorted is read once more.
    pub(crate) fn begin(&self) {
        self.source.store(0, Relaxed);
        self.target.store(0, Relaxed);
    }

    fn counter(&self, side: Side) -> &AtomicU64 {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}
