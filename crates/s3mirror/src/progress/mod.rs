//! How far a mirror is, at any time while it works. Counting is cheap: a small
//! file costs a few additions, only a file of several parts is kept by its
//! name. Each outcome is counted once, by the core ([`Outcomes`]); the report
//! of a run that is cut short is made of the same counters.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use sync_core::{
    Direction, Entry, Key,
    execute::{DeletionsSkipped, Event, Outcomes, Report},
    listing::{Listings, Side},
    plan::{Counts, Tally},
};
use sync_s3::InFlight;

/// What a mirror is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Both places are listed, and contents compared if that is asked for.
    Listing,
    /// There is a plan, which somebody may look at and confirm.
    Planned,
    /// Files are copied.
    Copying,
    /// What the source lacks is deleted.
    Deleting,
    /// What earlier runs left is removed.
    Ending,
}

/// How much of something is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// So much is done.
    pub done: u64,
    /// Of so much.
    pub all: u64,
}

/// A copy of several parts in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Large {
    /// What is copied.
    pub key: Key,
    /// How many bytes of it are written.
    pub bytes: Share,
}

/// How many of the largest copies in flight are shown.
const SHOWN: usize = 4;

/// The counters of a mirror.
#[derive(Debug)]
pub struct Progress {
    direction: Direction,
    listings: Arc<Listings>,
    outcomes: Arc<Outcomes>,
    phase: Mutex<Phase>,
    planned: Mutex<Planned>,
    /// Large copies in flight. Their number is read for every small file,
    /// without a lock.
    large: Mutex<HashMap<Key, Share>>,
    large_copies: AtomicU64,
    /// What is moved, before it is counted as written.
    in_flight: OnceLock<InFlight>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Planned {
    copies: Tally,
    deletions: Tally,
}

/// All of it at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which of the two places is changed.
    pub direction: Direction,
    /// What is being done.
    pub phase: Phase,
    /// Entries listed.
    pub listed: Listed,
    /// Files copied.
    pub files: Share,
    /// Bytes copied, with those of parts in flight.
    pub bytes: Share,
    /// Entries deleted.
    pub deletions: Share,
    /// Entries that failed.
    pub failed: u64,
    /// A few of the large copies in flight, the largest first.
    pub large: Vec<Large>,
    /// For how long the server has neither answered nor moved a byte, if requests wait for it.
    pub silent_for: Option<Duration>,
}

/// Entries listed so far.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Listed {
    /// Of the source.
    pub source: u64,
    /// Of the target.
    pub target: u64,
}

impl Progress {
    pub(crate) fn new(direction: Direction) -> Self {
        Self {
            direction,
            listings: Arc::default(),
            phase: Mutex::new(Phase::Listing),
            outcomes: Arc::default(),
            planned: Mutex::default(),
            large: Mutex::default(),
            large_copies: AtomicU64::default(),
            in_flight: OnceLock::new(),
        }
    }

    /// From now on, what the bucket transfers is counted.
    pub(crate) fn see(&self, in_flight: InFlight) {
        // A run has one bucket.
        let _ = self.in_flight.set(in_flight);
    }

    /// Where the planner counts.
    pub(crate) fn listings(&self) -> Arc<Listings> {
        Arc::clone(&self.listings)
    }

    /// Where an execution counts.
    pub(crate) fn outcomes(&self) -> Arc<Outcomes> {
        Arc::clone(&self.outcomes)
    }

    pub(crate) fn enter(&self, phase: Phase) {
        *lock(&self.phase) = phase;
    }

    /// The report of an execution that is cut short now; none if nothing has
    /// been executed yet.
    #[must_use]
    pub fn partial_report(&self) -> Option<Report> {
        if matches!(*lock(&self.phase), Phase::Listing | Phase::Planned) {
            return None;
        }
        let mut report = self.outcomes.report();
        let planned = lock(&self.planned).deletions;
        report.stopped = true;
        report.deletions_withheld =
            (planned != report.deleted).then_some(DeletionsSkipped::Stopped);
        Some(report)
    }

    pub(crate) fn plan(&self, counts: &Counts) {
        *lock(&self.planned) = Planned {
            copies: counts.created() + counts.overwritten(),
            deletions: counts.deleted(),
        };
    }

    pub(crate) fn note(&self, event: &Event<'_>) {
        match event {
            Event::Started { entry } => self.begin(entry),
            // What is written in one go is complete at once.
            Event::Progress { entry, bytes } if *bytes < entry.size => {
                if let Some(share) = lock(&self.large).get_mut(&entry.key) {
                    share.done += bytes;
                }
            }
            Event::Transferred(transfer) | Event::AlreadyDone(transfer) => {
                self.end(&transfer.source.key);
            }
            Event::Failed { key, .. } => self.end(key),
            _ => {}
        }
    }

    fn begin(&self, entry: &Entry) {
        let mut large = lock(&self.large);
        let share = Share {
            done: 0,
            all: entry.size,
        };
        large.insert(entry.key.clone(), share);
        self.large_copies.store(large.len() as u64, Relaxed);
    }

    fn end(&self, key: &Key) {
        if self.large_copies.load(Relaxed) > 0 {
            let mut large = lock(&self.large);
            large.remove(key);
            self.large_copies.store(large.len() as u64, Relaxed);
        }
    }

    /// How far it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let planned = *lock(&self.planned);
        let done = self.outcomes.report();
        let copied = done.created + done.overwritten;
        let (mut large, written) = self.largest();
        large.truncate(SHOWN);
        // What an earlier execution has copied is not to be copied any more.
        let left_to_copy = Tally {
            entries: planned
                .copies
                .entries
                .saturating_sub(done.already_done.entries),
            bytes: planned.copies.bytes.saturating_sub(done.already_done.bytes),
        };
        let files = Share {
            done: copied.entries,
            all: left_to_copy.entries,
        };
        let deletions = Share {
            done: done.deleted.entries,
            all: planned.deletions.entries,
        };
        let phase = match *lock(&self.phase) {
            Phase::Copying if deletions.all > 0 && files.done >= files.all => Phase::Deleting,
            phase => phase,
        };
        Snapshot {
            direction: self.direction,
            phase,
            listed: Listed {
                source: self.listings.of(Side::Source),
                target: self.listings.of(Side::Target),
            },
            files,
            bytes: Share {
                done: self.moved(phase, copied.bytes + written, left_to_copy.bytes),
                all: left_to_copy.bytes,
            },
            deletions,
            failed: done.failed,
            large,
            silent_for: self.in_flight.get().and_then(InFlight::silent_for),
        }
    }

    /// Bytes copied, with those of parts in flight.
    fn moved(&self, phase: Phase, written: u64, planned: u64) -> u64 {
        match self.in_flight.get() {
            Some(in_flight) if phase == Phase::Copying => {
                (written + in_flight.bytes()).min(planned.max(written))
            }
            _ => written,
        }
    }

    /// The large copies in flight, the largest first, and what has been written
    /// of all of them.
    fn largest(&self) -> (Vec<Large>, u64) {
        let large = lock(&self.large);
        let mut all: Vec<_> = large
            .iter()
            .map(|(key, bytes)| Large {
                key: key.clone(),
                bytes: *bytes,
            })
            .collect();
        drop(large);
        let written = all.iter().map(|copy| copy.bytes.done).sum();
        // Those of one size keep their lines.
        all.sort_by(|one, other| {
            let size = other.bytes.all.cmp(&one.bytes.all);
            size.then_with(|| one.key.cmp(&other.key))
        });
        (all, written)
    }
}

impl Share {
    /// How much is left.
    #[must_use]
    pub fn left(self) -> u64 {
        self.all.saturating_sub(self.done)
    }

    /// In whole per cent, which are 100 only at the end.
    #[must_use]
    pub fn percent(self) -> u64 {
        if self.done >= self.all {
            return 100;
        }
        let percent = u128::from(self.done) * 100 / u128::from(self.all);
        u64::try_from(percent).unwrap_or(100)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

#[cfg(test)]
mod tests;
