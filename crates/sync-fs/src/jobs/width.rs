//! How many jobs may be at work at once, learned from how long they wait.
//!
//! On a quick file system more threads than keep a disk busy only wake each
//! other. Where each call is a message to a server (NFS, Lustre, a FUSE file
//! system), a thread does next to nothing but wait, and the throughput grows
//! with the number of threads. A job on a machine whose cores are busy may wait
//! as well, for its turn; but that takes milliseconds and comes once in several
//! turns, and such a job is over in a small part of a turn. So most of the jobs
//! still do not wait, and only their share counts.

use std::cell::Cell;
use std::num::NonZero;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::sys::handles;

/// Threads for each core on a quick file system: enough to keep a disk busy.
const FOR_EACH_CORE: usize = 4;

/// Most threads on a slow one.
const WIDEST: usize = 64;

/// Handles that the process may have, for each thread: the directories that it
/// has open are a few, the files belong to requests in flight.
const HANDLES: u64 = 16;

/// A job that is done sooner did not wait.
const SHORT: Duration = Duration::from_millis(1);

/// A job waited if it took so many times the time of its processor.
const MOSTLY: u32 = 8;

/// Whether a job waited for most of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    Mostly,
    Hardly,
}

impl Waits {
    /// Of a job of this thread that has just ended and `took` so long.
    pub(super) fn of(took: Duration) -> Self {
        // To ask for the processor time costs a call of the system.
        if took >= SHORT && took >= processor_time() * MOSTLY {
            Self::Mostly
        } else {
            Self::Hardly
        }
    }
}

/// The processor time of this thread since this was asked last: of one job, if
/// each of them is long enough, and else of more.
fn processor_time() -> Duration {
    thread_local! {
        static LAST: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }
    let now = thread_clock();
    now.saturating_sub(LAST.replace(now))
}

/// The processor time that this thread has used.
pub(super) fn thread_clock() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// The number of threads that may be at work: doubled while most jobs wait,
/// halved while most do not.
#[derive(Debug)]
pub(super) struct Width {
    now: usize,
    narrowest: usize,
    widest: usize,
    waited: usize,
    done: usize,
}

impl Default for Width {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let widest = WIDEST.min(handles::one_for_each(HANDLES));
        Self::new(cores * FOR_EACH_CORE, widest)
    }
}

impl Width {
    pub(super) fn new(narrowest: usize, widest: usize) -> Self {
        Self {
            now: narrowest,
            narrowest,
            widest: widest.max(narrowest),
            waited: 0,
            done: 0,
        }
    }

    pub(super) fn get(&self) -> usize {
        self.now
    }

    pub(super) fn is_wide(&self) -> bool {
        self.now > self.narrowest
    }

    /// Takes a job into account. The width changes after two rounds of jobs,
    /// if three of four were alike.
    pub(super) fn note(&mut self, waits: Waits) {
        self.done += 1;
        self.waited += usize::from(waits == Waits::Mostly);
        if self.done < 2 * self.now {
            return;
        }
        if self.waited * 4 >= self.done * 3 {
            self.now = (self.now * 2).min(self.widest);
        } else if self.waited * 4 <= self.done {
            self.now = (self.now / 2).max(self.narrowest);
        }
        (self.waited, self.done) = (0, 0);
    }
}
