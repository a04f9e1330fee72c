//! What an execution reports while it runs, and at its end.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chrono::TimeDelta;

use crate::{
    entry::Entry,
    error::StoreError,
    key::Key,
    plan::{Counts, Tally, Transfer},
};

/// Something that happened during an execution.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The copy of an entry of more than one part begins; once more if it is
    /// tried again, and then nothing of it has been written. Entries of one
    /// part, which may be very many, are not told of.
    Started {
        /// The entry.
        entry: &'a Entry,
    },
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
    /// A transfer was not made, because the target has what it would write: an earlier
    /// execution of the plan has made it.
    AlreadyDone(&'a Transfer),
    /// An entry was added to while it was copied; the copy has what it had at a
    /// moment. [`Event::Transferred`] is told as well.
    Growing(&'a Entry),
    /// So many more transfers and deletions failed for this reason, or were not
    /// even tried; told once, at the end of the transfers or deletions.
    NotWritten {
        /// How many.
        entries: u64,
        /// Why, of one of them.
        why: &'a str,
    },
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

/// What an execution has done so far. Anybody may look while it runs; the
/// execution counts, and each outcome once.
#[derive(Debug, Default)]
pub struct Outcomes {
    created: Counter,
    overwritten: Counter,
    deleted: Counter,
    already_done: Counter,
    failed: AtomicU64,
    not_written: AtomicU64,
    growing: AtomicU64,
}

#[derive(Debug, Default)]
struct Counter {
    entries: AtomicU64,
    bytes: AtomicU64,
}

impl Counter {
    fn add(&self, size: u64) {
        self.entries.fetch_add(1, Relaxed);
        self.bytes.fetch_add(size, Relaxed);
    }

    fn tally(&self) -> Tally {
        Tally {
            entries: self.entries.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

impl Outcomes {
    /// The report of an execution that would end now.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            created: self.created.tally(),
            overwritten: self.overwritten.tally(),
            deleted: self.deleted.tally(),
            already_done: self.already_done.tally(),
            failed: self.failed.load(Relaxed),
            not_written: self.not_written.load(Relaxed),
            growing: self.growing.load(Relaxed),
            ..Report::default()
        }
    }

    /// Forgets what an earlier execution has done.
    pub(crate) fn begin(&self) {
        for tally in [
            &self.created,
            &self.overwritten,
            &self.deleted,
            &self.already_done,
        ] {
            tally.entries.store(0, Relaxed);
            tally.bytes.store(0, Relaxed);
        }
        for counter in [&self.failed, &self.not_written, &self.growing] {
            counter.store(0, Relaxed);
        }
    }

    /// Whether anything has failed.
    pub(crate) fn any_failed(&self) -> bool {
        self.failed.load(Relaxed) > 0 || self.not_written.load(Relaxed) > 0
    }

    /// Counts what `event` tells; entries that were not written are counted
    /// when that happens, before they are told together.
    #[doc(hidden)]
    pub fn count(&self, event: &Event<'_>) {
        match event {
            Event::Transferred(transfer) => {
                let counter = match transfer.target {
                    None => &self.created,
                    Some(_) => &self.overwritten,
                };
                counter.add(transfer.source.size);
            }
            Event::Deleted(entry) => self.deleted.add(entry.size),
            Event::AlreadyDone(transfer) => self.already_done.add(transfer.source.size),
            Event::Failed { .. } => {
                self.failed.fetch_add(1, Relaxed);
            }
            Event::Growing(_) => {
                self.growing.fetch_add(1, Relaxed);
            }
            Event::Started { .. } | Event::Progress { .. } | Event::NotWritten { .. } => {}
        }
    }

    pub(crate) fn add_not_written(&self) {
        self.not_written.fetch_add(1, Relaxed);
    }
}

/// What an execution has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Entries that the target lacked.
    pub created: Tally,
    /// Entries that replaced one of the target.
    pub overwritten: Tally,
    /// Entries deleted from the target, with those that were gone already.
    pub deleted: Tally,
    /// Entries that were not copied, because the target has what the plan wants: an earlier
    /// execution of it has copied them.
    pub already_done: Tally,
    /// Entries whose transfer or deletion failed.
    pub failed: u64,
    /// Entries that could not be written or deleted because the target takes
    /// nothing any more, beside the first, which counts as failed; most were not
    /// even tried.
    pub not_written: u64,
    /// Entries that were added to while they were copied: the target has what
    /// they had at a moment, and the next run copies them again.
    pub growing: u64,
    /// Why deletions of the plan were not made, if so.
    pub deletions_withheld: Option<DeletionsSkipped>,
    /// How far the clock of the store that dates the objects was set during the
    /// run, if it was: objects written meanwhile may be dated wrongly.
    pub clock_jump: Option<TimeDelta>,
    /// Whether the execution ended before all actions were tried.
    pub stopped: bool,
}

/// Why planned deletions were not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionsSkipped {
    /// Some of the source could not be read, named or placed.
    SourceIncomplete,
    /// Some of the target could not be read, to be compared.
    Uncompared,
    /// Some transfer failed.
    TransferFailed,
    /// A clock was set during the run, so far that no time can be trusted.
    ClockJump,
    /// The execution was stopped.
    Stopped,
    /// They were not wanted any more.
    Declined,
}

impl DeletionsSkipped {
    /// Why none of a plan with these counts may be made, as far as they tell.
    #[must_use]
    pub fn by(counts: &Counts) -> Option<Self> {
        match counts.incomplete() {
            true if counts.source_incomplete() => Some(Self::SourceIncomplete),
            true => Some(Self::Uncompared),
            false => None,
        }
    }
}

impl Report {
    /// Whether every action of the plan was carried out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed == 0
            && self.not_written == 0
            && !self.stopped
            && self.deletions_withheld.is_none()
    }
}
