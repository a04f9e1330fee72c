//! The limit of bandwidth, by the time of day in UTC.

use std::num::NonZeroU64;

/// Seconds of a day.
const DAY: u32 = 24 * 60 * 60;

/// A limit in bytes a second, for each of the two directions; or a timetable of
/// limits that is the same every day.
///
/// The bodies of all requests count, also those of listings; headers do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bandwidth {
    /// By seconds since midnight in UTC, ascending; never empty. Before the
    /// first, the last of the previous day applies.
    steps: Vec<(u32, Option<NonZeroU64>)>,
}

impl Bandwidth {
    /// The same limit at all times.
    #[must_use]
    pub fn constant(rate: NonZeroU64) -> Self {
        Self {
            steps: vec![(0, Some(rate))],
        }
    }

    /// Limits that begin so many seconds after midnight in UTC; `None` is no
    /// limit. Returns `None` if there is no limit at all, or if a time occurs twice
    /// or is beyond the day.
    #[must_use]
    pub fn daily(mut steps: Vec<(u32, Option<NonZeroU64>)>) -> Option<Self> {
        steps.sort_unstable_by_key(|(from, _)| *from);
        let is_timetable = steps.is_sorted_by(|(one, _), (next, _)| one < next)
            && steps.last().is_some_and(|(last, _)| *last < DAY);
        is_timetable.then_some(Self { steps })
    }

    /// The limit at this time, in seconds since midnight of any day in UTC.
    pub(crate) fn at(&self, seconds: u64) -> Option<NonZeroU64> {
        let begun = |(from, _): &&(u32, _)| u64::from(*from) <= seconds % u64::from(DAY);
        let step = self.steps.iter().rev().find(begun);
        step.or(self.steps.last()).and_then(|(_, rate)| *rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rate: u64) -> Option<NonZeroU64> {
        NonZeroU64::new(rate)
    }

    #[test]
    fn a_limit_applies_from_its_time_on_and_over_midnight() {
        let hour = 3600;
        let daily = Bandwidth::daily(vec![
            (23 * hour, None),
            (8 * hour, rate(512)),
            (19 * hour, rate(1024)),
        ]);
        let daily = daily.unwrap();
        for (seconds, expected) in [
            (0, None),
            (8 * hour - 1, None),
            (8 * hour, rate(512)),
            (19 * hour - 1, rate(512)),
            (19 * hour, rate(1024)),
            (23 * hour, None),
            (DAY + 8 * hour, rate(512)),
        ] {
            assert_eq!(daily.at(u64::from(seconds)), expected, "{seconds}");
        }
        let from_nine = Bandwidth::daily(vec![(9 * hour, rate(7))]).unwrap();
        assert_eq!(from_nine.at(0), rate(7), "that of the previous day");
        let constant = Bandwidth::constant(NonZeroU64::MIN);
        assert_eq!(constant.at(u64::from(DAY) - 1), rate(1));
    }

    #[test]
    fn an_invalid_timetable_is_refused() {
        assert_eq!(Bandwidth::daily(Vec::new()), None);
        assert_eq!(Bandwidth::daily(vec![(1, None), (1, rate(1))]), None);
        assert_eq!(Bandwidth::daily(vec![(DAY, None)]), None);
    }
}
