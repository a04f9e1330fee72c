//! Times that tests give to files, and the conversions that `std` does not have.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

/// When the files of a test were last changed, if it doesn't say: long before
/// any upload of them, and not on a whole second.
pub(crate) const LONG_AGO: &str = "2021-03-04T05:06:07.123456789Z";

/// The moment that `text` names, as RFC 3339 has it.
pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// `moment` as `std` has it, before 1970 too.
pub(crate) fn to_system(moment: DateTime<Utc>) -> SystemTime {
    let since = moment.signed_duration_since(DateTime::UNIX_EPOCH);
    if moment >= DateTime::UNIX_EPOCH {
        UNIX_EPOCH + seconds(since)
    } else {
        UNIX_EPOCH - seconds(-since)
    }
}

/// `chrono` measures in nanoseconds of 64 bits only up to 292 years.
fn seconds(delta: chrono::TimeDelta) -> Duration {
    let whole = u64::try_from(delta.num_seconds()).unwrap();
    Duration::new(whole, u32::try_from(delta.subsec_nanos()).unwrap())
}

#[test]
fn times_keep_their_nanoseconds_before_1970_too() {
    for text in [
        LONG_AGO,
        "1901-12-31T23:59:59.000000001Z",
        "2500-01-01T00:00:00.5Z",
    ] {
        assert_eq!(DateTime::<Utc>::from(to_system(at(text))), at(text));
    }
}
