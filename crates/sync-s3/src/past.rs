//! The past as a moment, and how an answer is recognised as a version of then.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sync_core::{Entry, ErrorKind, Result, StoreError, entry::Revision, rule::is_same_time};

use crate::etag::ETag;
use crate::list::versions::NULL;
use crate::location::Location;

/// The last moment that counts: a time without a fraction means all of its second, because
/// many servers cut the times of objects to it.
pub(crate) fn end_of_second(at: DateTime<Utc>, location: &Location) -> Result<DateTime<Utc>> {
    if location.is_directory_bucket() {
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

/// The revision of a version: its id; of what has no id of its own, and so may be replaced,
/// also the ETag.
pub(crate) fn revision(id: &str, etag: Option<&str>) -> Revision {
    match etag.and_then(ETag::parse) {
        Some(etag) if id == NULL => Revision::new(format!("{NULL} {}", etag.revision().as_str())),
        _ => Revision::new(id),
    }
}

/// The id in a revision, and the ETag, if it has one.
pub(crate) fn parts(revision: &Revision) -> (&str, Option<ETag<'_>>) {
    let text = revision.as_str();
    let null = text.strip_prefix(NULL).and_then(|it| it.strip_prefix(' '));
    match null.and_then(ETag::parse) {
        Some(etag) => (NULL, Some(etag)),
        None => (text, None),
    }
}

/// What an answer says of the version that it is about.
pub(crate) struct Answered<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) etag: Option<&'a str>,
    pub(crate) modified: Option<DateTime<Utc>>,
}

impl Answered<'_> {
    /// Whether that is the version of `seen`. Where a server does not name the version, or
    /// it may be replaced and keep its id, the times are compared, and the ETags as far as
    /// both are known.
    pub(crate) fn is_of(&self, seen: &Entry) -> bool {
        let (id, etag) = match &seen.revision {
            Some(revision) => parts(revision),
            None => (NULL, None),
        };
        let answered = self.id.filter(|id| !id.is_empty());
        if answered.is_some_and(|answered| answered != id) {
            return false;
        }
        if answered.is_some() && id != NULL {
            return true;
        }
        let found = self.etag.and_then(ETag::parse);
        let is_other = |(seen, found): (ETag<'_>, ETag<'_>)| seen.revision() != found.revision();
        self.modified
            .is_some_and(|found| is_same_time(found, seen.modified))
            && !etag.zip(found).is_some_and(is_other)
    }
}

#[cfg(test)]
mod tests {
    use sync_core::Key;

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
        let later = time + TimeDelta::seconds(5);
        let is = |revision: Revision, id, etag, modified| {
            let entry = Entry::new(Key::new("a").unwrap(), 1, time).with_revision(revision);
            let answered = Answered { id, etag, modified };
            answered.is_of(&entry)
        };
        let seen = || revision("v1", Some("e1"));
        assert!(is(seen(), Some("v1"), None, None));
        assert!(is(seen(), Some("v1"), Some("e2"), Some(later)));
        assert!(!is(seen(), Some("v2"), None, Some(time)));
        assert!(is(seen(), None, None, Some(time)));
        assert!(!is(seen(), None, None, Some(later)));
        assert!(!is(seen(), None, None, None));
        assert!(!is(seen(), Some(NULL), None, Some(time)));
        let null = || revision(NULL, Some("e1"));
        assert!(is(null(), Some(NULL), Some("\"e1\""), Some(time)));
        assert!(is(null(), Some(NULL), None, Some(time)));
        assert!(is(null(), None, Some("e1"), Some(time)));
        assert!(!is(null(), Some(NULL), Some("e2"), Some(time)));
        assert!(!is(null(), Some(NULL), Some("e1"), Some(later)));
        assert!(!is(null(), Some("v1"), Some("e1"), Some(time)));
        // As plans have it that were saved by earlier versions.
        assert!(is(Revision::new(NULL), Some(NULL), Some("e2"), Some(time)));
    }

    #[test]
    fn a_revision_has_the_id_and_the_etag_of_what_has_none() {
        for (id, etag, expected) in [
            ("v1", Some("e"), ("v1", None)),
            (NULL, None, (NULL, None)),
            (NULL, Some("W/\"e\""), (NULL, Some("e"))),
        ] {
            let revision = revision(id, etag);
            let (found, etag) = parts(&revision);
            assert_eq!((found, etag.map(ETag::bare)), expected);
        }
    }
}
