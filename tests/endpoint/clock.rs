//! The endpoint's own clock: the system's, shifted as far as a test likes.
//!
//! Every time that leaves the endpoint is read here, so that the `Date` header
//! and `LastModified` are off by the same amount.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use crate::config::Precision;

/// A clock that can be moved while it is read.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: Mutex<TimeDelta>,
}

impl Clock {
    /// Sets how far this clock is ahead of the system's.
    pub(crate) fn set_offset(&self, offset: TimeDelta) {
        *self.offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
    }

    /// The time that the endpoint believes in.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let offset = *self.offset.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Utc::now();
        now.checked_add_signed(offset).unwrap_or(now)
    }
}

/// A moment as `LastModified` can express it.
pub(crate) fn cut(moment: DateTime<Utc>, precision: Precision) -> DateTime<Utc> {
    let unit = match precision {
        Precision::Second => TimeDelta::seconds(1),
        Precision::Millisecond => TimeDelta::milliseconds(1),
    };
    // Truncation fails only beyond the years that nanoseconds in 64 bits can
    // express; such a moment stays as it is.
    moment.duration_trunc(unit).unwrap_or(moment)
}

/// A moment in the format of HTTP's `Date`.
pub(crate) fn http_date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_rounds_towards_the_past_before_1970_too() {
        let late = DateTime::from_timestamp_nanos(1_999_999_999);
        assert_eq!(
            cut(late, Precision::Second),
            DateTime::from_timestamp_nanos(1_000_000_000)
        );
        assert_eq!(
            cut(late, Precision::Millisecond),
            DateTime::from_timestamp_nanos(1_999_000_000)
        );
        let early = DateTime::from_timestamp_nanos(-1);
        assert_eq!(
            cut(early, Precision::Second),
            DateTime::from_timestamp_nanos(-1_000_000_000)
        );
    }

    #[test]
    fn dates_are_in_the_format_of_http() {
        let moment = DateTime::from_timestamp_nanos(0);
        assert_eq!(http_date(moment), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
