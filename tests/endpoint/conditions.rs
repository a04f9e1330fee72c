//! Conditional requests: which headers let a read, a write or a deletion pass.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue};
use s3s::{
    S3Result,
    dto::{ETag, ETagCondition, Timestamp},
    s3_error,
};

use crate::{
    config::{Config, IfMatch},
    error::{no_such_key, not_implemented_header, precondition_failed},
    object::Object,
};

/// The conditions of a GET or HEAD.
pub(crate) struct ReadConditions<'a> {
    pub(crate) if_match: Option<&'a ETagCondition>,
    pub(crate) if_none_match: Option<&'a ETagCondition>,
    pub(crate) if_modified_since: Option<&'a Timestamp>,
    pub(crate) if_unmodified_since: Option<&'a Timestamp>,
}

impl ReadConditions<'_> {
    /// Where two conditions are given, the ETag outranks the time, as RFC 7232
    /// and S3 have it.
    pub(crate) fn check(&self, object: &Object) -> S3Result<()> {
        match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) if !holds(condition, object) => return Err(precondition_failed()),
            (None, Some(time)) if seconds(object.modified) > seconds_of(time) => {
                return Err(precondition_failed());
            }
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) if holds(condition, object) => Err(not_modified(object)),
            (None, Some(time)) if seconds(object.modified) <= seconds_of(time) => {
                Err(not_modified(object))
            }
            _ => Ok(()),
        }
    }
}

/// The conditions of a PUT or of completing a multipart upload.
pub(crate) struct WriteConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

impl Config {
    /// The conditions of a write, as this server understands them.
    pub(crate) fn write_conditions(
        &self,
        headers: &HeaderMap,
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> S3Result<WriteConditions> {
        let is_none = if_none_match.is_some();
        if self.conditions && self.if_match == IfMatch::Unknown && is_none {
            return Err(not_implemented_header());
        }
        Ok(WriteConditions {
            if_match: self.understood(headers, if_match)?,
            if_none_match: if_none_match.filter(|_| self.conditions),
        })
    }

    /// An `If-Match` as this server understands it.
    pub(crate) fn understood(
        &self,
        headers: &HeaderMap,
        condition: Option<ETagCondition>,
    ) -> S3Result<Option<ETagCondition>> {
        let Some(condition) = condition.filter(|_| self.conditions) else {
            return Ok(None);
        };
        let is_quoted = headers
            .get(http::header::IF_MATCH)
            .is_some_and(|value| value.as_bytes().starts_with(b"\""));
        let never = ETagCondition::ETag(ETag::Strong("no object has this one".to_owned()));
        match self.if_match {
            IfMatch::Standard => Ok(Some(condition)),
            IfMatch::Unquoted if !is_quoted => Ok(Some(condition)),
            IfMatch::Unquoted | IfMatch::Never => Ok(Some(never)),
            IfMatch::Unknown => Err(not_implemented_header()),
        }
    }

    /// Refuses a request without `Content-MD5`, where that is demanded.
    pub(crate) fn check_md5(&self, headers: &HeaderMap) -> S3Result<()> {
        if self.needs_md5 && !headers.contains_key("content-md5") {
            return Err(s3_error!(
                InvalidRequest,
                "Missing required header for this request: Content-MD5"
            ));
        }
        Ok(())
    }
}

impl WriteConditions {
    /// `existing` is what the write would replace.
    pub(crate) fn check(&self, existing: Option<&Object>) -> S3Result<()> {
        match (&self.if_none_match, existing) {
            (Some(ETagCondition::ETag(_)), _) => return Err(not_implemented_header()),
            (Some(ETagCondition::Any), Some(_)) => return Err(precondition_failed()),
            _ => {}
        }
        match (&self.if_match, existing) {
            (Some(_), None) => Err(no_such_key()),
            (Some(condition), Some(object)) if !holds(condition, object) => {
                Err(precondition_failed())
            }
            _ => Ok(()),
        }
    }
}

/// The condition of a deletion. AWS documents 412 for an ETag that does not
/// match, and we answer the same where there is no object at all.
pub(crate) fn check_delete(
    condition: Option<&ETagCondition>,
    existing: Option<&Object>,
) -> S3Result<()> {
    match (condition, existing) {
        (None, _) => Ok(()),
        (Some(condition), Some(object)) if holds(condition, object) => Ok(()),
        _ => Err(precondition_failed()),
    }
}

fn holds(condition: &ETagCondition, object: &Object) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(etag) | ETag::Weak(etag)) => *etag == object.etag(),
    }
}

fn not_modified(object: &Object) -> s3s::S3Error {
    let mut error = s3_error!(NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", object.etag)) {
        headers.insert(http::header::ETAG, etag);
    }
    error.set_headers(headers);
    error
}

/// HTTP's dates have no fractions, so neither have the comparisons.
fn seconds(moment: DateTime<Utc>) -> i64 {
    moment.timestamp()
}

fn seconds_of(time: &Timestamp) -> i64 {
    let mut buffer = Vec::new();
    let written = time.format(s3s::dto::TimestampFormat::EpochSeconds, &mut buffer);
    let text = String::from_utf8(buffer).unwrap_or_default();
    let seconds = text
        .split('.')
        .next()
        .and_then(|seconds| seconds.parse().ok());
    written.ok().and(seconds).unwrap_or_default()
}

/// A moment in the type of s3s.
pub(crate) fn timestamp(moment: DateTime<Utc>) -> Timestamp {
    let since = moment.signed_duration_since(DateTime::UNIX_EPOCH);
    let distance = since.abs().to_std().unwrap_or(Duration::MAX);
    let epoch = SystemTime::UNIX_EPOCH;
    let shifted = if since < chrono::TimeDelta::zero() {
        epoch.checked_sub(distance)
    } else {
        epoch.checked_add(distance)
    };
    shifted.unwrap_or(epoch).into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn object() -> Object {
        Object::new(
            Bytes::from_static(b"abc"),
            DateTime::from_timestamp_nanos(5_500_000_000),
            false,
        )
    }

    fn etag(value: &str) -> ETagCondition {
        ETagCondition::ETag(ETag::Strong(value.to_owned()))
    }

    fn code(result: S3Result<()>) -> String {
        result.map_or_else(
            |error| error.code().as_str().to_owned(),
            |()| "ok".to_owned(),
        )
    }

    #[test]
    fn reads() {
        let object = object();
        let same = etag(&object.etag());
        let other = etag("0000");
        let check = |if_match,
                     if_none_match,
                     if_modified_since: Option<i64>,
                     if_unmodified_since: Option<i64>| {
            let time =
                |seconds: i64| timestamp(DateTime::from_timestamp_nanos(seconds * 1_000_000_000));
            let (modified, unmodified) =
                (if_modified_since.map(time), if_unmodified_since.map(time));
            let conditions = ReadConditions {
                if_match,
                if_none_match,
                if_modified_since: modified.as_ref(),
                if_unmodified_since: unmodified.as_ref(),
            };
            code(conditions.check(&object))
        };
        assert_eq!(check(None, None, None, None), "ok");
        assert_eq!(check(Some(&same), None, None, None), "ok");
        assert_eq!(check(Some(&ETagCondition::Any), None, None, None), "ok");
        assert_eq!(check(Some(&other), None, None, None), "PreconditionFailed");
        assert_eq!(check(None, Some(&same), None, None), "NotModified");
        assert_eq!(check(None, Some(&other), None, None), "ok");
        assert_eq!(check(None, None, Some(5), None), "NotModified");
        assert_eq!(check(None, None, Some(4), None), "ok");
        assert_eq!(check(None, None, None, Some(5)), "ok");
        assert_eq!(check(None, None, None, Some(4)), "PreconditionFailed");
        // The ETag outranks the time.
        assert_eq!(check(Some(&same), None, None, Some(4)), "ok");
        assert_eq!(check(None, Some(&other), Some(5), None), "ok");
    }

    #[test]
    fn writes() {
        let object = object();
        let same = etag(&object.etag());
        let check =
            |if_match: Option<&ETagCondition>, if_none_match: Option<&ETagCondition>, existing| {
                let conditions = WriteConditions {
                    if_match: if_match.cloned(),
                    if_none_match: if_none_match.cloned(),
                };
                code(conditions.check(existing))
            };
        let any = ETagCondition::Any;
        assert_eq!(check(None, None, None), "ok");
        assert_eq!(check(None, None, Some(&object)), "ok");
        assert_eq!(check(None, Some(&any), None), "ok");
        assert_eq!(check(None, Some(&any), Some(&object)), "PreconditionFailed");
        assert_eq!(check(None, Some(&same), Some(&object)), "NotImplemented");
        assert_eq!(check(Some(&same), None, Some(&object)), "ok");
        assert_eq!(
            check(Some(&etag("0000")), None, Some(&object)),
            "PreconditionFailed"
        );
        assert_eq!(check(Some(&same), None, None), "NoSuchKey");
    }

    #[test]
    fn deletions() {
        let object = object();
        let same = etag(&object.etag());
        assert_eq!(code(check_delete(None, None)), "ok");
        assert_eq!(code(check_delete(Some(&same), Some(&object))), "ok");
        assert_eq!(
            code(check_delete(Some(&ETagCondition::Any), Some(&object))),
            "ok"
        );
        assert_eq!(
            code(check_delete(Some(&etag("0000")), Some(&object))),
            "PreconditionFailed"
        );
        assert_eq!(code(check_delete(Some(&same), None)), "PreconditionFailed");
    }

    #[test]
    fn timestamps_before_1970_survive() {
        let moment = DateTime::from_timestamp_nanos(-2_000_000_000);
        assert_eq!(seconds_of(&timestamp(moment)), -2);
    }
}
