//! The past as a moment, and how an answer is recognised as a version of then.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sync_core::{Entry, ErrorKind, Result, StoreError, rule::is_same_time};

use crate::list::versions::NULL;
use crate::location::Location;

/// The suffix of the names of directory buckets, which keep no versions (User Guide,
/// "Directory bucket naming rules").
const DIRECTORY_BUCKET: &str = "--x-s3";

/// The last moment that counts: a time without a fraction means all of its second, because
/// many servers cut the times of objects to it.
pub(crate) fn end_of_second(at: DateTime<Utc>, location: &Location) -> Result<DateTime<Utc>> {
    if location.bucket().ends_with(DIRECTORY_BUCKET) {
        let message = format!("cannot tell what {location} was at {}", shown(at));
        return Err(StoreError::new(ErrorKind::Unsupported, message)
            .with_source("it is a directory bucket, and these keep no versions"));
    }
    let is_whole = at.timestamp_subsec_nanos() == 0;
    let rest = TimeDelta::nanoseconds(if is_whole { 999_999_999 } else { 0 });
    Ok(at.checked_add_signed(rest).unwrap_or(at))
}

/// A time for people, to the second.
pub(crate) fn shown(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Whether an answer about the version `id`, of that time, is about the version of `seen`:
/// where a server does not name the version, the times are compared.
pub(crate) fn is_that_version(
    seen: &Entry,
    id: Option<&str>,
    modified: Option<DateTime<Utc>>,
) -> bool {
    match (&seen.revision, id.filter(|id| !id.is_empty())) {
        (Some(revision), Some(id)) if id != NULL => revision.as_str() == id,
        // What has this id may be replaced, and keeps it.
        (Some(revision), Some(id)) if revision.as_str() != id => false,
        _ => modified.is_some_and(|found| is_same_time(found, seen.modified)),
    }
}

#[cfg(test)]
mod tests {
    use sync_core::{Key, entry::Revision};

    use super::*;

    #[test]
    fn a_time_without_a_fraction_means_the_end_of_its_second() {
        let location: Location = "bucket".parse().unwrap();
        for (text, expected) in [
            ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00.999999999Z"),
            ("2026-11-01T12:00:00.25Z", "2026-11-01T12:00:00.25Z"),
        ] {
            let end = end_of_second(text.parse().unwrap(), &location).unwrap();
            assert_eq!(end, expected.parse::<DateTime<Utc>>().unwrap());
        }
        let directory: Location = "name--usw2-az1--x-s3".parse().unwrap();
        assert!(end_of_second(DateTime::UNIX_EPOCH, &directory).is_err());
    }

    #[test]
    fn a_version_is_recognised_by_its_id_else_by_its_time() {
        let time = DateTime::UNIX_EPOCH;
        let entry = Entry::new(Key::new("a").unwrap(), 1, time);
        let seen = entry.with_revision(Revision::new("v1"));
        assert!(is_that_version(&seen, Some("v1"), None));
        assert!(!is_that_version(&seen, Some("v2"), Some(time)));
        assert!(is_that_version(&seen, None, Some(time)));
        let later = time + TimeDelta::seconds(5);
        assert!(!is_that_version(&seen, None, Some(later)));
        assert!(!is_that_version(&seen, None, None));
        let entry = Entry::new(Key::new("a").unwrap(), 1, time);
        let null = entry.with_revision(Revision::new(NULL));
        assert!(is_that_version(&null, Some(NULL), Some(time)));
        assert!(!is_that_version(&null, Some(NULL), Some(later)));
        assert!(!is_that_version(&null, Some("v1"), Some(time)));
        assert!(!is_that_version(&seen, Some(NULL), Some(time)));
    }
}
