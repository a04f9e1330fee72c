//! Comparing times that were told with different precision.
//!
//! Many servers keep times to the millisecond: a listing tells all of it, the
//! headers of HEAD and GET only whole seconds. Whoever compares times of two
//! answers asks [`is_same_time`]; nothing else does.

use chrono::{DateTime, Utc};

/// Whether both may be the same moment: equal, or one of them is a whole second
/// and the other one lies within it.
///
/// ```
/// use sync_core::is_same_time;
///
/// let listed = "2024-05-01T12:00:00.345Z".parse()?;
/// let header = "2024-05-01T12:00:00Z".parse()?;
/// assert!(is_same_time(listed, header));
/// assert!(!is_same_time(listed, "2024-05-01T12:00:00.346Z".parse()?));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[must_use]
pub fn is_same_time(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    one == other
        || one.timestamp() == other.timestamp() && (is_whole_second(one) || is_whole_second(other))
}

/// Whether `time` has no fraction of a second.
pub(crate) fn is_whole_second(time: DateTime<Utc>) -> bool {
    time.timestamp_subsec_nanos() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_every_moment_within_it_and_no_other() {
        let at = |text: &str| format!("2024-05-01T12:00:{text}Z").parse().unwrap();
        for (one, other, same) in [
            ("07", "07", true),
            ("07", "07.001", true),
            ("07", "07.999999999", true),
            ("07.345", "07.345", true),
            ("07.345", "07.346", false),
            ("07", "08", false),
            ("07", "06.999", false),
            ("07.999", "08", false),
        ] {
            assert_eq!(is_same_time(at(one), at(other)), same, "{one} {other}");
            assert_eq!(is_same_time(at(other), at(one)), same, "{other} {one}");
        }
    }
}
