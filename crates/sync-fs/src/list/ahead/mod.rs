//! Looks ahead of the walk, by several threads: where metadata calls wait, the
//! waits overlap.
//!
//! The walk alone decides what an item is, and in which order. The threads only
//! take the looks that it will take later ([`Looker::ahead`]): of the directories that
//! it is in, and of those that they opened ahead, always the first name in key order
//! that nobody has looked at. When the walk arrives at a name, it takes what was
//! found, waits for a look that is under way, or takes the look itself. So whatever
//! becomes of the threads, a listing never lacks anything; what they found wrong the
//! walk sees for itself, and reports that.
//!
//! An item is then what it was a little before the walk arrived at it, just as in any
//! listing it is what it was before its end: what acts on an entry compares it again.
//!
//! What is ahead is bounded: [`WINDOW`] names of a directory, [`limits::MOST_OPENED`] open
//! directories, none of them with more names than the window. A larger one is read
//! when the walk arrives. The children of one directory get at most half of the
//! handles that are free, so that there are always some for what is found later, but
//! comes first in the order. Handles are not reserved against the transfers: these
//! begin when the listing has ended.
//!
//! jwalk, which `empty_dirs` uses, does not serve here: it reads ahead without a bound, by
//! paths instead of handles, so it is not confined, and it does not examine files.

mod id;
mod limits;
mod state;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::list::look::{Found, Looker, Place};
use crate::list::names::Names;

pub(crate) use id::Id;
use limits::{STRIDE, THREADS, WINDOW, most_opened};
use state::{State, Task};

/// The threads, and what they found. They end soon after it is dropped.
#[derive(Debug)]
pub(crate) struct Ahead {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There may be something to look at.
    work: Condvar,
    /// What the walk waits for was found.
    found: Condvar,
}

impl Ahead {
    /// Starts the threads, each with a looker like `looker`. Where none can be started,
    /// nothing is found ahead, and the walk takes every look itself.
    pub(crate) fn start(looker: &Looker) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(most_opened())),
            work: Condvar::new(),
            found: Condvar::new(),
        });
        for _ in 0..THREADS {
            let (at_work, looker) = (Arc::clone(&shared), looker.another());
            let thread = std::thread::Builder::new().name("s3mirror-look".to_owned());
            if thread.spawn(move || at_work.look(looker)).is_err() {
                break;
            }
        }
        Self { shared }
    }

    /// The walk is in the directory at `path`, and has come to its names before
    /// `next`.
    pub(crate) fn enter(
        &self,
        path: &str,
        handle: &Arc<OwnedFd>,
        names: &Arc<Names>,
        next: usize,
    ) -> Id {
        let (handle, names) = (Arc::clone(handle), Arc::clone(names));
        let mut state = self.shared.state.lock();
        let id = state.add(path.to_owned(), handle, names, next);
        self.shared.wake_one(state);
        id
    }

    /// What was found at the name `index` of a directory, at which the walk has
    /// arrived; none if it has to look itself.
    pub(crate) fn take(&self, id: Id, index: usize) -> Option<Found> {
        let mut state = self.shared.state.lock();
        while state.is_under_way(id, index) {
            self.shared.found.wait(&mut state);
        }
        let found = state.take(id, index);
        if index.is_multiple_of(STRIDE) || matches!(found, Some(Found::Directory(_))) {
            self.shared.wake_one(state);
        }
        found
    }

    /// The walk has left the directory, or closed its handle.
    pub(crate) fn leave(&self, id: Id) {
        self.shared.state.lock().remove(id);
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.state.lock().end();
        self.shared.work.notify_all();
    }
}

impl Shared {
    /// The work of one thread.
    fn look(&self, mut looker: Looker) {
        while let Some(task) = self.next() {
            let mut pending = Pending {
                shared: self,
                found: None,
                task,
            };
            pending.found = pending.task.look(&mut looker);
        }
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.state.lock();
        while !state.has_ended() {
            if let Some(task) = state.begin() {
                self.wake_one(state);
                return Some(task);
            }
            state.idle += 1;
            self.work.wait(&mut state);
            state.idle -= 1;
        }
        None
    }

    /// Wakes a thread if there is work for it, which then wakes the next one.
    fn wake_one(&self, state: MutexGuard<'_, State>) {
        let is_needed = state.idle > 0 && state.first().is_some();
        drop(state);
        if is_needed {
            self.work.notify_one();
        }
    }
}

/// A look that is under way. However it ends, the walk learns of it.
struct Pending<'a> {
    shared: &'a Shared,
    task: Task,
    found: Option<Found>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let found = self.found.take();
        let is_awaited = self.shared.state.lock().finish(&self.task, found);
        if is_awaited {
            self.shared.found.notify_one();
        }
    }
}

impl Task {
    fn look(&self, looker: &mut Looker) -> Option<Found> {
        let place = Place {
            dir: &self.handle,
            path: str::from_utf8(&self.path).ok()?,
            leaf: self.leaf,
        };
        looker.ahead(place, self.kind, WINDOW)
    }
}

#[cfg(test)]
impl Ahead {
    /// How many entries are ahead when all threads have nothing left to do. Panics if
    /// there is more of anything than there may be.
    pub(crate) fn entries_within_bounds(&self, patience: std::time::Duration) -> usize {
        let start = std::time::Instant::now();
        loop {
            let state = self.shared.state.lock();
            if state.idle == THREADS && state.first().is_none() {
                return state.entries_within_bounds();
            }
            self.shared.wake_one(state);
            assert!(start.elapsed() < patience, "the threads look without end");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}
