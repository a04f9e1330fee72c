//! What the log says about one request, and what follows from many.

use std::{fmt, time::Duration};

use http::HeaderMap;
use serde::{Serialize, Serializer};

/// The headers that an entry keeps. None of them is secret.
const KEPT_HEADERS: [&str; 20] = [
    "accept-encoding",
    "amz-sdk-request",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-type",
    "expect",
    "user-agent",
    "x-amz-acl",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-mode",
    "x-amz-checksum-type",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-request-payer",
    "x-amz-tagging",
];

/// A key that a customer provides, though it is of one of the families below.
const SECRET: &str = "x-amz-server-side-encryption-customer-key";

/// Of these families every header is kept.
const KEPT_PREFIXES: [&str; 7] = [
    "if-",
    "x-amz-checksum-",
    "x-amz-meta-",
    "x-amz-sdk-",
    "x-amz-server-side-encryption",
    "x-amz-storage-",
    "x-amz-trailer",
];

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Counts the requests since the endpoint started.
    pub id: u64,
    /// S3's name of the operation, such as `ListObjectsV2`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The bucket in the path.
    pub bucket: Option<String>,
    /// The key in the path.
    pub key: Option<String>,
    /// The query as it was sent.
    pub query: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// Whether the request had an `If-…` header.
    pub conditional: bool,
    /// Some more of the request's headers, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The status of the answer; `None` while there is none, and for ever if
    /// the connection was dropped instead.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// When the request arrived, since the endpoint started.
    #[serde(serialize_with = "seconds")]
    pub start: Duration,
    /// When the last byte of the answer was handed over, or the connection
    /// dropped; `None` while the request is in flight.
    #[serde(serialize_with = "optional_seconds")]
    pub end: Option<Duration>,
    /// The faults that struck.
    pub faults: Vec<&'static str>,
}

impl Entry {
    /// The value of one of the headers that were kept.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(kept, _)| kept == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One line for people, as in `12 at 0.034 s: GetObject a/b bytes=0-1 -> 206`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.start.as_secs_f64();
        write!(f, "{} at {at:.3} s: {}", self.id, self.operation)?;
        for part in [&self.key, &self.range].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        match self.status {
            Some(status) => write!(f, " -> {status}")?,
            None if self.end.is_some() => write!(f, " -> connection dropped")?,
            None => write!(f, " -> no answer yet")?,
        }
        for fault in &self.faults {
            write!(f, ", {fault}")?;
        }
        Ok(())
    }
}

/// The most requests of an operation that were in flight at the same time;
/// `None` counts all operations.
#[must_use]
pub fn max_in_flight(entries: &[Entry], operation: Option<&str>) -> usize {
    let counted = entries
        .iter()
        .filter(|entry| operation.is_none_or(|operation| operation == entry.operation));
    let mut steps: Vec<(Duration, isize)> = counted
        .flat_map(|entry| [(entry.start, 1), (entry.end.unwrap_or(Duration::MAX), -1)])
        .collect();
    // At the same instant an end comes before a beginning.
    steps.sort_unstable();
    let sums = steps.iter().scan(0, |sum, (_, step)| {
        *sum += step;
        Some(*sum)
    });
    sums.max()
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or_default()
}

pub(crate) fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_kept = |name: &str| {
        name != SECRET
            && (KEPT_HEADERS.contains(&name)
                || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
    };
    headers
        .iter()
        .filter(|(name, _)| is_kept(name.as_str()))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

/// JSON knows numbers, not durations.
fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_secs_f64().serialize(serializer)
}

fn optional_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_read_off_the_times() {
        let entry = |start, end: Option<u64>| Entry {
            id: 1,
            operation: "GetObject",
            method: "GET".into(),
            bucket: None,
            key: None,
            query: String::new(),
            range: None,
            conditional: false,
            headers: Vec::new(),
            status: None,
            bytes_in: 0,
            bytes_out: 0,
            start: Duration::from_secs(start),
            end: end.map(Duration::from_secs),
            faults: Vec::new(),
        };
        let entries = [
            entry(0, Some(2)),
            entry(1, Some(3)),
            entry(2, Some(4)),
            entry(9, None),
        ];
        assert_eq!(max_in_flight(&entries, None), 2);
        assert_eq!(max_in_flight(&entries, Some("PutObject")), 0);
    }
}
