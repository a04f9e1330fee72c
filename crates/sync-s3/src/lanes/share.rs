//! How many small requests leave the caller's thread: as many as it has no time for.
//!
//! Every now and then the processor time of the thread is compared with the time that
//! has passed. When it is full, one more of each 16 requests leaves; when it has time
//! left, one less. If requests come from several threads, none leaves: no single one
//! can be full.

use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// Of so many requests some leave.
const OF: u32 = 16;

/// Above this share of processor time a thread is full, and below the other it has
/// time left.
const FULL: f64 = 0.9;
const FREE: f64 = 0.7;

/// How long the times are measured for one decision.
const SAMPLE: Duration = Duration::from_millis(10);

/// Of 16 requests, how many leave; and the last measurement.
#[derive(Debug, Default)]
pub(super) struct Share {
    leaving: u32,
    /// How far the current 16 have come.
    turn: u32,
    last: Option<Measurement>,
}

#[derive(Debug, Clone, Copy)]
struct Measurement {
    thread: ThreadId,
    at: Instant,
    used: Duration,
}

impl Share {
    /// Whether the next request is one that leaves.
    pub(super) fn is_to_leave(&mut self) -> bool {
        let now = Instant::now();
        if self.last.is_none_or(|last| now - last.at >= SAMPLE) {
            self.measured(Measurement {
                thread: thread::current().id(),
                at: now,
                used: processor_time(),
            });
        }
        self.turn = (self.turn + 1) % OF;
        // Spread over the 16, and not one after another.
        let before = self.turn * self.leaving / OF;
        (self.turn + 1) * self.leaving / OF > before
    }

    fn measured(&mut self, now: Measurement) {
        let Some(last) = self.last.replace(now) else {
            return;
        };
        if last.thread != now.thread {
            self.leaving = 0;
            return;
        }
        let used = now.used.saturating_sub(last.used).as_secs_f64();
        let share = used / (now.at - last.at).as_secs_f64().max(1e-6);
        if share > FULL {
            // One at least stays, so that the thread is not without work.
            self.leaving = (self.leaving + 1).min(OF - 1);
        } else if share < FREE {
            self.leaving = self.leaving.saturating_sub(1);
        }
    }
}

/// The processor time of this thread.
#[cfg(unix)]
fn processor_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// It is not known: no thread is ever full.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `share` after `count` measurements in which the thread worked for `percent` of
    /// the time.
    fn after(share: &mut Share, count: u32, percent: u32) {
        let thread = thread::current().id();
        let start = *share.last.get_or_insert(Measurement {
            thread,
            at: Instant::now(),
            used: Duration::ZERO,
        });
        for n in 1..=count {
            share.measured(Measurement {
                thread,
                at: start.at + SAMPLE * n,
                used: start.used + SAMPLE * percent * n / 100,
            });
        }
    }

    fn leaving(share: &mut Share) -> usize {
        // Without another measurement.
        if let Some(last) = &mut share.last {
            last.at = Instant::now() + Duration::from_secs(60);
        }
        (0..OF).filter(|_| share.is_to_leave()).count()
    }

    #[test]
    fn requests_leave_a_thread_that_is_full_and_return_when_it_has_time() {
        let mut share = Share::default();
        after(&mut share, 3, 50);
        assert_eq!(leaving(&mut share), 0);
        let mut share = Share::default();
        after(&mut share, 5, 99);
        assert_eq!(leaving(&mut share), 5);
        let mut share = Share::default();
        after(&mut share, 100, 99);
        after(&mut share, 3, 80);
        assert_eq!(leaving(&mut share), 15, "one stays, and 80 % are neither");
        after(&mut share, 100, 10);
        assert_eq!(leaving(&mut share), 0);
    }

    #[test]
    fn no_request_leaves_where_several_threads_ask() {
        let mut share = Share::default();
        after(&mut share, 9, 99);
        let other = thread::spawn(|| thread::current().id()).join().unwrap();
        let last = share.last.unwrap();
        share.measured(Measurement {
            thread: other,
            ..last
        });
        assert_eq!(leaving(&mut share), 0);
    }

    #[cfg(unix)]
    #[test]
    fn the_processor_time_is_that_of_the_thread() {
        let before = processor_time();
        let mut sum = 0_u64;
        while processor_time() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let elsewhere = thread::spawn(processor_time).join().unwrap();
        assert!(elsewhere < processor_time());
    }
}
