//! How far the server's clock is ahead of ours.
//!
//! The rule compares a file's time, told by our clock, with an object's, told
//! by the server's (design, "The rule"). The `Date` header of the first answer
//! tells the difference, cut to the second; what that leaves open is resolved
//! to the side on which a file is judged later, so that an edit is rather sent
//! twice than missed.

use std::sync::OnceLock;
use std::time::SystemTime;

use aws_smithy_types::DateTime as SdkDateTime;
use aws_smithy_types::date_time::Format;
use chrono::{DateTime, TimeDelta, Utc};

/// The offset as the first answer showed it.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: OnceLock<TimeDelta>,
}

impl Clock {
    /// Server minus local; `None` before the first answer with a date.
    pub(crate) fn offset(&self) -> Option<TimeDelta> {
        self.offset.get().copied()
    }

    /// Takes note of an answer whose `Date` header is `date`, to a request
    /// that was sent at `sent` and answered at `received`, both by our clock.
    pub(crate) fn observe(&self, sent: SystemTime, received: SystemTime, date: Option<&str>) {
        if self.offset.get().is_some() {
            return;
        }
        let Some(date) = date.and_then(parse_http_date) else {
            return;
        };
        // Losing a race against another first answer is as good as winning it.
        let _ = self.offset.set(offset(sent.into(), received.into(), date));
    }
}

/// Server minus local, from one exchange.
///
/// `date` is cut to the second, so the server's clock showed something in
/// `[date, date + 1 s)` at some moment between `sent` and `received`. The
/// offset thus lies between `date - received` and `date + 1 s - sent`. If 0 is
/// possible the clocks cannot be told apart; else the larger end is taken, by
/// which files are judged later.
fn offset(sent: DateTime<Utc>, received: DateTime<Utc>, date: DateTime<Utc>) -> TimeDelta {
    let low = date - received;
    let high = date + TimeDelta::seconds(1) - sent;
    if low <= TimeDelta::zero() && high >= TimeDelta::zero() {
        TimeDelta::zero()
    } else {
        high
    }
}

fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    let date = SdkDateTime::from_str(text, Format::HttpDate).ok()?;
    exact(&date)
}

/// The same moment, to the nanosecond; `None` beyond the years that chrono holds.
pub(crate) fn exact(time: &SdkDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn measured(sent: &str, received: &str, date: &str) -> TimeDelta {
        let day = |time: &str| at(&format!("2024-05-01T{time}Z"));
        offset(day(sent), day(received), day(date))
    }

    #[test]
    fn clocks_that_may_agree_do() {
        for (sent, received, date) in [
            ("12:00:00.2", "12:00:00.3", "12:00:00"),
            ("12:00:00.0", "12:00:00.0", "12:00:00"),
            ("12:00:00.9", "12:00:01.1", "12:00:01"),
            // The server's second had just begun when it answered.
            ("12:00:00.9", "12:00:00.95", "12:00:00"),
            // An hour on the wire tells nothing.
            ("12:00:00", "13:00:00", "12:30:00"),
        ] {
            assert_eq!(
                measured(sent, received, date),
                TimeDelta::zero(),
                "{sent} {received} {date}"
            );
        }
    }

    #[test]
    fn a_server_ahead_is_taken_at_its_furthest() {
        assert_eq!(
            measured("12:00:00.25", "12:00:00.5", "13:00:00"),
            TimeDelta::hours(1) + TimeDelta::milliseconds(750)
        );
    }

    #[test]
    fn a_server_behind_is_taken_at_its_nearest() {
        assert_eq!(
            measured("12:00:00.25", "12:00:00.5", "11:00:00"),
            TimeDelta::milliseconds(750) - TimeDelta::hours(1)
        );
    }

    #[test]
    fn the_first_readable_date_counts() {
        let clock = Clock::default();
        let now = SystemTime::UNIX_EPOCH;
        clock.observe(now, now, None);
        clock.observe(now, now, Some("yesterday"));
        assert_eq!(clock.offset(), None);
        clock.observe(now, now, Some("Thu, 01 Jan 1970 00:00:10 GMT"));
        clock.observe(now, now, Some("Thu, 01 Jan 1970 00:00:20 GMT"));
        assert_eq!(clock.offset(), Some(TimeDelta::seconds(11)));
    }

    #[test]
    fn nanoseconds_are_kept() {
        let time = SdkDateTime::from_secs_and_nanos(-1, 123_456_789);
        assert_eq!(exact(&time).unwrap(), at("1969-12-31T23:59:59.123456789Z"));
    }
}
