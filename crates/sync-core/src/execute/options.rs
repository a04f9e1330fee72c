//! How a plan is executed.

use std::sync::Arc;

use super::events::Outcomes;
use super::parts::MIN_PART_SIZE;

/// How a plan is executed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecuteOptions {
    /// Most transfers under way, counted in parts; fewer where a store can
    /// make no use of so many.
    pub concurrency: usize,
    /// Most bytes of content held in memory while more of them would not speed up
    /// anything. One part may exceed it, alone.
    pub memory: u64,
    /// Most bytes of content held in memory in any case: as many as keep a
    /// connection busy whose answers are late
    /// ([`Store::bandwidth_delay`](crate::Store::bandwidth_delay)).
    pub most_memory: u64,
    /// Size of a part, in bytes; it grows where 10,000 parts do not suffice.
    pub part_size: u64,
    /// The largest entry that a restore copies by one read, in bytes, unless parts
    /// are smaller: it is held in memory until all of it is verified.
    pub whole_size: u64,
    /// What becomes of a source that has changed since it was planned.
    pub on_source_change: OnSourceChange,
    /// Where the execution counts what it has done; from zero.
    pub outcomes: Arc<Outcomes>,
}

/// What becomes of a source that has changed since it was planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnSourceChange {
    /// What it has become is copied: a plan that was made just now is there to
    /// make both sides equal.
    #[default]
    CopyLatest,
    /// It is named and not copied, and what the source has again is not
    /// deleted: somebody has looked at the plan and meant these versions.
    Refuse,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self {
            concurrency: 32,
            memory: 64 << 20,
            most_memory: 64 << 20,
            part_size: MIN_PART_SIZE,
            whole_size: MIN_PART_SIZE,
            on_source_change: OnSourceChange::default(),
            outcomes: Arc::default(),
        }
    }
}
