//! The request log: who asked for what, when, and what went over the wire.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use http::Request;

use crate::{
    entry::{Entry, kept},
    route::Target,
};

/// How long [`Log::all`] waits for answers on their way.
const SETTLING: Duration = Duration::from_millis(100);

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
            range: request
                .headers()
                .get("range")
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            conditional: request
                .headers()
                .keys()
                .any(|name| name.as_str().starts_with("if-")),
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
        Record {
            log: Arc::clone(self),
            entry,
            received: Arc::default(),
        }
    }

    /// A copy of all entries, in the order of arrival. A client may have read
    /// an answer to its end before we know that it was sent, so answers that
    /// are on their way get a moment to arrive.
    pub(crate) fn all(&self) -> Vec<Entry> {
        let deadline = Instant::now() + SETTLING;
        let leaving = |entry: &Entry| entry.status.is_some() && entry.end.is_none();
        while self.entries().iter().any(leaving) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        let mut entries = self.entries().clone();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.entries()
            .iter()
            .filter(|entry| entry.operation == operation)
            .count()
    }

    pub(crate) fn clear(&self) {
        self.entries().clear();
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, entry: &Entry) {
        // Entries are nearly sorted and most end soon after they begin, so
        // the search from the back is short. After `clear` there may be none.
        if let Some(kept) = self
            .entries()
            .iter_mut()
            .rev()
            .find(|kept| kept.id == entry.id)
        {
            kept.clone_from(entry);
        }
    }

    fn write(&self, entry: &Entry) {
        if let (Some(file), Ok(mut line)) = (&self.file, serde_json::to_vec(entry)) {
            line.push(b'\n');
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk costs the log, not the service.
            let _ = file.write_all(&line);
        }
    }
}

/// A request in flight; its entry is finished when this is dropped.
#[derive(Debug)]
pub(crate) struct Record {
    log: Arc<Log>,
    pub(crate) entry: Entry,
    /// Counts the request's body while it arrives.
    pub(crate) received: Arc<AtomicU64>,
}

impl Record {
    /// Notes the status of the answer that is about to be sent.
    pub(crate) fn answered(&mut self, status: u16) {
        self.entry.status = Some(status);
        self.entry.bytes_in = self.received.load(Ordering::Relaxed);
        self.log.update(&self.entry);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.entry.bytes_in = self.received.load(Ordering::Relaxed);
        self.entry.end = Some(self.log.started.elapsed());
        self.log.update(&self.entry);
        self.log.write(&self.entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request<()> {
        let builder = Request::builder().method("GET").uri("/b/k?x-id=GetObject");
        builder
            .header("range", "bytes=0-1")
            .header("if-match", "\"e\"")
            .header("authorization", "secret")
            .body(())
            .unwrap()
    }

    fn target() -> Target {
        Target {
            operation: "GetObject",
            bucket: Some("b".into()),
            key: Some("k".into()),
            query: String::new(),
        }
    }

    #[test]
    fn an_entry_tells_the_request_but_no_secrets() {
        let log = Arc::new(Log::new(true, None).unwrap());
        let mut record = log.begin(&request(), &target());
        assert_eq!(log.all()[0].end, None);
        record.answered(206);
        drop(record);
        let entry = &log.all()[0];
        assert_eq!((entry.operation, entry.status), ("GetObject", Some(206)));
        assert_eq!(
            (entry.range.as_deref(), entry.conditional),
            (Some("bytes=0-1"), true)
        );
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
}
