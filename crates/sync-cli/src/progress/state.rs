//! What is counted while a run goes on, cheaply: a small file costs a few
//! additions, only a file of several parts is kept by its name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Serialize;
use sync_core::{Counts, Direction, Entry, Event, Key, Listings, Side, Tally};
use sync_s3::UnderWay;

use super::estimate::Work;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// Both places are listed, and contents compared if that is asked for.
    Listing,
    /// The plan is shown, and somebody may be asked whether to go on.
    Planned,
    /// Files are copied.
    Copying,
    /// What the source lacks is deleted.
    Deleting,
    /// What earlier runs left is removed.
    Ending,
}

/// How much of something is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Share {
    pub(crate) done: u64,
    pub(crate) all: u64,
}

/// A copy of several parts that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Large {
    pub(crate) key: Key,
    pub(crate) bytes: Share,
}

/// As many of the largest copies under way are shown.
const SHOWN: usize = 4;

/// The counters of a run.
#[derive(Debug)]
pub(crate) struct State {
    direction: Direction,
    listings: Arc<Listings>,
    phase: Mutex<Phase>,
    planned: Mutex<Planned>,
    /// Of copies that are complete.
    copied: Counter,
    deleted: Counter,
    failed: AtomicU64,
    /// Large copies under way. How many there are is asked for every small
    /// file, without a lock.
    large: Mutex<HashMap<Key, Share>>,
    large_copies: AtomicU64,
    /// What is moved, before it is counted as written.
    under_way: OnceLock<UnderWay>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Planned {
    copies: Tally,
    deletions: Tally,
}

#[derive(Debug, Default)]
struct Counter {
    entries: AtomicU64,
    bytes: AtomicU64,
}

/// All of it at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) direction: Direction,
    pub(crate) phase: Phase,
    pub(crate) listed: Listed,
    pub(crate) files: Share,
    pub(crate) bytes: Share,
    pub(crate) deletions: Share,
    pub(crate) failed: u64,
    /// The largest first.
    pub(crate) large: Vec<Large>,
}

/// Entries listed so far.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Listed {
    pub(crate) source: u64,
    pub(crate) target: u64,
}

impl State {
    pub(crate) fn new(direction: Direction) -> Self {
        Self {
            direction,
            listings: Arc::default(),
            phase: Mutex::new(Phase::Listing),
            planned: Mutex::default(),
            copied: Counter::default(),
            deleted: Counter::default(),
            failed: AtomicU64::default(),
            large: Mutex::default(),
            large_copies: AtomicU64::default(),
            under_way: OnceLock::new(),
        }
    }

    /// What the bucket moves is seen from now on.
    pub(crate) fn see(&self, under_way: UnderWay) {
        // A run has one bucket.
        let _ = self.under_way.set(under_way);
    }

    /// Where the planner counts.
    pub(crate) fn listings(&self) -> Arc<Listings> {
        Arc::clone(&self.listings)
    }

    pub(crate) fn enter(&self, phase: Phase) {
        *lock(&self.phase) = phase;
    }

    pub(crate) fn plan(&self, counts: &Counts) {
        *lock(&self.planned) = Planned {
            copies: counts.created() + counts.overwritten(),
            deletions: counts.deleted(),
        };
    }

    pub(crate) fn note(&self, event: &Event<'_>) {
        match event {
            Event::Begun { entry } => self.begin(entry),
            // What is written in one go is complete at once.
            Event::Progress { entry, bytes } if *bytes < entry.size => {
                if let Some(share) = lock(&self.large).get_mut(&entry.key) {
                    share.done += bytes;
                }
            }
            Event::Transferred(transfer) => {
                self.end(&transfer.source.key);
                self.copied.add(transfer.source.size);
            }
            Event::Deleted(entry) => self.deleted.add(entry.size),
            Event::Failed { key, .. } => {
                self.end(key);
                self.failed.fetch_add(1, Relaxed);
            }
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

    pub(crate) fn snapshot(&self) -> Snapshot {
        let planned = *lock(&self.planned);
        let (mut large, written) = self.largest();
        large.truncate(SHOWN);
        let files = Share {
            done: self.copied.entries.load(Relaxed),
            all: planned.copies.entries,
        };
        let deletions = Share {
            done: self.deleted.entries.load(Relaxed),
            all: planned.deletions.entries,
        };
        let failed = self.failed.load(Relaxed);
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
                done: self.moved(phase, written, planned.copies.bytes),
                all: planned.copies.bytes,
            },
            deletions,
            failed,
            large,
        }
    }

    /// Bytes copied, with those of parts that are under way.
    fn moved(&self, phase: Phase, written: u64, planned: u64) -> u64 {
        let written = self.copied.bytes.load(Relaxed) + written;
        match self.under_way.get() {
            Some(under_way) if phase == Phase::Copying => {
                (written + under_way.bytes()).min(planned.max(written))
            }
            _ => written,
        }
    }

    /// The large copies under way, the largest first, and what has been
    /// written of all of them.
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

impl Snapshot {
    pub(crate) fn done(&self) -> Work {
        Work {
            bytes: self.bytes.done,
            files: self.files.done,
        }
    }

    pub(crate) fn left(&self) -> Work {
        Work {
            bytes: self.bytes.left(),
            files: self.files.left(),
        }
    }
}

impl Share {
    pub(crate) fn left(self) -> u64 {
        self.all.saturating_sub(self.done)
    }

    /// In whole per cent, which are 100 only at the end.
    pub(crate) fn percent(self) -> u64 {
        if self.done >= self.all {
            return 100;
        }
        let percent = u128::from(self.done) * 100 / u128::from(self.all);
        u64::try_from(percent).unwrap_or(100)
    }
}

impl Counter {
    fn add(&self, bytes: u64) {
        self.entries.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
