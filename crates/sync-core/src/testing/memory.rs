//! A store in memory: with the times of a directory or those of a bucket, and
//! with faults on request.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use parking_lot::{Mutex, MutexGuard};

use crate::{
    checksum::{Crc64, Digest},
    entry::{Entry, Listed, Revision, SkipCause, Skipped},
    error::{ErrorKind, Result, StoreError},
    key::Key,
    key_range::KeyRange,
    select::Selection,
    store::{Chunks, Expected, KeyProblem, Level, Listing, NewEntry, Store, Writer},
};

/// A [`Store`] in memory. Clones share their contents.
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    kind: Kind,
    objects: Mutex<BTreeMap<String, Object>>,
    clock: Mutex<DateTime<Utc>>,
    revisions: AtomicU64,
    calls: AtomicU64,
    reversed: AtomicBool,
    faults: Mutex<Faults>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Files,
    Objects,
    /// Objects that the server keeps as files of a directory.
    ObjectFiles,
}

#[derive(Default)]
struct Faults {
    /// The listing fails after so many items.
    listing: Option<usize>,
    /// Reading this key fails.
    reading: Option<String>,
    /// The next bytes that are read differ in a bit.
    damage: bool,
    /// Names that listings skip, with all that is below them.
    skipped: BTreeMap<String, SkipCause>,
}

/// What a [`MemoryStore`] keeps under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The content.
    pub body: Bytes,
    /// Last modification, UTC.
    pub modified: DateTime<Utc>,
    revision: u64,
}

impl MemoryStore {
    /// Behaves as a directory: a written entry gets the time of its source,
    /// and no name can be a directory of another.
    #[must_use]
    pub fn files() -> Self {
        Self::new(Kind::Files)
    }

    /// Behaves as a bucket: a written entry gets the time of the store's
    /// clock, and its checksum is kept.
    #[must_use]
    pub fn objects() -> Self {
        Self::new(Kind::Objects)
    }

    /// As [`MemoryStore::objects`], but as a server that keeps each object as a
    /// file: it refuses a new object above or below another one.
    #[must_use]
    pub fn objects_in_directories() -> Self {
        Self::new(Kind::ObjectFiles)
    }

    fn new(kind: Kind) -> Self {
        Self(Arc::new(Inner {
            kind,
            objects: Mutex::default(),
            clock: Mutex::new(DateTime::UNIX_EPOCH),
            revisions: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            reversed: AtomicBool::new(false),
            faults: Mutex::default(),
        }))
    }

    /// Puts `body` under `name`, which may be any name that a bucket takes.
    pub fn insert(&self, name: &str, body: impl Into<Bytes>, modified: DateTime<Utc>) {
        let object = self.object(body.into(), modified);
        self.lock().insert(name.to_owned(), object);
    }

    /// Removes `name`.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Everything, by name.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, Object> {
        self.lock().clone()
    }

    /// The contents by name, without times.
    #[must_use]
    pub fn contents(&self) -> BTreeMap<String, Bytes> {
        let objects = self.lock();
        let content = |(name, object): (&String, &Object)| (name.clone(), object.body.clone());
        objects.iter().map(content).collect()
    }

    /// Sets the time that objects get when they are written.
    pub fn set_clock(&self, now: DateTime<Utc>) {
        *self.0.clock.lock() = now;
    }

    /// Makes every listing fail after `items` items.
    pub fn fail_listing_after(&self, items: usize) {
        self.0.faults.lock().listing = Some(items);
    }

    /// Makes every reading of `name` fail.
    pub fn fail_reading(&self, name: &str) {
        self.0.faults.lock().reading = Some(name.to_owned());
    }

    /// Flips a bit of the next bytes that are read.
    pub fn damage_next_read(&self) {
        self.0.faults.lock().damage = true;
    }

    /// Makes every listing skip `name` and whatever is at it or below it, as a
    /// directory does with a link that is not followed. What is not looked into
    /// comes in the place of the directory `name/`, anything else in that of
    /// `name`.
    pub fn skip(&self, name: &str, cause: SkipCause) {
        let mut faults = self.0.faults.lock();
        faults.skipped.insert(name.to_owned(), cause);
    }

    /// The name at or above `name` that listings skip.
    fn skipped_above(&self, name: &str) -> Option<String> {
        let faults = self.0.faults.lock();
        let is_at_or_above = |skipped: &&String| {
            let rest = name.strip_prefix(skipped.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        faults.skipped.keys().find(is_at_or_above).cloned()
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        *self.0.faults.lock() = Faults::default();
    }

    /// Lists in descending order from now on.
    pub fn list_in_disorder(&self) {
        self.0.reversed.store(true, SeqCst);
    }

    /// How often the store was written to or deleted from.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.0.calls.load(SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.0.objects.lock()
    }

    fn object(&self, body: Bytes, modified: DateTime<Utc>) -> Object {
        Object {
            body,
            modified,
            revision: self.0.revisions.fetch_add(1, SeqCst),
        }
    }

    fn entry(&self, key: Key, object: &Object) -> Entry {
        Entry::new(key, object.body.len() as u64, object.modified)
            .with_revision(Revision::new(object.revision.to_string()))
    }

    fn listed(&self, name: &str, object: &Object) -> Listed {
        match Key::new(name) {
            Ok(key) => Listed::Entry(self.entry(key, object)),
            Err(error) => {
                let placeholder = name.ends_with('/') && object.body.is_empty();
                Listed::Skipped(Skipped {
                    name: name.to_owned(),
                    cause: if placeholder {
                        SkipCause::Placeholder
                    } else {
                        SkipCause::UnmappableKey
                    },
                    detail: error.to_string(),
                    link: None,
                })
            }
        }
    }

    fn listed_items(&self, range: &KeyRange) -> BoxStream<'static, Result<Listed>> {
        let objects = self.lock();
        let seen = objects
            .iter()
            .filter(|(name, _)| self.skipped_above(name).is_none());
        let mut items: BTreeMap<_, _> = seen
            .map(|(name, object)| (name.clone(), Ok(self.listed(name, object))))
            .collect();
        for (name, cause) in &self.0.faults.lock().skipped {
            let place = match cause {
                SkipCause::NotSelected | SkipCause::Unreadable => format!("{name}/"),
                _ => name.clone(),
            };
            let skipped = Skipped {
                name: name.clone(),
                cause: *cause,
                detail: String::new(),
                link: None,
            };
            items.insert(place, Ok(Listed::Skipped(skipped)));
        }
        let is_in_range =
            |item: &Result<Listed>| item.as_ref().map_or(true, |listed| range.takes(listed));
        let mut items: Vec<_> = items.into_values().filter(is_in_range).collect();
        if self.0.reversed.load(SeqCst) {
            items.reverse();
        }
        if let Some(after) = self.0.faults.lock().listing {
            items.truncate(after);
            items.push(Err(StoreError::new(
                ErrorKind::Unavailable,
                "listing failed",
            )));
        }
        stream::iter(items).boxed()
    }

    fn commit(&self, entry: &NewEntry, body: Bytes, expected: &Expected) -> Result<()> {
        self.0.calls.fetch_add(1, SeqCst);
        let modified = match self.0.kind {
            Kind::Files => entry.modified,
            Kind::Objects | Kind::ObjectFiles => *self.0.clock.lock(),
        };
        let object = self.object(body, modified);
        let mut objects = self.lock();
        if self.0.kind != Kind::Objects && is_blocked(&objects, &entry.key) {
            return Err(error(ErrorKind::Blocked, &entry.key));
        }
        let there = objects.get(entry.key.as_str());
        let there = there.map(|object| self.entry(entry.key.clone(), object));
        match (expected, there) {
            (_, None) => {}
            (Expected::Version(seen), Some(there)) if seen.is_same_version(&there) => {}
            _ => return Err(error(ErrorKind::Changed, &entry.key)),
        }
        objects.insert(entry.key.as_str().to_owned(), object);
        Ok(())
    }

    fn find(&self, entry: &Entry) -> Result<Object> {
        let object = self.lock().get(entry.key.as_str()).cloned();
        let object = object.ok_or_else(|| error(ErrorKind::NotFound, &entry.key))?;
        if !entry.is_same_version(&self.entry(entry.key.clone(), &object)) {
            return Err(error(ErrorKind::Changed, &entry.key));
        }
        Ok(object)
    }
}

/// Whether a tree that holds `objects` has no room for `key`.
fn is_blocked(objects: &BTreeMap<String, Object>, key: &Key) -> bool {
    let name = key.as_str();
    let above = name
        .match_indices('/')
        .any(|(at, _)| objects.contains_key(&name[..at]));
    let directory = format!("{name}/");
    let below = objects.range(directory.clone()..).next();
    above || below.is_some_and(|(name, _)| name.starts_with(&directory))
}

fn error(kind: ErrorKind, key: &Key) -> StoreError {
    StoreError::new(kind, format!("'{key}' in memory: {kind:?}"))
}

#[async_trait]
impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    async fn list(&self, selection: &Arc<Selection>) -> Listing {
        self.list_range(selection, &KeyRange::default()).await
    }

    async fn list_range(&self, _selection: &Arc<Selection>, range: &KeyRange) -> Listing {
        Listing::new(self.listed_items(range))
    }

    async fn level(&self, directory: &str, _names: usize) -> Result<Level> {
        let mut level = Level::default();
        for name in self.lock().keys() {
            let Some(below) = name.strip_prefix(directory) else {
                continue;
            };
            match below.split_once('/') {
                Some((first, _)) => level.add_directory(format!("{directory}{first}/")),
                None => level.add_entry(|| name.clone()),
            }
        }
        Ok(level)
    }

    fn accepts(&self, _key: &Key) -> Result<(), KeyProblem> {
        Ok(())
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        if self.skipped_above(key.as_str()).is_some() {
            return Ok(None);
        }
        let objects = self.lock();
        let object = objects.get(key.as_str());
        Ok(object.map(|object| self.entry(key.clone(), object)))
    }

    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        let object = self.find(entry)?;
        Ok((self.0.kind != Kind::Files).then(|| Crc64::of(&object.body).into()))
    }

    async fn lacks(&self, key: &Key) -> Result<bool> {
        match self.skipped_above(key.as_str()) {
            Some(_) => Err(error(ErrorKind::Blocked, key)),
            None => Ok(self.stat(key).await?.is_none()),
        }
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        if self.0.faults.lock().reading.as_deref() == Some(entry.key.as_str()) {
            return Err(error(ErrorKind::Unavailable, &entry.key));
        }
        let object = self.find(entry)?;
        let body = object.body.slice(range.start as usize..range.end as usize);
        if !std::mem::take(&mut self.0.faults.lock().damage) {
            return Ok(body.into());
        }
        let mut damaged = body.to_vec();
        damaged[0] ^= 1;
        Ok(Bytes::from(damaged).into())
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        if checksum != Crc64::of(&body) {
            return Err(error(ErrorKind::Corrupt, &entry.key));
        }
        self.commit(entry, body, expected)
    }

    async fn write(
        &self,
        entry: &NewEntry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        if self.0.kind == Kind::ObjectFiles && is_blocked(&self.lock(), &entry.key) {
            return Err(error(ErrorKind::Blocked, &entry.key));
        }
        Ok(Box::new(MemoryWriter {
            store: self.clone(),
            entry: entry.clone(),
            part_size,
            expected: expected.clone(),
            body: Mutex::new(vec![0; entry.size as usize]),
        }))
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        self.0.calls.fetch_add(1, SeqCst);
        let delete = |entry: &Entry| match self.find(entry) {
            Ok(_) => {
                self.remove(entry.key.as_str());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        entries.iter().map(delete).collect()
    }
}

struct MemoryWriter {
    store: MemoryStore,
    entry: NewEntry,
    part_size: u64,
    expected: Expected,
    body: Mutex<Vec<u8>>,
}

#[async_trait]
impl Writer for MemoryWriter {
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64> {
        let body = body.bytes().await?;
        assert_eq!(
            offset % self.part_size,
            0,
            "parts begin at multiples of the part size"
        );
        let start = offset as usize;
        self.body.lock()[start..start + body.len()].copy_from_slice(&body);
        Ok(Crc64::of(&body))
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        let body = Bytes::from(self.body.into_inner());
        if checksum != Crc64::of(&body) {
            return Err(error(ErrorKind::Corrupt, &self.entry.key));
        }
        self.store.commit(&self.entry, body, &self.expected)
    }

    async fn abort(self: Box<Self>) {}
}
