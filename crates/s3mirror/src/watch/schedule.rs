//! When a cycle is due. Pure: the time is an argument.

use std::fmt;
use std::time::{Duration, Instant};

use super::backoff::Backoff;

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
    /// A name in the directory itself is not UTF-8, so that no list can name it.
    NotUtf8,
    /// Not all directories are watched, because the system permits no more watches.
    WatchLimit,
    /// The directory was mounted, unmounted or replaced.
    RootReplaced,
    /// The watcher has failed.
    WatcherFailed,
    /// The last full run has not seen or done everything.
    Incomplete,
    /// The directory takes names for one that differ only in case, so that a look at one may
    /// find another.
    NamesFold,
}

impl fmt::Display for FullCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "the watch begins",
            Self::Periodic => "it is time for it",
            Self::Overflow => "the kernel has dropped events",
            Self::TooManyChanges => "more has changed than is remembered",
            Self::NotUtf8 => "a name is not UTF-8",
            Self::WatchLimit => "not all directories are watched",
            Self::RootReplaced => "the directory was mounted, unmounted or replaced",
            Self::WatcherFailed => "watching has failed",
            Self::Incomplete => "the last full run was incomplete",
            Self::NamesFold => "the directory ignores the case of names",
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
    /// One of what has failed. What has changed is not looked at with it, because it would be
    /// refused with it.
    Retry,
    /// A full run.
    Full(FullCause),
    /// Nothing until then.
    Wait(Instant),
}

/// Decides when a run is due.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    full: Option<FullCause>,
    /// When the next full run is due.
    full_at: Instant,
    /// Until when there is no further full run of a cause that can come again and again.
    rest_until: Option<Instant>,
    /// Until when there is none of any cause during which cycles may be run, because the
    /// last one has failed.
    full_not_before: Option<Instant>,
    full_failures: Backoff,
    /// Full runs that were incomplete.
    incomplete: Backoff,
    failures: Backoff,
    /// The longest pause after the last failure: of another kind, failures count anew.
    longest: Duration,
    /// No run before, because the last one has failed.
    not_before: Option<Instant>,
    /// Whether lists cannot be used, because names are folded: each run is a full one.
    no_lists: bool,
}

impl Schedule {
    /// Begins with a full run.
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            full: Some(FullCause::Begin),
            full_at: later(now, pace.full_every),
            rest_until: None,
            full_not_before: None,
            full_failures: Backoff::default(),
            incomplete: Backoff::default(),
            failures: Backoff::default(),
            longest: Duration::ZERO,
            not_before: None,
            no_lists: false,
        }
    }

    /// Whether lists cannot be used, because the directory folds names.
    pub(super) fn set_no_lists(&mut self, no_lists: bool) {
        self.no_lists = no_lists;
    }

    /// A full run is needed; the first cause counts. But of a directory that is another one
    /// nothing is known, so nothing is done before it was looked at whole.
    pub(super) fn ask_full(&mut self, cause: FullCause) {
        match cause {
            FullCause::RootReplaced => self.full = Some(cause),
            _ => {
                self.full.get_or_insert(cause);
            }
        }
    }

    /// Whether a full run is needed: until then more may have changed than is known.
    pub(super) fn is_full_pending(&self) -> bool {
        self.full.is_some()
    }

    /// What is to be done at `now`, if changes wait since `changes`, and what has failed is
    /// to be tried again at `retry`.
    pub(super) fn next(&self, now: Instant, changes: Option<Span>, retry: Option<Instant>) -> Next {
        let settled = changes
            .map(|span| (span.last + self.pace.settle).min(span.first + self.pace.longest_delay));
        // What waits longer comes first.
        let is_retry = retry.is_some_and(|at| settled.is_none_or(|settled| at <= settled));
        let cycle = if is_retry { Next::Retry } else { Next::Cycle };
        let cycle_at = [settled, retry].into_iter().flatten().min();
        let (full_at, cause) = match self.full {
            Some(cause) => (self.rest(cause).unwrap_or(now), cause),
            None => (self.full_at, FullCause::Periodic),
        };
        let (due, next) = match cycle_at {
            Some(at) if self.no_lists && at < full_at => {
                let at = self.rest_until.map_or(at, |rest| at.max(rest));
                (at.min(full_at), Next::Full(FullCause::NamesFold))
            }
            Some(at) if at < full_at && now < full_at => (at, cycle),
            _ => (full_at, Next::Full(cause)),
        };
        let due = self.not_before.map_or(due, |limit| due.max(limit));
        if due <= now { next } else { Next::Wait(due) }
    }

    /// Until when a full run because of `cause` waits. What has changed is looked at
    /// meanwhile.
    fn rest(&self, cause: FullCause) -> Option<Instant> {
        match cause {
            _ if blocks(cause) => None,
            FullCause::Overflow
            | FullCause::TooManyChanges
            | FullCause::NotUtf8
            | FullCause::Incomplete => self.rest_until.max(self.full_not_before),
            _ => self.full_not_before,
        }
    }

    /// A run begins.
    pub(super) fn begin(&mut self, full: Option<FullCause>) {
        if full.is_some() {
            self.full = None;
        }
    }

    /// A run has reached both places, and has done what it could.
    pub(super) fn ended(&mut self) {
        self.failures = Backoff::default();
        self.not_before = None;
    }

    /// A full run that took `took` has ended at `now`, and what it did not do is known. The
    /// next one is due `every` so often, or sooner; for another cause it waits as long as
    /// this one took, so that full runs take at most half of the time.
    pub(super) fn full_ended(&mut self, now: Instant, took: Duration, every: Duration) {
        self.incomplete = Backoff::default();
        self.full_at = later(now, self.pace.full_every.min(every));
        self.rest_until = Some(now + took);
        self.full_succeeded();
    }

    /// A full run that took `took` has ended at `now`, and has not seen or done everything: it
    /// has to be done again, after a pause that grows to `longest`.
    pub(super) fn full_again(&mut self, now: Instant, took: Duration, longest: Duration) {
        self.ask_full(FullCause::Incomplete);
        self.full_succeeded();
        let pause = self.incomplete.fail(longest).max(took);
        self.rest_until = Some(now + pause);
    }

    fn full_succeeded(&mut self) {
        self.full_failures = Backoff::default();
        self.full_not_before = None;
    }

    /// The run has failed at `now`, or was refused, and has to be done again after a pause of
    /// at most `longest`. If it was a full one, what changes is looked at meanwhile, unless
    /// nothing is known of the directory.
    pub(super) fn failed(&mut self, full: Option<FullCause>, now: Instant, longest: Duration) {
        if let Some(cause) = full {
            self.ask_full(cause);
            if !blocks(cause) {
                self.full_not_before = Some(now + self.full_failures.fail(longest));
                return;
            }
        }
        if self.longest != longest {
            self.failures = Backoff::default();
        }
        self.longest = longest;
        self.not_before = Some(now + self.failures.fail(longest));
    }

    /// When what has failed is tried again, or a full run that waits, if that is later than
    /// `now`.
    pub(super) fn retry(&self, now: Instant) -> Option<Instant> {
        let full = self.full.and_then(|cause| self.rest(cause));
        let retries = [self.not_before, full].into_iter().flatten();
        retries.filter(|at| *at > now).min()
    }

    /// How often the last run has failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures.failures().max(self.full_failures.failures())
    }
}

/// Whether nothing else is done before the full run.
fn blocks(cause: FullCause) -> bool {
    matches!(
        cause,
        FullCause::Begin | FullCause::RootReplaced | FullCause::NamesFold
    )
}

/// `span` after `now`; long after it, if there is no such moment.
fn later(now: Instant, span: Duration) -> Instant {
    const LONG: Duration = Duration::from_hours(24 * 365);
    now.checked_add(span).unwrap_or_else(|| now + LONG)
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
        assert_eq!(schedule.next(start, None, None), Next::Full(cause));
        schedule.begin(Some(cause));
        schedule.ended();
        schedule.full_ended(start, seconds(0), EVER);
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
            schedule.next(start + seconds(now), Some(span), None)
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
        assert_eq!(
            schedule.next(start + seconds(1), None, None),
            Next::Wait(day)
        );
        assert_eq!(
            schedule.next(day, None, None),
            Next::Full(FullCause::Periodic)
        );
    }

    #[test]
    fn full_runs_come_sooner_while_directories_are_not_watched() {
        let (mut schedule, start) = begun();
        let hour = Duration::from_hours(1);
        schedule.full_ended(start, seconds(1), hour);
        assert_eq!(schedule.next(start, None, None), Next::Wait(start + hour));
    }

    #[test]
    fn a_full_run_comes_before_a_cycle_and_at_once() {
        let (mut schedule, start) = begun();
        schedule.ask_full(FullCause::RootReplaced);
        schedule.ask_full(FullCause::Overflow);
        let span = Some(Span {
            first: start,
            last: start,
        });
        assert_eq!(
            schedule.next(start, span, None),
            Next::Full(FullCause::RootReplaced)
        );
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
            assert_eq!(schedule.next(now, span, None), Next::Wait(due));
            // Neither a new change nor a full run comes sooner.
            let newer = Some(Span {
                first: now,
                last: now + seconds(1),
            });
            assert!(matches!(
                schedule.next(now + seconds(1), newer, None),
                Next::Wait(_)
            ));
            now = due + seconds(2);
            assert_eq!(schedule.next(now, span, None), Next::Cycle);
        }
        // Of another kind it begins anew.
        schedule.failed(None, now, 2 * MINUTE);
        assert_eq!(schedule.retry(now), Some(now + seconds(2)));
        schedule.ended();
        assert_eq!((schedule.retry(now), schedule.failures()), (None, 0));
        schedule.failed(None, now, MINUTE);
        assert_eq!(schedule.retry(now), Some(now + seconds(2)));
        assert_eq!(schedule.retry(now + seconds(2)), None);
    }

    #[test]
    fn a_full_run_that_fails_stays_due_with_its_cause() {
        let (mut schedule, start) = begun();
        schedule.ask_full(FullCause::Overflow);
        schedule.begin(Some(FullCause::Overflow));
        schedule.failed(Some(FullCause::Overflow), start, MINUTE);
        let next = schedule.next(start + seconds(2), None, None);
        assert_eq!(next, Next::Full(FullCause::Overflow));
    }

    #[test]
    fn what_has_failed_by_itself_is_due_at_its_time_beside_changes() {
        let (schedule, start) = begun();
        let retry = Some(start + seconds(60));
        let next = schedule.next(start, None, retry);
        assert_eq!(next, Next::Wait(start + seconds(60)));
        let span = Some(Span {
            first: start,
            last: start,
        });
        let next = schedule.next(start + seconds(2), span, retry);
        assert_eq!(next, Next::Cycle);
        let next = schedule.next(start + seconds(60), None, retry);
        assert_eq!(next, Next::Retry);
        // Changes without end delay it no longer than it delays them.
        let next = schedule.next(start + seconds(61), span, retry);
        assert_eq!(next, Next::Cycle);
        let next = schedule.next(start + seconds(61), span, Some(start));
        assert_eq!(next, Next::Retry);
    }

    /// By deletions that nobody has confirmed, or a name that is too long.
    #[test]
    fn a_full_run_that_is_refused_does_not_delay_what_changes() {
        let (mut schedule, start) = begun();
        for _ in 0..2 {
            schedule.begin(Some(FullCause::Periodic));
            schedule.failed(Some(FullCause::Periodic), start, MINUTE);
        }
        let span = Some(Span {
            first: start,
            last: start,
        });
        let (settled, due) = (start + seconds(2), start + seconds(4));
        assert_eq!(schedule.next(settled, span, None), Next::Cycle);
        assert_eq!(schedule.next(settled, None, None), Next::Wait(due));
        assert_eq!(schedule.retry(settled), Some(due));
        let full = Next::Full(FullCause::Periodic);
        assert_eq!(schedule.next(due, span, None), full);
        assert!(schedule.is_full_pending());
        // Of a directory in its place nothing is known: nothing else is done.
        schedule.ask_full(FullCause::RootReplaced);
        let full = Next::Full(FullCause::RootReplaced);
        assert_eq!(schedule.next(settled, span, Some(start)), full);
        schedule.begin(Some(FullCause::RootReplaced));
        schedule.failed(Some(FullCause::RootReplaced), settled, MINUTE);
        let next = schedule.next(settled, span, Some(start));
        assert_eq!(next, Next::Wait(due));
    }

    #[test]
    fn full_runs_may_be_as_rare_as_one_likes() {
        let pace = Pace {
            full_every: Duration::MAX,
            ..Pace::default()
        };
        let start = Instant::now();
        let mut schedule = Schedule::new(pace, start);
        schedule.begin(Some(FullCause::Begin));
        schedule.full_ended(start, seconds(1), EVER);
        let next = schedule.next(start + Duration::from_hours(1000), None, None);
        assert!(matches!(next, Next::Wait(_)));
    }

    #[test]
    fn overflows_cause_full_runs_at_most_half_of_the_time_and_cycles_meanwhile() {
        let (mut schedule, start) = begun();
        schedule.full_ended(start, seconds(30), EVER);
        schedule.ask_full(FullCause::Overflow);
        let span = Some(Span {
            first: start,
            last: start,
        });
        let (soon, later) = (start + seconds(2), start + seconds(30));
        assert_eq!(schedule.next(soon, None, None), Next::Wait(later));
        assert_eq!(schedule.next(soon, span, None), Next::Cycle);
        let full = Next::Full(FullCause::Overflow);
        assert_eq!(schedule.next(later, span, None), full);
    }

    #[test]
    fn an_incomplete_full_run_is_done_again_after_pauses_that_grow() {
        let (mut schedule, mut now) = begun();
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            schedule.begin(Some(FullCause::Periodic));
            schedule.ended();
            schedule.full_again(now, seconds(1), MINUTE);
            let due = now + seconds(pause);
            assert_eq!(schedule.retry(now), Some(due));
            assert_eq!(schedule.next(now, None, None), Next::Wait(due));
            now = due;
            let full = Next::Full(FullCause::Incomplete);
            assert_eq!(schedule.next(now, None, None), full);
        }
        schedule.begin(Some(FullCause::Incomplete));
        schedule.full_ended(now, seconds(1), EVER);
        assert_eq!(schedule.retry(now), None);
        // One that takes long is not done again before as long.
        schedule.full_again(now, seconds(50), MINUTE);
        assert_eq!(schedule.retry(now), Some(now + seconds(50)));
    }

    #[test]
    fn each_change_causes_a_full_run_where_lists_cannot_be_used() {
        let (mut schedule, start) = begun();
        schedule.full_ended(start, seconds(30), EVER);
        schedule.set_no_lists(true);
        let changes = |at| {
            let (first, last) = (start + seconds(at), start + seconds(at));
            Some(Span { first, last })
        };
        let full = Next::Full(FullCause::NamesFold);
        assert_eq!(
            schedule.next(start + seconds(60), changes(60), None),
            Next::Wait(start + seconds(62))
        );
        assert_eq!(schedule.next(start + seconds(62), changes(60), None), full);
        // After the one that took thirty seconds it waits as long.
        assert_eq!(
            schedule.next(start + seconds(5), changes(1), None),
            Next::Wait(start + seconds(30))
        );
        schedule.set_no_lists(false);
        assert_eq!(
            schedule.next(start + seconds(5), changes(1), None),
            Next::Cycle
        );
    }
}
