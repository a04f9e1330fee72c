//! Whether metadata calls wait, as on a network, or are answered from memory:
//! the median of what the last ones took, of which one in eight is timed.
//!
//! A median, because even where calls are quick a thread is sometimes not
//! scheduled for milliseconds, and where they are slow some are answered by a cache.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Calls of which one is timed: two looks at the clock cost a twentieth of a quick call.
const EVERY: u32 = 8;

/// Times that are remembered.
const RECENT: usize = 9;

/// From this median on, calls are slow. A local file system takes 1 or 2 µs, a
/// network 200 at least.
const SLOW: Duration = Duration::from_micros(200);

/// Below this median they are quick again.
const QUICK: Duration = Duration::from_micros(100);

/// What metadata calls took lately; shared by the threads of a walk.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    calls: AtomicU32,
    timed: AtomicU32,
    /// In microseconds.
    recent: [AtomicU32; RECENT],
    slow: AtomicBool,
    #[cfg(test)]
    pub(crate) double: Option<tests::Double>,
}

impl Pace {
    /// Whether calls are slow.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Relaxed)
    }

    /// Makes `call`, a metadata call, and times one in eight of them.
    pub(crate) fn of<T>(&self, call: impl FnOnce() -> T) -> T {
        #[cfg(test)]
        if let Some(double) = &self.double {
            self.note(double.0());
            return call();
        }
        if !self.calls.fetch_add(1, Relaxed).is_multiple_of(EVERY) {
            return call();
        }
        let start = Instant::now();
        let result = call();
        self.note(start.elapsed());
        result
    }

    fn note(&self, took: Duration) {
        let place = self.timed.fetch_add(1, Relaxed) as usize % RECENT;
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.recent[place].store(micros, Relaxed);
        let mut sorted = self.recent.each_ref().map(|micros| micros.load(Relaxed));
        sorted.sort_unstable();
        let median = Duration::from_micros(sorted[RECENT / 2].into());
        if median >= SLOW {
            self.slow.store(true, Relaxed);
        } else if median < QUICK {
            self.slow.store(false, Relaxed);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What stands in for the clock: it is called before each call, at any place and
    /// by any thread, and says how long that call took.
    pub(crate) struct Double(pub(super) Box<dyn Fn() -> Duration + Send + Sync>);

    impl std::fmt::Debug for Double {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Double")
        }
    }

    impl Pace {
        /// With `double` in the place of the clock.
        pub(crate) fn by(double: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
            Self {
                double: Some(Double(Box::new(double))),
                ..Self::default()
            }
        }

        /// Slow from the first call on, if `double` says so of all of them.
        pub(crate) fn slow_by(double: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
            let pace = Self::by(double);
            (0..RECENT).for_each(|_| pace.note(SLOW));
            pace
        }
    }

    #[test]
    fn the_majority_of_the_last_calls_decides() {
        let pace = Pace::default();
        let note = |took, times| {
            (0..times).for_each(|_| pace.note(took));
            pace.is_slow()
        };
        assert!(!note(Duration::from_secs(3), RECENT / 2), "outliers");
        assert!(note(SLOW, 1));
        assert!(note(Duration::ZERO, RECENT / 2), "outliers");
        assert!(note(QUICK, RECENT), "between the two it stays");
        assert!(!note(Duration::ZERO, RECENT / 2 + 1));
        assert!(!note(QUICK, RECENT), "between the two it stays");
    }

    #[test]
    fn one_call_in_eight_is_timed() {
        let pace = Pace::default();
        (0..10 * EVERY).for_each(|_| pace.of(|| ()));
        assert_eq!(pace.timed.load(Relaxed), 10);
    }
}
