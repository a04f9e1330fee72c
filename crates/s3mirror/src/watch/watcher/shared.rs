//! What the threads share: the one that receives events, the one that adds watches, and
//! whoever waits for changes.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::watch::dirty::{Changes, Dirty};
use crate::watch::schedule::{FullCause, Span};

/// New directories that wait to be watched; beyond that, the whole tree is.
const MOST_NEW: usize = 10_000;

#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Wakes the thread that adds watches.
    work: Condvar,
    /// Wakes whoever waits for changes.
    changed: Notify,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) dirty: Dirty,
    /// When what is dirty has changed.
    pub(super) span: Option<Span>,
    /// Why everything has to be looked at.
    pub(super) full: Option<FullCause>,
    /// Directories that are watched, or were to be; without a slash at the end.
    pub(super) directories: BTreeSet<String>,
    /// Those of them that could not be read, nor watched.
    pub(super) unreadable: BTreeSet<String>,
    /// How many could not be watched for another reason, by the last walk of the whole tree.
    pub(super) unwatched: usize,
    /// Directories to watch; empty for the root.
    new: VecDeque<String>,
    /// Whether one is being watched just now.
    busy: bool,
    ended: bool,
}

impl State {
    /// How much whoever waits should do, from nothing to a full run.
    fn concerns(&self) -> u8 {
        match &self.span {
            _ if self.full.is_some() || self.dirty.is_everything() => 2,
            Some(_) => 1,
            None => 0,
        }
    }

    /// Something may have changed at `item`, a key or a directory with a slash.
    pub(super) fn touch(&mut self, item: &str) {
        let now = Instant::now();
        self.dirty.add(item);
        self.span.get_or_insert(Span {
            first: now,
            last: now,
        });
        if let Some(span) = &mut self.span {
            span.last = now;
        }
    }

    /// The directory at `path` came or went: look there, and at all below it.
    pub(super) fn touch_tree(&mut self, path: &str) {
        self.touch(path);
        self.touch(&format!("{path}/"));
    }

    /// Forgets that `path` is a directory, if it was.
    pub(super) fn forget_directory(&mut self, path: &str) -> bool {
        if !self.directories.contains(path) {
            return false;
        }
        for directories in [&mut self.directories, &mut self.unreadable] {
            directories.remove(path);
            let below = below(directories, path).cloned();
            for directory in below.collect::<Vec<_>>() {
                directories.remove(&directory);
            }
        }
        true
    }

    /// Whether the directory `path`, or one below it, could not be read.
    pub(super) fn is_unreadable(&self, path: &str) -> bool {
        self.unreadable.contains(path) || below(&self.unreadable, path).next().is_some()
    }
}

/// Those of `directories` that are below `path`.
fn below<'a>(directories: &'a BTreeSet<String>, path: &str) -> impl Iterator<Item = &'a String> {
    let start = format!("{path}/");
    let below = directories.range(start.clone()..);
    below.take_while(move |directory| directory.starts_with(&start))
}

impl Shared {
    pub(super) fn new(memory: usize) -> Self {
        Self {
            state: Mutex::new(State {
                dirty: Dirty::new(memory),
                span: None,
                full: None,
                directories: BTreeSet::new(),
                unreadable: BTreeSet::new(),
                unwatched: 0,
                new: VecDeque::new(),
                busy: false,
                ended: false,
            }),
            work: Condvar::new(),
            changed: Notify::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Notes what `note` does to the state. Whoever waits is woken only if there was
    /// nothing before: it looks at the rest when it is due.
    pub(super) fn note(&self, note: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        let before = state.concerns();
        note(&mut state);
        let wakes = state.concerns() > before;
        drop(state);
        if wakes {
            self.changed.notify_one();
        }
    }

    pub(super) fn put_back(&self, changes: Changes) {
        let is_nothing = matches!(&changes, Changes::Items(items) if items.is_empty());
        if is_nothing {
            return;
        }
        self.note(|state| {
            let now = Instant::now();
            state.dirty.put_back(changes);
            state.span.get_or_insert(Span {
                first: now,
                last: now,
            });
        });
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The directory has to be watched; empty for the root.
    pub(super) fn watch_later(&self, directory: String) {
        let mut state = self.lock();
        let is_queued = state.new.back() == Some(&directory);
        if state.new.len() >= MOST_NEW {
            // The root, after which a full run follows.
            state.new = VecDeque::from([String::new()]);
            state.full.get_or_insert(FullCause::TooManyChanges);
        } else if !is_queued {
            state.new.push_back(directory);
        }
        drop(state);
        self.work.notify_one();
    }

    /// The next directory to watch; none when it is over.
    pub(super) fn next(&self) -> Option<String> {
        let mut state = self.lock();
        state.busy = false;
        loop {
            if state.ended {
                return None;
            }
            if let Some(directory) = state.new.pop_front() {
                state.busy = true;
                return Some(directory);
            }
            self.changed.notify_one();
            self.work.wait(&mut state);
        }
    }

    /// Whether a directory that is known is not watched yet.
    pub(super) fn is_behind(&self) -> bool {
        let state = self.lock();
        state.busy || !state.new.is_empty()
    }

    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.work.notify_one();
        self.changed.notify_one();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }
}
