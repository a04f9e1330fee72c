//! File work: the hop to a thread that may block, and how many threads do it.
//!
//! A thread that has finished a job takes the next one that waits, so that few
//! threads wake each other. How many there are follows from how long the jobs
//! wait for the file system ([`width`]).

mod spread;
#[cfg(test)]
mod tests;
mod width;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use sync_core::{ErrorKind, Result, StoreError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::refused;
use width::{Waits, Width};

/// How long a thread waits for its next job before the runtime gets it back.
/// The pauses within a run are shorter, and the end of a runtime, which waits
/// for its threads, may be delayed by as much.
const LINGER: Duration = Duration::from_millis(5);

type Job = Box<dyn FnOnce() + Send>;

/// The jobs of one directory. Those that begin run to their end; one whose
/// caller is gone before that is dropped.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    more: Condvar,
}

struct State {
    width: Width,
    /// Threads, those among them that wait for a job, and the jobs that wait.
    threads: usize,
    idle: usize,
    waiting: VecDeque<Job>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self::new(Width::default())
    }
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs")
            .field("width", &self.width())
            .finish_non_exhaustive()
    }
}

impl Jobs {
    fn new(width: Width) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                width,
                threads: 0,
                idle: 0,
                waiting: VecDeque::new(),
            }),
            more: Condvar::new(),
        }))
    }

    /// Runs `work`, which examines or changes names and attributes, on a thread
    /// that may block. What it waits for shows how slow the file system is.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let jobs = self.clone();
        self.run_unmeasured(move || jobs.measure(work)).await
    }

    /// Runs `work`, which moves content: a disk that is busy with that would
    /// not be quicker with more of it at once.
    pub(crate) async fn run_unmeasured<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, result) = oneshot::channel();
        self.start(Box::new(move || {
            if !answer.is_closed() {
                // The receiver may be dropped meanwhile.
                drop(answer.send(work()));
            }
        }));
        result.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Runs `job` as soon as there is a thread for it. It is dropped if the
    /// runtime is ending, or if there is none.
    pub(crate) fn start(&self, job: Job) {
        self.enqueue(job, VecDeque::push_back);
    }

    /// The same, before all others that wait.
    fn start_first(&self, job: Job) {
        self.enqueue(job, VecDeque::push_front);
    }

    fn enqueue(&self, job: Job, push: impl FnOnce(&mut VecDeque<Job>, Job)) {
        let mut state = self.0.state.lock();
        let is_awaited = state.idle > state.waiting.len();
        if !is_awaited && state.threads < state.width.get() {
            state.threads += 1;
            drop(state);
            return self.add_thread(job);
        }
        push(&mut state.waiting, job);
        drop(state);
        if is_awaited {
            self.0.more.notify_one();
        }
    }

    /// Gives `job` to a thread of the runtime, which has been counted.
    fn add_thread(&self, job: Job) {
        let thread = Thread {
            shared: Arc::clone(&self.0),
            is_counted: true,
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || thread.work(job));
        }
    }

    /// Runs `work` and notes whether it mostly waited.
    pub(crate) fn measure<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.note(Waits::of(begun.elapsed()));
        done
    }

    fn note(&self, waits: Waits) {
        let mut state = self.0.state.lock();
        state.width.note(waits);
        let free = state.width.get().saturating_sub(state.threads);
        let count = free.min(state.waiting.len().saturating_sub(state.idle));
        if count == 0 {
            return;
        }
        state.threads += count;
        let jobs: Vec<_> = state.waiting.drain(..count).collect();
        drop(state);
        for job in jobs {
            self.add_thread(job);
        }
    }

    /// How many threads may be at work.
    fn width(&self) -> usize {
        self.0.state.lock().width.get()
    }

    /// How many threads more may share work that one has begun: none where the
    /// file system is quick.
    fn helpers(&self) -> usize {
        let state = self.0.state.lock();
        if state.width.is_wide() {
            state.width.get() - 1
        } else {
            0
        }
    }
}

/// One thread, counted until it has ended.
struct Thread {
    shared: Arc<Shared>,
    is_counted: bool,
}

impl Thread {
    /// Runs `first` and then what waits.
    fn work(mut self, first: Job) {
        let mut next = Some(first);
        while let Some(job) = next {
            // Its caller sees that the answer is missing.
            let _ = catch_unwind(AssertUnwindSafe(job));
            next = self.next();
        }
    }

    /// The next job, if one comes soon and this thread is not one too many.
    fn next(&mut self) -> Option<Job> {
        let mut state = self.shared.state.lock();
        if state.threads <= state.width.get() {
            if state.waiting.is_empty() {
                state.idle += 1;
                // It may wake without a reason: then it ends early.
                self.shared.more.wait_for(&mut state, LINGER);
                state.idle -= 1;
            }
            if let Some(job) = state.waiting.pop_front() {
                return Some(job);
            }
        }
        // Under the lock: whoever adds a job now counts on the others.
        state.threads -= 1;
        self.is_counted = false;
        None
    }
}

impl Drop for Thread {
    /// A runtime that is ending drops what it has not begun.
    fn drop(&mut self) {
        if self.is_counted {
            let mut state = self.shared.state.lock();
            state.threads -= 1;
            // No thread is left that would take them.
            let abandoned = if state.threads == 0 {
                std::mem::take(&mut state.waiting)
            } else {
                VecDeque::new()
            };
            drop(state);
            drop(abandoned);
        }
    }
}

fn stopping() -> StoreError {
    refused(ErrorKind::Stopped, "the program is stopping")
}
