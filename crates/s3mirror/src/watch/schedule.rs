//! When a cycle is due. Pure: the time is an argument.

use std::fmt;
use std::time::{Duration, Instant};

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// How long a watch waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long nothing must have changed before a cycle.
    pub settle: Duration,
    /// The longest that a change waits, though others follow all the time.
    pub longest_delay: Duration,
    /// How often both places are listed whole.
    pub full_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(2),
            longest_delay: Duration::from_secs(30),
            full_every: Duration::from_hours(24),
        }
    }
}

/// Why both places are listed whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FullCause {
    /// The watch begins.
    Begin,
    /// The last one was long ago ([`Pace::full_every`]).
    Periodic,
    /// The kernel has dropped events, because they came too fast.
    Overflow,
    /// More has changed than is remembered.
    TooManyChanges,
    /// Not all directories are watched, because the system permits no more watches.
    WatchLimit,
    /// The directory was mounted, unmounted or replaced.
    RootReplaced,
    /// The watcher has failed.
    WatcherFailed,
}

impl fmt::Display for FullCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "the watch begins",
            Self::Periodic => "it is time for it",
            Self::Overflow => "the kernel has dropped events",
            Self::TooManyChanges => "more has changed than is remembered",
            Self::WatchLimit => "not all directories are watched",
            Self::RootReplaced => "the directory was mounted, unmounted or replaced",
            Self::WatcherFailed => "watching has failed",
        })
    }
}

/// When the changes that wait were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Instant,
    pub(super) last: Instant,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A cycle of what has changed.
    Cycle,
    /// A full run.
    Full(FullCause),
    /// Nothing until then.
    Wait(Instant),
}

/// Decides when a cycle is due.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    full: Option<FullCause>,
    /// When the next full run is due.
    full_at: Instant,
    failures: u32,
    /// No run before, because the last one has failed.
    not_before: Option<Instant>,
}

impl Schedule {
    /// Begins with a full run.
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            full: Some(FullCause::Begin),
            full_at: now + pace.full_every,
            failures: 0,
            not_before: None,
        }
    }

    /// A full run is needed; the first cause counts.
    pub(super) fn ask_full(&mut self, cause: FullCause) {
        self.full.get_or_insert(cause);
    }

    /// What is to be done at `now`, if changes wait since `changes`.
    pub(super) fn next(&self, now: Instant, changes: Option<Span>) -> Next {
        let cycle_at = changes
            .map(|span| (span.last + self.pace.settle).min(span.first + self.pace.longest_delay));
        let (due, next) = match (self.full, cycle_at) {
            (Some(cause), _) => (now, Next::Full(cause)),
            (None, _) if now >= self.full_at => (now, Next::Full(FullCause::Periodic)),
            (None, Some(at)) if at < self.full_at => (at, Next::Cycle),
            (None, _) => (self.full_at, Next::Full(FullCause::Periodic)),
        };
        let due = self.not_before.map_or(due, |limit| due.max(limit));
        if due <= now { next } else { Next::Wait(due) }
    }

    /// A run begins.
    pub(super) fn begin(&mut self, full: Option<FullCause>) {
        if full.is_some() {
            self.full = None;
        }
    }

    /// The run has ended well at `now`. A full run is due `every` so often, or sooner.
    pub(super) fn succeeded(&mut self, full: Option<FullCause>, now: Instant, every: Duration) {
        self.failures = 0;
        self.not_before = None;
        if full.is_some() {
            self.full_at = now + self.pace.full_every.min(every);
        }
    }

    /// The run has failed at `now`, and has to be done again after a pause of at most
    /// `longest`.
    pub(super) fn failed(&mut self, full: Option<FullCause>, now: Instant, longest: Duration) {
        if let Some(cause) = full {
            self.ask_full(cause);
        }
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.not_before = Some(now + doubled.min(longest));
        self.failures = self.failures.saturating_add(1);
    }

    /// When the run that has failed is tried again, and how often it has failed.
    pub(super) fn retry(&self) -> Option<(Instant, u32)> {
        self.not_before.map(|at| (at, self.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    const EVER: Duration = Duration::MAX;
    const MINUTE: Duration = Duration::from_secs(60);

    /// One that has done its first full run at the moment that is returned.
    fn begun() -> (Schedule, Instant) {
        let start = Instant::now();
        let mut schedule = Schedule::new(Pace::default(), start);
        let cause = FullCause::Begin;
        assert_eq!(schedule.next(start, None), Next::Full(cause));
        schedule.begin(Some(cause));
        schedule.succeeded(Some(cause), start, EVER);
        (schedule, start)
    }

    #[test]
    fn a_cycle_waits_until_nothing_has_changed_for_the_settle_time() {
        let (schedule, start) = begun();
        let at = |first, last, now| {
            let span = Span {
                first: start + seconds(first),
                last: start + seconds(last),
            };
            schedule.next(start + seconds(now), Some(span))
        };
        assert_eq!(at(10, 10, 11), Next::Wait(start + seconds(12)));
        assert_eq!(at(10, 11, 12), Next::Wait(start + seconds(13)));
        assert_eq!(at(10, 11, 13), Next::Cycle);
        // Changes that never end do not delay it for ever.
        assert_eq!(at(10, 39, 39), Next::Wait(start + seconds(40)));
        assert_eq!(at(10, 40, 40), Next::Cycle);
    }

    #[test]
    fn nothing_is_due_before_the_next_full_run_where_nothing_changes() {
        let (schedule, start) = begun();
        let day = start + Duration::from_hours(24);
        assert_eq!(schedule.next(start + seconds(1), None), Next::Wait(day));
        assert_eq!(schedule.next(day, None), Next::Full(FullCause::Periodic));
    }

    #[test]
    fn full_runs_come_sooner_while_directories_are_not_watched() {
        let (mut schedule, start) = begun();
        let hour = Duration::from_hours(1);
        schedule.succeeded(Some(FullCause::WatchLimit), start, hour);
        assert_eq!(schedule.next(start, None), Next::Wait(start + hour));
    }

    #[test]
    fn a_full_run_comes_before_a_cycle_and_at_once() {
        let (mut schedule, start) = begun();
        schedule.ask_full(FullCause::Overflow);
        schedule.ask_full(FullCause::RootReplaced);
        let span = Some(Span {
            first: start,
            last: start,
        });
        assert_eq!(schedule.next(start, span), Next::Full(FullCause::Overflow));
    }

    #[test]
    fn what_has_failed_is_tried_again_after_pauses_that_grow_to_a_minute() {
        let (mut schedule, mut now) = begun();
        let span = Some(Span {
            first: now,
            last: now,
        });
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            schedule.begin(None);
            schedule.failed(None, now, MINUTE);
            let due = now + seconds(pause);
            assert_eq!(schedule.next(now, span), Next::Wait(due));
            // Neither a new change nor a full run comes sooner.
            let newer = Some(Span {
                first: now,
                last: now + seconds(1),
            });
            assert!(matches!(
                schedule.next(now + seconds(1), newer),
                Next::Wait(_)
            ));
            now = due + seconds(2);
            assert_eq!(schedule.next(now, span), Next::Cycle);
        }
        schedule.succeeded(None, now, EVER);
        assert_eq!(schedule.retry(), None);
        schedule.failed(None, now, MINUTE);
        assert_eq!(schedule.retry(), Some((now + seconds(2), 1)));
    }

    #[test]
    fn a_full_run_that_fails_stays_due_with_its_cause() {
        let (mut schedule, start) = begun();
        schedule.ask_full(FullCause::Overflow);
        schedule.begin(Some(FullCause::Overflow));
        schedule.failed(Some(FullCause::Overflow), start, MINUTE);
        let next = schedule.next(start + seconds(2), None);
        assert_eq!(next, Next::Full(FullCause::Overflow));
    }
}
