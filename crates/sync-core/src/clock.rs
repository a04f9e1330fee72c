//! What the answers of a server tell of its clock.
//!
//! The rule compares a file's time, told by our clock, with an object's, told
//! by the server's (design, "The rule"). All that is known of the latter are the
//! `Date` headers of its answers, in whole seconds. So a [`ServerClock`] keeps
//! an interval in which the difference lies; each answer narrows it, and one
//! that contradicts it shows that a clock was set meanwhile. This is arithmetic;
//! the times come from whoever makes the requests.

use chrono::{DateTime, TimeDelta, Utc};

/// Clocks that differ by no more than this are taken for equal when files are
/// judged. Runs wait out the rest (`transfer`): they look at a file for the last
/// time when no later edit can be dated before its object.
const AGREE: TimeDelta = TimeDelta::seconds(1);

/// Answers of one server may contradict each other by this much: it may have
/// several machines, or note the time once a second.
const NOISE: TimeDelta = TimeDelta::seconds(2);

/// The longest wait for a clock. Whoever would have to wait longer has clocks
/// that differ, and is told so.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(6);

/// How an entry would be dated that a store writes at this moment, and how
/// files are judged beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    /// No entry that is written from now on is dated earlier.
    pub earliest: DateTime<Utc>,
    /// No entry that has been written is dated later.
    pub latest: DateTime<Utc>,
    /// By so much later, at least, any run judges files beside these entries.
    pub least_lead: TimeDelta,
    /// By so much later, at most, the next run does.
    pub most_lead: TimeDelta,
    /// The unit to which times are cut, as far as the kind of the store tells.
    pub unit: TimeDelta,
}

/// What is known of a server's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerClock {
    known: Option<Known>,
    /// The offset by which the first answer was judged.
    first: Option<TimeDelta>,
    jump: Option<TimeDelta>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    /// Server minus local, at least and at most.
    low: TimeDelta,
    high: TimeDelta,
    /// The latest date that anything written may have.
    latest: DateTime<Utc>,
    /// The latest second that its clock has shown.
    shown: DateTime<Utc>,
}

/// One answer, as far as it tells of clocks.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// When its request was sent, by our clock.
    pub sent: DateTime<Utc>,
    /// When it came, by our clock.
    pub received: DateTime<Utc>,
    /// Its `Date`, in whole seconds.
    pub date: DateTime<Utc>,
    /// Whether the server is known to cut the times of its objects to the
    /// second, as AWS does. Others may round them up.
    pub cuts: bool,
}

impl ServerClock {
    /// Takes note of an answer.
    ///
    /// The date is cut to the second, so the server's clock showed something in
    /// `[date, date + 1 s)` at some moment between `sent` and `received`. The
    /// offset thus lies between `date - received` and `date + 1 s - sent`.
    pub fn observe(&mut self, answer: Answer) {
        let second = TimeDelta::seconds(1);
        let Answer { date, received, .. } = answer;
        let (low, high) = (date - received, date + second - answer.sent);
        // A server that notes the time once a second dates objects later.
        let shown = if (received - date).abs() < NOISE {
            date.max(floor(received, second))
        } else {
            date
        };
        let latest = if answer.cuts { shown } else { shown + second };
        let seen = Known {
            low,
            high,
            latest,
            shown,
        };
        let Some(known) = &mut self.known else {
            self.known = Some(seen);
            self.first = self.offset();
            return;
        };
        if low - known.high > NOISE || known.low - high > NOISE {
            *known = seen;
            self.note_jump();
            return;
        }
        known.latest = known.latest.max(latest);
        known.shown = known.shown.max(shown);
        let (inner_low, inner_high) = (known.low.max(low), known.high.min(high));
        (known.low, known.high) = if inner_low <= inner_high {
            (inner_low, inner_high)
        } else {
            (known.low.min(low), known.high.max(high))
        };
    }

    /// How far the server's clock is ahead of ours as files are judged by it;
    /// `None` before the first answer.
    ///
    /// Where they may agree, zero. Otherwise the end of the interval by which
    /// files are judged later, so that an edit is rather sent twice than missed.
    #[must_use]
    pub fn offset(&self) -> Option<TimeDelta> {
        let Known { low, high, .. } = self.known?;
        Some(if low <= AGREE && high >= -AGREE {
            TimeDelta::zero()
        } else {
            high
        })
    }

    /// How far the offset was at most from that of the first answer, if a clock
    /// was set meanwhile.
    #[must_use]
    pub fn jump(&self) -> Option<TimeDelta> {
        self.jump
    }

    /// The latest second that the server's clock has shown; `None` before the
    /// first answer.
    #[must_use]
    pub fn shown(&self) -> Option<DateTime<Utc>> {
        Some(self.known?.shown)
    }

    /// The present of the server where ours is `now`; `None` before the first
    /// answer.
    #[must_use]
    pub fn present(&self, now: DateTime<Utc>) -> Option<Present> {
        let Known {
            low, high, latest, ..
        } = self.known?;
        let zero = TimeDelta::zero();
        Some(Present {
            earliest: floor(now + low, TimeDelta::seconds(1)),
            latest,
            // Another run may find that clocks agree which are that close.
            least_lead: if low > AGREE * 2 { low } else { zero },
            // It may know less than this one, by the second of a date and more.
            most_lead: if high > AGREE + TimeDelta::milliseconds(100) {
                high + TimeDelta::milliseconds(1200)
            } else {
                zero
            },
            unit: TimeDelta::seconds(1),
        })
    }

    /// When, by our clock, an entry that is written then is dated at `moment`
    /// or later, whatever the server cuts off.
    #[must_use]
    pub fn reaches(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (low, second) = (self.known?.low, ceil(moment, TimeDelta::seconds(1)));
        // A file may have the first or last time that there is.
        Some(second.checked_sub_signed(low).unwrap_or(second))
    }

    fn note_jump(&mut self) {
        let (Some(first), Some(offset)) = (self.first, self.offset()) else {
            return;
        };
        let jump = offset - first;
        if self.jump.is_none_or(|before| before.abs() < jump.abs()) {
            self.jump = Some(jump);
        }
    }
}

/// The last multiple of `unit` up to `time`, counted from 1970.
pub(crate) fn floor(time: DateTime<Utc>, unit: TimeDelta) -> DateTime<Utc> {
    let nanos = |delta: TimeDelta| {
        i128::from(delta.num_seconds()) * 1_000_000_000 + i128::from(delta.subsec_nanos())
    };
    let unit = nanos(unit);
    if unit <= 1 {
        return time;
    }
    let over = nanos(time - DateTime::UNIX_EPOCH).rem_euclid(unit);
    let over = i64::try_from(over).unwrap_or_default();
    time.checked_sub_signed(TimeDelta::nanoseconds(over))
        .unwrap_or(time)
}

/// The first multiple of `unit` from `time` on.
pub(crate) fn ceil(time: DateTime<Utc>, unit: TimeDelta) -> DateTime<Utc> {
    let down = floor(time, unit);
    if down == time {
        return time;
    }
    down.checked_add_signed(unit).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2024-05-01T{text}Z").parse().unwrap()
    }

    fn answer(sent: &str, received: &str, date: &str) -> Answer {
        Answer {
            sent: at(sent),
            received: at(received),
            date: at(date),
            cuts: true,
        }
    }

    fn after(answers: &[Answer]) -> ServerClock {
        let mut clock = ServerClock::default();
        answers.iter().for_each(|answer| clock.observe(*answer));
        clock
    }

    fn offset(sent: &str, received: &str, date: &str) -> TimeDelta {
        after(&[answer(sent, received, date)]).offset().unwrap()
    }

    #[test]
    fn clocks_that_may_agree_do() {
        for (sent, received, date) in [
            ("12:00:00.2", "12:00:00.3", "12:00:00"),
            ("12:00:00.0", "12:00:00.0", "12:00:00"),
            ("12:00:00.9", "12:00:01.1", "12:00:01"),
            // The server's second had just begun when it answered.
            ("12:00:00.9", "12:00:00.95", "12:00:00"),
            // The server is ahead by less than the wait of a run.
            ("12:00:00.5", "12:00:00.6", "12:00:01"),
            // An hour on the wire tells nothing.
            ("12:00:00", "13:00:00", "12:30:00"),
        ] {
            let offset = offset(sent, received, date);
            assert_eq!(offset, TimeDelta::zero(), "{sent} {received} {date}");
        }
    }

    #[test]
    fn a_server_ahead_is_taken_at_its_furthest() {
        assert_eq!(
            offset("12:00:00.25", "12:00:00.5", "13:00:00"),
            TimeDelta::hours(1) + TimeDelta::milliseconds(750)
        );
    }

    #[test]
    fn a_server_behind_is_taken_at_its_nearest() {
        assert_eq!(
            offset("12:00:00.25", "12:00:00.5", "11:00:00"),
            TimeDelta::milliseconds(750) - TimeDelta::hours(1)
        );
    }

    #[test]
    fn answers_narrow_what_is_known() {
        let clock = after(&[
            answer("12:00:00.9", "12:00:00.9", "12:00:00"),
            answer("12:00:01.1", "12:00:01.1", "12:00:01"),
        ]);
        let present = clock.present(at("12:00:05.15")).unwrap();
        assert_eq!(present.earliest, at("12:00:05"), "not before 12:00:05.05");
        assert_eq!(clock.reaches(at("12:00:06")), Some(at("12:00:06.1")));
        assert_eq!(clock.jump(), None);
    }

    /// File systems with times of 64 bits have files that are dated so.
    #[test]
    fn the_first_and_the_last_time_are_reached_too() {
        for date in ["11:00:00", "13:00:00"] {
            let clock = after(&[answer("12:00:00", "12:00:00", date)]);
            for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                let reached = clock.reaches(end).unwrap();
                assert!((reached - end).abs() <= TimeDelta::hours(2), "{reached}");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_is_followed_and_the_furthest_jump_told() {
        let mut clock = after(&[answer("12:00:00", "12:00:00", "12:00:00")]);
        clock.observe(answer("12:00:01", "12:00:01", "13:00:01"));
        assert_eq!(clock.offset(), Some(TimeDelta::seconds(3601)));
        assert_eq!(
            clock.present(at("12:00:01")).unwrap().latest,
            at("13:00:01")
        );
        clock.observe(answer("12:00:02", "12:00:02", "12:00:02"));
        assert_eq!(clock.offset(), Some(TimeDelta::zero()));
        assert_eq!(
            clock.present(at("12:00:02")).unwrap().latest,
            at("12:00:02")
        );
        assert_eq!(clock.jump(), Some(TimeDelta::seconds(3601)));
    }

    #[test]
    fn what_may_round_up_is_dated_a_second_later_at_most() {
        let answer = Answer {
            cuts: false,
            ..answer("12:00:00.2", "12:00:00.3", "12:00:00")
        };
        let present = after(&[answer]).present(at("12:00:00.3")).unwrap();
        assert_eq!(present.latest, at("12:00:01"));
    }

    #[test]
    fn units_are_counted_from_1970_in_both_directions() {
        let second = TimeDelta::seconds(1);
        assert_eq!(floor(at("12:00:01.5"), second), at("12:00:01"));
        assert_eq!(floor(at("12:00:01.5"), second * 2), at("12:00:00"));
        assert_eq!(ceil(at("12:00:01.5"), second), at("12:00:02"));
        assert_eq!(ceil(at("12:00:02"), second), at("12:00:02"));
        let before = DateTime::UNIX_EPOCH - TimeDelta::nanoseconds(1);
        assert_eq!(floor(before, second), DateTime::UNIX_EPOCH - second);
        assert_eq!(ceil(before, second), DateTime::UNIX_EPOCH);
        for end in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let _ = (floor(end, second), ceil(end, second));
        }
    }
}
