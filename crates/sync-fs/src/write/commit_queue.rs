//! The commits that wait for a leader.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use sync_core::{Expected, NewEntry, Result};
use tokio::sync::oneshot;

use super::temporary::Temporary;
use crate::sys::path::split;
use crate::trash::replaced::Replaced;

/// A file whose bytes are complete, waiting for its name.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) temporary: Arc<Temporary>,
    pub(crate) entry: NewEntry,
    pub(crate) expected: Expected,
}

/// The sender of the result of a commit.
pub(super) type Answer = oneshot::Sender<Result<()>>;

/// One commit: what it needs, and what became of it so far.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) ready: Ready,
    pub(super) is_synced: bool,
    /// What the file replaces, where there is a trash.
    pub(super) replaced: Replaced,
    pub(super) outcome: Result<()>,
    answer: Answer,
}

impl Commit {
    pub(super) fn new(ready: Ready, answer: Answer) -> Self {
        Self {
            ready,
            is_synced: false,
            replaced: Replaced::Nothing,
            outcome: Ok(()),
            answer,
        }
    }

    /// The path of the directory that the file goes to.
    pub(super) fn directory(&self) -> &[u8] {
        split(self.ready.entry.key.as_str().as_bytes()).0
    }

    /// Sends the outcome to the waiting caller.
    pub(super) fn answer(self) {
        // Dropping the handle releases the lock, which marks it as being written.
        drop(self.ready);
        // The receiver may be dropped; the file is complete all the same.
        let _ = self.answer.send(self.outcome);
    }
}

/// The queue of commits, and whether a thread leads.
#[derive(Debug, Default)]
pub(crate) struct CommitQueue(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Commit>,
    has_leader: bool,
}

impl CommitQueue {
    /// Adds a commit; returns whether the caller has to run the batches.
    pub(super) fn enqueue(&self, commit: Commit) -> bool {
        let mut queue = self.lock();
        queue.waiting.push(commit);
        !std::mem::replace(&mut queue.has_leader, true)
    }

    /// Commits batch after batch by `run` until no commit waits.
    pub(super) fn run_batches(&self, mut run: impl FnMut(Vec<Commit>)) {
        let _guard = LeaderGuard(self);
        while let Some(batch) = self.next_batch() {
            run(batch);
        }
    }

    /// All commits that wait; if none does, the caller leads no longer.
    fn next_batch(&self) -> Option<Vec<Commit>> {
        let mut queue = self.lock();
        if queue.waiting.is_empty() {
            queue.has_leader = false;
            return None;
        }
        Some(std::mem::take(&mut queue.waiting))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock()
    }
}

/// Should the leader panic: the waiting commits fail, and others can lead.
struct LeaderGuard<'a>(&'a CommitQueue);

impl Drop for LeaderGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.lock() = Queue::default();
        }
    }
}
