//! The store under test, with what every clause does to it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;

use super::Capabilities;
use crate::{
    checksum::Crc64,
    entry::{Entry, Listed},
    error::{ErrorKind, Result},
    key::Key,
    key_range::KeyRange,
    store::{Expected, Listing, NewEntry, Store, Writer, read_bytes},
};

/// The store that a clause is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) can: &'a Capabilities,
}

/// A time in the past with a fraction of a second.
pub(super) fn time() -> DateTime<Utc> {
    "2023-04-05T06:07:08.123456789Z"
        .parse()
        .expect("a valid time")
}

pub(super) fn key(name: &str) -> Key {
    Key::new(name).expect("a valid key")
}

pub(super) fn new(name: &str, size: u64) -> NewEntry {
    NewEntry {
        key: key(name),
        size,
        modified: time(),
        changed: time(),
    }
}

/// Content of `len` bytes, none of them 0, whose period hides in no part size.
pub(super) fn content(len: u64) -> Bytes {
    (0..len).map(|n| (n % 251) as u8 + 1).collect()
}

/// Asserts that `result` is an error of `kind`.
pub(super) fn assert_fails<T>(result: Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("it succeeded, and should have failed with {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

impl<'a> Subject<'a> {
    pub(super) fn new(store: &'a dyn Store, can: &'a Capabilities) -> Self {
        Self { store, can }
    }

    pub(super) async fn list(self) -> Vec<Entry> {
        Self::entries(self.store.list(&Arc::default()).await).await
    }

    pub(super) async fn list_range(self, range: &KeyRange) -> Vec<Entry> {
        Self::entries(self.store.list_range(&Arc::default(), range).await).await
    }

    async fn entries(listing: Listing) -> Vec<Entry> {
        let items: Vec<Listed> = listing
            .entries
            .try_collect()
            .await
            .expect("the listing succeeds");
        let entry = |item| match item {
            Listed::Entry(entry) => entry,
            Listed::Skipped(skipped) => panic!("skipped {skipped:?}"),
        };
        items.into_iter().map(entry).collect()
    }

    pub(super) async fn put(self, name: &str, body: &[u8], expected: &Expected) -> Result<()> {
        let (entry, body) = (new(name, body.len() as u64), Bytes::copy_from_slice(body));
        let checksum = Crc64::of(&body);
        self.store.put(&entry, body, checksum, expected).await
    }

    pub(super) async fn create(self, name: &str, body: &[u8]) -> Entry {
        self.put(name, body, &Expected::Absent)
            .await
            .expect("the entry is written");
        self.stat(name).await
    }

    /// Replaces `old`, which is there.
    pub(super) async fn replace(self, old: &Entry, body: &[u8]) -> Entry {
        let expected = Expected::Version(old.clone());
        self.put(old.key.as_str(), body, &expected)
            .await
            .expect("the entry is written");
        self.stat(old.key.as_str()).await
    }

    pub(super) async fn find(self, name: &str) -> Option<Entry> {
        self.store
            .stat(&key(name))
            .await
            .expect("the look succeeds")
    }

    pub(super) async fn stat(self, name: &str) -> Entry {
        self.find(name).await.expect("it was written")
    }

    pub(super) async fn read(self, entry: &Entry, range: Range<u64>) -> Result<Bytes> {
        read_bytes(self.store, entry, range).await
    }

    /// The whole content under `name` now.
    pub(super) async fn body(self, name: &str) -> Bytes {
        let entry = self.stat(name).await;
        self.read(&entry, 0..entry.size)
            .await
            .expect("the content is read")
    }

    /// Begins to write `len` bytes in parts.
    pub(super) async fn begin(self, name: &str, len: u64, expected: &Expected) -> Box<dyn Writer> {
        self.try_begin(name, len, expected)
            .await
            .expect("the write begins")
    }

    async fn try_begin(self, name: &str, len: u64, expected: &Expected) -> Result<Box<dyn Writer>> {
        let entry = new(name, len);
        self.store.write(&entry, self.can.part_size, expected).await
    }

    /// The offsets of the parts of `body`, each with its bytes.
    pub(super) fn cut(self, body: &Bytes) -> Vec<(u64, Bytes)> {
        let part = self.can.part_size as usize;
        let at = (0..body.len()).step_by(part);
        at.map(|at| (at as u64, body.slice(at..body.len().min(at + part))))
            .collect()
    }

    /// Writes `body` in parts, in their order, and commits it. A store may look
    /// at the very beginning that it would fail.
    pub(super) async fn write(self, name: &str, body: &Bytes, expected: &Expected) -> Result<()> {
        let writer = self.try_fill(name, body, expected).await?;
        writer.commit(Crc64::of(body)).await
    }

    /// A writer that has all parts of `body`, so that only the commit is missing.
    pub(super) async fn fill(
        self,
        name: &str,
        body: &Bytes,
        expected: &Expected,
    ) -> Box<dyn Writer> {
        self.try_fill(name, body, expected)
            .await
            .expect("the parts are written")
    }

    async fn try_fill(
        self,
        name: &str,
        body: &Bytes,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        let writer = self.try_begin(name, body.len() as u64, expected).await?;
        for (offset, part) in self.cut(body) {
            writer.part(offset, part.into()).await?;
        }
        Ok(writer)
    }

    /// Deletes everything that is listed.
    pub(super) async fn clear(self) {
        let listed = self.list().await;
        if listed.is_empty() {
            return;
        }
        for result in self.store.delete(&listed).await {
            result.expect("the deletion succeeds");
        }
    }
}
