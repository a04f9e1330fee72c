//! Comparing times that were told with different precision.
//!
//! Many servers keep times to the millisecond: a listing tells all of it, the
//! headers of HEAD and GET only whole seconds. Whoever compares times of two
//! answers asks [`is_same_time`]; nothing else does.

use chrono::{DateTime, TimeDelta, Utc};

/// Whether both may be the same moment: equal, or one of them is a whole second
/// and the other one lies within it.
///
/// ```
/// use sync_core::rule::is_same_time;
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

/// The first moments that file systems can keep, in seconds from 1970: those of
/// 1980 (FAT), 1970 (several network file systems), 1904 (HFS+), 1901 (ext4,
/// XFS and others that count in 32 bits) and 1601 (NTFS).
const FIRST: [i64; 5] = [315_532_800, 0, -2_082_844_800, -(1 << 31), -11_644_473_600];

/// The last ones: 2038 (32 bits), 2040 (HFS+), 2106, 2107 (FAT), 2446 (ext4)
/// and 2486 (XFS).
const LAST: [i64; 7] = [
    (1 << 31) - 1,
    2_212_122_495,
    (1 << 32) - 1,
    4_354_819_198,
    4_354_819_199,
    15_032_385_535,
    16_299_260_424,
];

/// Whether `file` is the first or the last moment that a file system can keep,
/// and `object` lies beyond: what a restore can give a file then.
pub(crate) fn is_end_of_range(file: DateTime<Utc>, object: DateTime<Utc>) -> bool {
    let seconds = file.timestamp();
    (object < file && FIRST.contains(&seconds) && is_whole_second(file))
        || (object > file && LAST.contains(&seconds))
}

/// `time` moved by `delta`, or the last moment that can be told.
pub(crate) fn later(time: DateTime<Utc>, delta: TimeDelta) -> DateTime<Utc> {
    time.checked_add_signed(delta)
        .unwrap_or(if delta < TimeDelta::zero() {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
}

/// Whether `time` has no fraction of a second.
pub(crate) fn is_whole_second(time: DateTime<Utc>) -> bool {
    time.timestamp_subsec_nanos() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_system_cannot_keep_is_moved_to_the_end_of_its_range() {
        let at = |text: &str| text.parse().unwrap();
        for (file, object, is_end) in [
            ("1901-12-13T20:45:52Z", "0001-01-01T00:00:00Z", true),
            ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", true),
            ("1980-01-01T00:00:00Z", "1979-12-31T23:59:59Z", true),
            ("1601-01-01T00:00:00Z", "0001-01-01T00:00:00Z", true),
            ("1904-01-01T00:00:00Z", "1903-01-01T00:00:00Z", true),
            ("1901-12-13T20:45:53Z", "0001-01-01T00:00:00Z", false),
            ("1901-12-13T20:45:52Z", "2024-05-01T12:00:00Z", false),
            ("2038-01-19T03:14:07Z", "2100-01-01T00:00:00Z", true),
            ("2446-05-10T22:38:55Z", "2500-01-01T00:00:00Z", true),
            ("2486-07-02T20:20:24Z", "2500-01-01T00:00:00Z", true),
            ("2107-12-31T23:59:58Z", "2500-01-01T00:00:00Z", true),
            ("2446-05-10T22:38:54Z", "2500-01-01T00:00:00Z", false),
            ("2446-05-10T22:38:55Z", "2024-05-01T12:00:00Z", false),
        ] {
            assert_eq!(
                is_end_of_range(at(file), at(object)),
                is_end,
                "{file} {object}"
            );
        }
    }

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
