//! A store that watches what is done to another one: it keeps a log, counts
//! what is under way, and fails or delays calls on request.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use futures::stream::{self, StreamExt};
use sync_core::testing::MemoryStore;
use sync_core::{
    Entry, ErrorKind, Expected, Key, KeyRange, NewEntry, Result, Selection, Store, StoreError,
    Writer,
    checksum::{Crc64, Digest},
    store::{Chunks, KeyProblem, Listing},
};

use super::Scheduler;

/// A watched [`MemoryStore`]. Clones share everything.
#[derive(Clone)]
pub(crate) struct Probe {
    side: &'static str,
    store: MemoryStore,
    watch: Arc<Mutex<Watch>>,
    scheduler: Option<Scheduler>,
    clock_offset: Option<TimeDelta>,
    folds_names: bool,
    refused: Option<&'static str>,
}

/// What both probes of a pair write down.
#[derive(Default)]
struct Watch {
    log: Vec<String>,
    faults: Vec<(String, ErrorKind)>,
    held: Held,
    most: Held,
    /// Calls of `delete` that have not returned, and the most of them at any time.
    deleting: usize,
    most_deleting: usize,
}

/// Content that has been asked for from the source and is not yet taken by
/// the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) parts: u64,
    pub(crate) bytes: u64,
}

/// Watches a source and a target in one common log.
pub(crate) fn probes(source: &MemoryStore, target: &MemoryStore) -> (Probe, Probe) {
    let watch = Arc::default();
    let probe = |side, store: &MemoryStore| Probe {
        side,
        store: store.clone(),
        watch: Arc::clone(&watch),
        scheduler: None,
        clock_offset: None,
        folds_names: false,
        refused: None,
    };
    (probe("source", source), probe("target", target))
}

impl Probe {
    /// Every call and every listed item waits as `scheduler` says.
    pub(crate) fn paced(mut self, scheduler: &Scheduler) -> Self {
        self.scheduler = Some(scheduler.clone());
        self
    }

    pub(crate) fn with_clock_offset(mut self, offset: TimeDelta) -> Self {
        self.clock_offset = Some(offset);
        self
    }

    pub(crate) fn that_folds_names(mut self) -> Self {
        self.folds_names = true;
        self
    }

    /// Makes the store one that cannot hold `name`.
    pub(crate) fn without_room_for(mut self, name: &'static str) -> Self {
        self.refused = Some(name);
        self
    }

    /// Makes every call fail that is logged as `call`, as in "target put a".
    pub(crate) fn fail(&self, call: &str, kind: ErrorKind) {
        self.watch().faults.push((call.to_owned(), kind));
    }

    /// The calls of both stores: readings when they are answered, changes when
    /// they begin.
    pub(crate) fn log(&self) -> Vec<String> {
        self.watch().log.clone()
    }

    /// The most that was held at any time.
    pub(crate) fn most_held(&self) -> Held {
        self.watch().most
    }

    /// The most calls of `delete` that were in flight at any time.
    pub(crate) fn most_deleting(&self) -> usize {
        self.watch().most_deleting
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap()
    }

    async fn pause(&self) {
        if let Some(scheduler) = &self.scheduler {
            scheduler.pause().await;
        }
    }

    fn note(&self, operation: &str, name: &str) -> Result<()> {
        let call = format!("{} {operation} {name}", self.side);
        let mut watch = self.watch();
        let fault = watch.faults.iter().find(|(fault, _)| *fault == call);
        let result = match fault {
            Some((call, kind)) => Err(StoreError::new(*kind, format!("'{call}' fails"))),
            None => Ok(()),
        };
        watch.log.push(call);
        result
    }

    /// `body` in two chunks, which may be empty; each of them waits.
    fn in_chunks(&self, mut body: Bytes) -> Chunks {
        let rest = body.split_off(body.len() / 2);
        let probe = self.clone();
        Chunks::new(stream::iter([body, rest]).then(move |chunk| {
            let probe = probe.clone();
            async move {
                probe.pause().await;
                Ok(chunk)
            }
        }))
    }

    fn take(&self, bytes: u64) {
        let mut watch = self.watch();
        watch.held.parts += 1;
        watch.held.bytes += bytes;
        watch.most.parts = watch.most.parts.max(watch.held.parts);
        watch.most.bytes = watch.most.bytes.max(watch.held.bytes);
    }

    fn give_back(&self, bytes: u64) {
        let mut watch = self.watch();
        watch.held.parts = watch.held.parts.saturating_sub(1);
        watch.held.bytes = watch.held.bytes.saturating_sub(bytes);
    }
}

#[async_trait]
impl Store for Probe {
    fn location(&self) -> String {
        self.store.location()
    }

    async fn list(&self, selection: &Arc<Selection>) -> Listing {
        self.list_range(selection, &KeyRange::default()).await
    }

    async fn list_range(&self, selection: &Arc<Selection>, range: &KeyRange) -> Listing {
        let (probe, listing) = (self.clone(), self.store.list_range(selection, range).await);
        let paced = listing.entries.then(move |item| {
            let probe = probe.clone();
            async move {
                probe.pause().await;
                item
            }
        });
        Listing {
            entries: paced.boxed(),
            clock_offset: self.clock_offset,
        }
    }

    fn accepts(&self, key: &Key) -> Result<(), KeyProblem> {
        if self.refused == Some(key.as_str()) {
            return Err(KeyProblem::SegmentTooLong { limit: 255 });
        }
        self.store.accepts(key)
    }

    fn folds_names(&self) -> bool {
        self.folds_names
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        self.pause().await;
        self.note("stat", key.as_str())?;
        self.store.stat(key).await
    }

    async fn lacks(&self, key: &Key) -> Result<bool> {
        Ok(self.stat(key).await?.is_none() && self.store.lacks(key).await?)
    }

    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        self.pause().await;
        self.note("digest", entry.key.as_str())?;
        self.store.digest(entry).await
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let bytes = range.end - range.start;
        self.take(bytes);
        self.pause().await;
        let read = self.store.read(entry, range).await;
        let result = self.note("read", entry.key.as_str()).and(read);
        if result.is_err() {
            self.give_back(bytes);
        }
        Ok(self.in_chunks(result?.bytes().await?))
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        let bytes = body.len() as u64;
        let noted = self.note("put", entry.key.as_str());
        self.pause().await;
        let result = match noted {
            Ok(()) => self.store.put(entry, body, checksum, expected).await,
            failed => failed,
        };
        self.give_back(bytes);
        result
    }

    async fn write(
        &self,
        entry: &NewEntry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        self.pause().await;
        self.note("write", entry.key.as_str())?;
        let writer = self.store.write(entry, part_size, expected).await?;
        let (probe, name) = (self.clone(), entry.key.as_str().to_owned());
        Ok(Box::new(ProbeWriter {
            probe,
            name,
            writer,
        }))
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        let names: Vec<&str> = entries.iter().map(|e| e.key.as_str()).collect();
        let noted = self.note("delete", &names.join(" "));
        {
            let mut watch = self.watch();
            watch.deleting += 1;
            watch.most_deleting = watch.most_deleting.max(watch.deleting);
        }
        self.pause().await;
        let results = match noted {
            Ok(()) => self.store.delete(entries).await,
            Err(error) => {
                let failed = |_| Err(StoreError::new(error.kind(), error.to_string()));
                entries.iter().map(failed).collect()
            }
        };
        self.watch().deleting -= 1;
        results
    }
}

struct ProbeWriter {
    probe: Probe,
    name: String,
    writer: Box<dyn Writer>,
}

#[async_trait]
impl Writer for ProbeWriter {
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64> {
        let noted = self.probe.note("part", &self.name);
        let body = body.bytes().await?;
        let bytes = body.len() as u64;
        self.probe.pause().await;
        let result = match noted {
            Ok(()) => self.writer.part(offset, body.into()).await,
            Err(error) => Err(error),
        };
        self.probe.give_back(bytes);
        result
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        self.probe.note("commit", &self.name)?;
        self.probe.pause().await;
        self.writer.commit(checksum).await
    }

    async fn abort(self: Box<Self>) {
        let _ = self.probe.note("abort", &self.name);
        self.probe.pause().await;
        self.writer.abort().await;
    }
}
