//! The request log: who asked for what, when, and what went over the wire.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderMap, Request};
use serde::Serialize;

use crate::route::Target;

/// The headers that an entry keeps. None of them is secret.
const KEPT_HEADERS: [&str; 14] = [
    "amz-sdk-request",
    "content-encoding",
    "content-length",
    "content-md5",
    "expect",
    "user-agent",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-mode",
    "x-amz-checksum-type",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
];

/// Of these families every header is kept.
const KEPT_PREFIXES: [&str; 6] =
    ["if-", "x-amz-checksum-", "x-amz-meta-", "x-amz-sdk-", "x-amz-storage-", "x-amz-trailer"];

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
    pub start: Duration,
    /// When the last byte of the answer was handed over, or the connection
    /// dropped; `None` while the request is in flight.
    pub end: Option<Duration>,
    /// The faults that struck.
    pub faults: Vec<&'static str>,
}

impl Entry {
    /// The value of one of the headers that were kept.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(kept, _)| kept == name).map(|(_, value)| value.as_str())
    }
}

/// The most requests of an operation that were in flight at the same time;
/// `None` counts all operations.
#[must_use]
pub fn max_in_flight(entries: &[Entry], operation: Option<&str>) -> usize {
    let counted = entries.iter().filter(|entry| operation.is_none_or(|operation| operation == entry.operation));
    let mut steps: Vec<(Duration, isize)> =
        counted.flat_map(|entry| [(entry.start, 1), (entry.end.unwrap_or(Duration::MAX), -1)]).collect();
    // At the same instant an end comes before a beginning.
    steps.sort_unstable();
    let sums = steps.iter().scan(0, |sum, (_, step)| {
        *sum += step;
        Some(*sum)
    });
    sums.max().and_then(|most| usize::try_from(most).ok()).unwrap_or_default()
}

/// Where entries go.
#[derive(Debug)]
pub(crate) struct Log {
    started: Instant,
    next: AtomicU64,
    keep: bool,
    entries: Mutex<Vec<Entry>>,
    file: Option<Mutex<File>>,
}

impl Log {
    pub(crate) fn new(keep: bool, file: Option<&Path>) -> io::Result<Self> {
        let open = |path| File::options().create(true).append(true).open(path);
        Ok(Self {
            started: Instant::now(),
            next: AtomicU64::new(1),
            keep,
            entries: Mutex::default(),
            file: file.map(open).transpose()?.map(Mutex::new),
        })
    }

    /// Notes that a request has arrived.
    pub(crate) fn begin<B>(self: &Arc<Self>, request: &Request<B>, target: &Target) -> Record {
        let entry = Entry {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            operation: target.operation,
            method: request.method().to_string(),
            bucket: target.bucket.clone(),
            key: target.key.clone(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            range: request.headers().get("range").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            conditional: request.headers().keys().any(|name| name.as_str().starts_with("if-")),
            headers: kept(request.headers()),
            status: None,
            bytes_in: 0,
            bytes_out: 0,
            start: self.started.elapsed(),
            end: None,
            faults: Vec::new(),
        };
        if self.keep {
            self.entries().push(entry.clone());
        }
        Record { log: Arc::clone(self), entry, received: Arc::default() }
    }

    /// A copy of all entries, in the order of arrival.
    pub(crate) fn all(&self) -> Vec<Entry> {
        let mut entries = self.entries().clone();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.entries().iter().filter(|entry| entry.operation == operation).count()
    }

    pub(crate) fn clear(&self) {
        self.entries().clear();
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, entry: &Entry) {
        // Entries are nearly sorted and most end soon after they begin, so
        // the search from the back is short. After `clear` there may be none.
        if let Some(kept) = self.entries().iter_mut().rev().find(|kept| kept.id == entry.id) {
            kept.clone_from(entry);
        }
        if let (Some(file), Ok(mut line)) = (&self.file, serde_json::to_vec(entry)) {
            line.push(b'\n');
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk costs the log, not the service.
            let _ = file.write_all(&line);
        }
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_kept = |name: &str| KEPT_HEADERS.contains(&name) || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    headers
        .iter()
        .filter(|(name, _)| is_kept(name.as_str()))
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// A request under way; its entry is finished when this is dropped.
#[derive(Debug)]
pub(crate) struct Record {
    log: Arc<Log>,
    pub(crate) entry: Entry,
    /// Counts the request's body while it arrives.
    pub(crate) received: Arc<AtomicU64>,
}

impl Drop for Record {
    fn drop(&mut self) {
        self.entry.bytes_in = self.received.load(Ordering::Relaxed);
        self.entry.end = Some(self.log.started.elapsed());
        self.log.finish(&self.entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request<()> {
        let builder = Request::builder().method("GET").uri("/b/k?x-id=GetObject");
        builder.header("range", "bytes=0-1").header("if-match", "\"e\"").header("authorization", "secret").body(()).unwrap()
    }

    fn target() -> Target {
        Target { operation: "GetObject", bucket: Some("b".into()), key: Some("k".into()) }
    }

    #[test]
    fn an_entry_tells_the_request_but_no_secrets() {
        let log = Arc::new(Log::new(true, None).unwrap());
        let mut record = log.begin(&request(), &target());
        assert_eq!(log.all()[0].end, None);
        record.entry.status = Some(206);
        drop(record);
        let entry = &log.all()[0];
        assert_eq!((entry.operation, entry.status), ("GetObject", Some(206)));
        assert_eq!((entry.range.as_deref(), entry.conditional), (Some("bytes=0-1"), true));
        assert_eq!(entry.header("if-match"), Some("\"e\""));
        assert!(entry.end.is_some());
        assert!(!format!("{entry:?}").contains("secret"));
        assert_eq!((log.count("GetObject"), log.count("PutObject")), (1, 0));
        log.clear();
        assert_eq!(log.all(), []);
    }

    #[test]
    fn an_entry_cleared_while_in_flight_stays_away() {
        let log = Arc::new(Log::new(true, None).unwrap());
        let record = log.begin(&request(), &target());
        log.clear();
        drop(record);
        assert_eq!(log.all(), []);
    }

    #[test]
    fn overlap_is_read_off_the_times() {
        let log = Arc::new(Log::new(true, None).unwrap());
        let template = log.begin(&request(), &target()).entry.clone();
        let entry = |start, end: Option<u64>| Entry {
            start: Duration::from_secs(start),
            end: end.map(Duration::from_secs),
            ..template.clone()
        };
        let entries = [entry(0, Some(2)), entry(1, Some(3)), entry(2, Some(4)), entry(9, None)];
        assert_eq!(max_in_flight(&entries, None), 2);
        assert_eq!(max_in_flight(&entries, Some("PutObject")), 0);
    }
}
