//! Between the file system's times and UTC, exact to the nanosecond.
//!
//! Both ranges are wider than any sane date; what does not fit is moved to the
//! nearest end instead of being refused.

use chrono::{DateTime, Utc};
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};

/// The time `seconds` and `nanos` after 1970 (before it, if negative).
pub(crate) fn from_system(seconds: i64, nanos: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, nanos.min(999_999_999)).unwrap_or(if seconds < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// The times to give a file last modified at `modified`; its access time stays.
pub(crate) fn to_system(modified: DateTime<Utc>) -> Timestamps {
    // Chrono shows a leap second as a nanosecond count above a billion.
    let nanos = modified.timestamp_subsec_nanos().min(999_999_999);
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: modified.timestamp(),
            tv_nsec: nanos.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_from_1901_to_2500() {
        for text in [
            "1901-12-13T20:45:52.000000001Z",
            "1969-12-31T23:59:59.999999999Z",
            "1970-01-01T00:00:00Z",
            "2024-02-29T12:34:56.123456789Z",
            "2500-01-01T00:00:00.5Z",
        ] {
            let time: DateTime<Utc> = text.parse().unwrap();
            let system = to_system(time).last_modification;
            let nanos = u32::try_from(system.tv_nsec).unwrap();
            assert_eq!(from_system(system.tv_sec, nanos), time);
        }
    }

    #[test]
    fn times_beyond_the_range_saturate() {
        assert_eq!(from_system(i64::MIN, 0), DateTime::<Utc>::MIN_UTC);
        assert_eq!(from_system(i64::MAX, 7), DateTime::<Utc>::MAX_UTC);
        assert_eq!(from_system(0, u32::MAX).timestamp(), 0);
    }
}
