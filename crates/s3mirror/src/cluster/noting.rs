//! What an attempt notes while it executes: what fails, for those who look at the run later,
//! and what it finds done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use sync_core::{Direction, ErrorKind, execute::Event, plan::Tally, text::printable_text};

use super::failure::{FailedEntry, FailedFile, would_fail_again};
use super::files::{Done, Signature};
use crate::observer::{Observer, Warning};
use crate::progress::Phase;

/// Entries that are named in the file of a failed attempt.
const MOST_NAMES: usize = 50;

/// So many of them at least are of entries that were not found, if there are as many: other
/// machines look for those, and try again where they find one.
const ABSENT_NAMES: usize = 25;

/// What an attempt notes of its entries.
pub(crate) struct Noted {
    /// Whether every machine sees the same source: a directory may be mounted on some only, with
    /// what is mounted below it.
    is_source_shared: bool,
    /// The first that failed.
    failures: Mutex<Vec<FailedEntry>>,
    /// How many failed because they are no longer what was planned.
    outdated: AtomicU64,
    /// How many failed because they were not found, which may be so on this machine only.
    absent: AtomicU64,
    /// How many failed because something is in their way, which an incomplete run does not remove.
    blocked: AtomicU64,
    /// The first error that ended the attempt, because others would fail alike.
    ended_by: Mutex<Option<String>>,
    /// Those that were found done: which the target lacked, and which it replaced.
    earlier: Mutex<(Tally, Tally)>,
}

impl Noted {
    /// Of an attempt of a run in that direction.
    pub(crate) fn of(direction: Direction) -> Arc<Self> {
        Arc::new(Self {
            is_source_shared: direction == Direction::Restore,
            failures: Mutex::default(),
            outdated: AtomicU64::default(),
            absent: AtomicU64::default(),
            blocked: AtomicU64::default(),
            ended_by: Mutex::default(),
            earlier: Mutex::default(),
        })
    }

    /// Passes on to `observer` what happens, and notes it in `noted`.
    pub(crate) fn observer(noted: &Arc<Self>, observer: Arc<dyn Observer>) -> Arc<dyn Observer> {
        Arc::new(Noting {
            noted: Arc::clone(noted),
            observer,
        })
    }

    /// What is known of the failure of the attempt that is signed by `by`.
    pub(crate) fn failed(&self, by: Signature) -> FailedFile {
        FailedFile {
            by,
            why: None,
            refused: false,
            entries: 0,
            not_written: 0,
            outdated: self.outdated.load(Relaxed),
            absent: self.absent.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
            names: std::mem::take(&mut *self.failures.lock()),
            report: Done::default(),
        }
    }

    /// Whether the `entries` that failed would fail in the same way once more.
    pub(crate) fn would_fail_again(&self, entries: u64) -> bool {
        would_fail_again(
            entries,
            self.outdated.load(Relaxed),
            self.blocked.load(Relaxed),
        )
    }

    /// Why the attempt has stopped, if it has.
    pub(crate) fn why_stopped(&self) -> String {
        match &*self.ended_by.lock() {
            Some(error) => format!("others would fail alike: {error}"),
            None => "it was stopped".to_owned(),
        }
    }

    /// Of what was found done: what the target lacked, and what was to be replaced.
    pub(crate) fn earlier(&self) -> (Tally, Tally) {
        *self.earlier.lock()
    }
}

/// Notes what fails, and what was found done.
struct Noting {
    noted: Arc<Noted>,
    observer: Arc<dyn Observer>,
}

impl Observer for Noting {
    fn phase(&self, phase: Phase) {
        self.observer.phase(phase);
    }

    fn event(&self, event: Event<'_>) {
        match &event {
            Event::Failed { key, error } => {
                let absent = error.kind() == ErrorKind::NotFound && !self.noted.is_source_shared;
                match error.kind() {
                    _ if absent => self.noted.absent.fetch_add(1, Relaxed),
                    ErrorKind::Changed | ErrorKind::NotFound => {
                        self.noted.outdated.fetch_add(1, Relaxed)
                    }
                    ErrorKind::Blocked => self.noted.blocked.fetch_add(1, Relaxed),
                    _ => 0,
                };
                if error.kind().stops_run() && error.kind() != ErrorKind::Stopped {
                    let mut ended_by = self.noted.ended_by.lock();
                    ended_by.get_or_insert_with(|| printable_text(&error.to_string()));
                }
                let mut names = self.noted.failures.lock();
                if has_room(&mut names, absent) {
                    names.push(FailedEntry {
                        key: key.as_str().to_owned(),
                        error: error.to_string(),
                        absent,
                    });
                }
            }
            Event::AlreadyDone(transfer) => {
                let mut earlier = self.noted.earlier.lock();
                let tally = match transfer.target {
                    None => &mut earlier.0,
                    Some(_) => &mut earlier.1,
                };
                tally.add(transfer.source.size);
            }
            _ => {}
        }
        self.observer.event(event);
    }

    fn warning(&self, warning: &Warning) {
        self.observer.warning(warning);
    }
}

/// Whether one more entry can be named; one that was not found may take the place of another.
fn has_room(names: &mut Vec<FailedEntry>, absent: bool) -> bool {
    if names.len() < MOST_NAMES {
        return true;
    }
    let found = || names.iter().rposition(|name| !name.absent);
    let number = names.iter().filter(|name| name.absent).count();
    let replaced = found().filter(|_| absent && number < ABSENT_NAMES);
    replaced.map(|index| names.remove(index)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as they are kept of entries that fail in this order, each of which was found or not.
    fn kept(entries: impl IntoIterator<Item = bool>) -> Vec<FailedEntry> {
        let mut names = Vec::new();
        for (number, absent) in entries.into_iter().enumerate() {
            if has_room(&mut names, absent) {
                names.push(FailedEntry {
                    key: number.to_string(),
                    error: String::new(),
                    absent,
                });
            }
        }
        names
    }

    #[test]
    fn entries_that_were_not_found_are_named_though_many_others_failed_before() {
        let absent = |names: &[FailedEntry]| names.iter().filter(|name| name.absent).count();
        let found = || std::iter::repeat_n(false, 100);
        let names = kept(found().chain([true]));
        assert_eq!((names.len(), absent(&names)), (MOST_NAMES, 1));
        assert_eq!(names.first().unwrap().key, "0");

        let names = kept(found().chain(std::iter::repeat_n(true, 100)));
        assert_eq!((names.len(), absent(&names)), (MOST_NAMES, ABSENT_NAMES));
        let names = kept(std::iter::repeat_n(true, 100).chain(found()));
        assert_eq!((names.len(), absent(&names)), (MOST_NAMES, MOST_NAMES));
    }
}
