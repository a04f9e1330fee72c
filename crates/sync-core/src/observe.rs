//! What an execution tells while it runs, and what it says at its end.

use crate::{Entry, Key, StoreError, Tally, Transfer};

/// Something that happened during an execution.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// So many bytes of an entry have been written; a repeated transfer
    /// counts its bytes again.
    Progress {
        /// The entry.
        entry: &'a Entry,
        /// Bytes since the last event of this entry.
        bytes: u64,
    },
    /// A transfer is complete.
    Transferred(&'a Transfer),
    /// A deletion is done.
    Deleted(&'a Entry),
    /// A transfer or deletion has failed for good.
    Failed {
        /// The entry.
        key: &'a Key,
        /// Why.
        error: &'a StoreError,
    },
}

/// Receives events, from whichever thread drives the execution. It must not block.
pub trait Observer: Send + Sync {
    /// Takes note of `event`.
    fn event(&self, event: Event<'_>);
}

/// Ignores everything.
impl Observer for () {
    fn event(&self, _event: Event<'_>) {}
}

/// What an execution has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that the target lacked.
    pub created: Tally,
    /// Entries that replaced one of the target.
    pub overwritten: Tally,
    /// Entries deleted from the target.
    pub deleted: Tally,
    /// Entries whose transfer or deletion failed.
    pub failed: u64,
    /// Why deletions of the plan were not made, if so.
    pub deletions_withheld: Option<Withheld>,
    /// Whether the execution ended before all actions were tried.
    pub stopped: bool,
}

/// Why planned deletions were not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// Some of the source could not be read, named or placed.
    SourceIncomplete,
    /// Some transfer failed.
    TransferFailed,
    /// The execution was stopped.
    Stopped,
}

impl Report {
    /// Whether every action of the plan was carried out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && !self.stopped && self.deletions_withheld.is_none()
    }
}
