//! The contract that a directory and a bucket both keep.
//!
//! The words are the same on both sides, so the planner and the executor know
//! neither. `store_contract!` (feature `testing`)
//! checks an implementation against what is written here.

mod chunks;
mod key_problem;
mod level;
mod new_entry;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::ready;
use futures::stream::{BoxStream, StreamExt};

use crate::{
    checksum::{Crc64, Digest},
    clock::Present,
    entry::{Entry, Listed},
    error::{ErrorKind, Result, StoreError},
    key::Key,
    key_range::KeyRange,
    select::Selection,
};

pub use chunks::{Chunks, read_bytes};
pub use key_problem::KeyProblem;
pub use level::Level;
pub use new_entry::NewEntry;

/// What a write must find under its key: what the planner saw there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// No entry.
    Absent,
    /// This version of it, or none any more.
    Version(Entry),
}

impl From<Option<Entry>> for Expected {
    fn from(seen: Option<Entry>) -> Self {
        seen.map_or(Self::Absent, Self::Version)
    }
}

/// A listing that has begun.
pub struct Listing {
    /// The entries, and what the listing skips.
    pub entries: BoxStream<'static, Result<Listed>>,
    /// How far the store's clock is ahead of the local one; negative when it is
    /// behind. `None` for a store that has no clock of its own.
    pub clock_offset: Option<TimeDelta>,
}

impl Listing {
    /// A listing of a store that has no clock of its own.
    #[must_use]
    pub fn new(entries: BoxStream<'static, Result<Listed>>) -> Self {
        Self {
            entries,
            clock_offset: None,
        }
    }

    /// The same without what is not in `range`.
    #[must_use]
    pub fn within(self, range: KeyRange) -> Self {
        let entries = self.entries.filter(move |item| {
            let is_taken = item.as_ref().map_or(true, |listed| range.takes(listed));
            ready(is_taken)
        });
        Self {
            entries: entries.boxed(),
            ..self
        }
    }
}

/// A flat set of entries by key: a directory tree or a bucket below a prefix.
///
/// Methods may be called concurrently. Every error names the operation and
/// the key it concerns.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Store: Send + Sync {
    /// Where this store is, for people: a path or a URL, without secrets.
    fn location(&self) -> String;

    /// All entries in ascending byte order of their keys, each once.
    ///
    /// It returns when the listing has begun, so that its clock offset is known.
    /// [`Listed::Skipped`] items may stand anywhere. A listing that cannot be
    /// completed ends with an error as its last item; it never just ends. A
    /// store that cannot promise the order lists as it can: the planner checks
    /// the order and sorts.
    ///
    /// `selection` is advice: what it excludes need not be listed, nor looked
    /// at, and may be listed all the same.
    async fn list(&self, selection: &Arc<Selection>) -> Listing;

    /// The part of [`Store::list`] that is in `range`: its entries, and what was skipped that
    /// may hide keys of it ([`KeyRange::takes`]).
    ///
    /// A store that lists in byte order for sure reads no more than that. By default
    /// everything is listed, and what is not in `range` is dropped.
    async fn list_range(&self, selection: &Arc<Selection>, range: &KeyRange) -> Listing {
        self.list(selection).await.within(range.clone())
    }

    /// What is directly below `directory`, which is empty for the top and otherwise ends with
    /// a slash: to estimate where keys are, and never to decide anything. About so many
    /// `names` are of use. By default nothing is known.
    ///
    /// # Errors
    /// Those of listing it.
    async fn level(&self, _directory: &str, _names: usize) -> Result<Level> {
        Ok(Level::default())
    }

    /// Whether this store could hold an entry under `key`.
    ///
    /// # Errors
    /// Why it could not.
    fn accepts(&self, key: &Key) -> Result<(), KeyProblem>;

    /// Whether names that differ only in case or in their Unicode form are one
    /// name here, as on the file systems of macOS and Windows.
    fn folds_names(&self) -> bool {
        false
    }

    /// How many reads and writes at once this store can make use of now. It
    /// may change at any time, as when a server asks to slow down.
    fn parallelism(&self) -> usize {
        usize::MAX
    }

    /// How many bytes have to be in flight to keep the connection to this store
    /// busy: its bandwidth times its latency, as far as they have been measured. 0
    /// where it answers at once, or nothing is known.
    fn bandwidth_delay(&self) -> u64 {
        0
    }

    /// How an entry would be dated that is written now; `None` if that is not
    /// known. Of the directory, as if another program wrote it.
    fn present(&self) -> Option<Present> {
        None
    }

    /// Waits until whatever is written from now on is dated at `moment` or
    /// later. If that would take more than [`LONGEST_WAIT`](crate::clock::LONGEST_WAIT),
    /// or cannot be told, it does not wait.
    async fn wait_for(&self, _moment: DateTime<Utc>) {}

    /// How far a clock of the store was set while it was in use: the furthest
    /// change of [`Listing::clock_offset`].
    fn clock_jump(&self) -> Option<TimeDelta> {
        None
    }

    /// The entry as it is now; `None` if it is not there.
    async fn stat(&self, key: &Key) -> Result<Option<Entry>>;

    /// As [`Store::stat`], with the modification time as a listing tells it,
    /// which may be finer than what the store tells elsewhere.
    async fn relist(&self, key: &Key) -> Result<Option<Entry>> {
        self.stat(key).await
    }

    /// Whether nothing is under `key`: neither an entry nor something, at or
    /// above it, that a listing skips and that may hide one.
    ///
    /// # Errors
    /// `Blocked` where a listing would skip something there, so that nothing
    /// may be concluded; those of [`Store::stat`].
    async fn lacks(&self, key: &Key) -> Result<bool> {
        Ok(self.stat(key).await?.is_none())
    }

    /// Whether there is an entry at `key`, or something that a listing skips and that may hide
    /// entries: what may reach over the end of a key range.
    async fn has_at(&self, key: &Key) -> Result<bool> {
        match self.lacks(key).await {
            Err(error) if error.kind() == ErrorKind::Blocked => Ok(true),
            lacks => Ok(!lacks?),
        }
    }

    /// The sum of the whole content of `entry` that the store keeps, of whatever
    /// algorithm; `None` where it keeps none that can be computed from the
    /// content. It costs no reading, but may cost a request.
    ///
    /// # Errors
    /// `Changed` or `NotFound` when that version is no longer there.
    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        let Some(now) = self.stat(&entry.key).await? else {
            let message = format!("'{}' has vanished since it was listed", entry.key);
            return Err(StoreError::new(ErrorKind::NotFound, message));
        };
        if self.is_unchanged(entry, &now).await {
            return Ok(None);
        }
        let message = format!("'{}' has changed since it was listed", entry.key);
        Err(StoreError::new(ErrorKind::Changed, message))
    }

    /// Whether `now`, which is what a look at `seen` showed, is still that
    /// version. A store that finds that it cannot rely on its revisions may do
    /// without a part of them.
    async fn is_unchanged(&self, seen: &Entry, now: &Entry) -> bool {
        seen.is_same_version(now)
    }

    /// Whether `now` may be `before` with nothing but bytes added at its end,
    /// as far as that can be told without reading. Where it cannot, it is not.
    fn has_grown(&self, _before: &Entry, _now: &Entry) -> bool {
        false
    }

    /// As [`Store::read`], of an entry that may have grown since
    /// ([`Store::has_grown`]): what it has in `range` now.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    async fn read_grown(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        self.read(entry, range).await
    }

    /// Whether a write under `key` may succeed, as far as earlier failures tell;
    /// it is asked before anything is read for it. It costs no request.
    ///
    /// # Errors
    /// `Unwritable` where nothing can be written any more.
    async fn may_write(&self, _key: &Key) -> Result<()> {
        Ok(())
    }

    /// The bytes of `range` of the version that `entry` describes, exactly as
    /// many as asked for, in chunks as they arrive.
    ///
    /// # Errors
    /// `Changed` or `NotFound` when that version is no longer there. `Corrupt`
    /// when the store keeps a checksum, the range is the whole entry and the
    /// bytes do not match. Each may also be the last item of the chunks.
    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks>;

    /// Whether [`Store::read`] sends chunks as they arrive, so that a range of any
    /// length takes little memory. Otherwise it may hold the whole range; and it may
    /// hold one that covers the whole entry in any case, to verify it first.
    fn reads_in_chunks(&self) -> bool {
        false
    }

    /// Whether a [`Writer`] of this store writes each chunk of a part as it
    /// arrives. Otherwise it holds the whole part in memory, so that it can be
    /// sent again.
    fn writes_in_place(&self) -> bool {
        false
    }

    /// Writes an entry of one part. As [`Store::write`], then one part, then
    /// commit, at the price of one request.
    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()>;

    /// Begins to write an entry in parts of `part_size` bytes, the last one
    /// shorter. Nothing is seen under the key before the commit.
    ///
    /// If at the commit something else than `expected` is there, the write
    /// fails with `Changed` and leaves it alone.
    async fn write(
        &self,
        entry: &NewEntry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>>;

    /// Deletes `entries`, each only if it is still the version described, and
    /// returns one result for each, in their order. An entry that is already
    /// gone counts as deleted.
    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>>;
}

/// A write under way. Dropped without commit or abort, it must never become
/// visible; it may leave rubbish that a later run removes.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Writer: Send + Sync {
    /// Writes one part at `offset` bytes, and returns the sum of what it has
    /// written. Parts may come in any order and concurrently.
    ///
    /// # Errors
    /// The error with which `body` ends, and those of writing.
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64>;

    /// Makes the whole entry visible at once, with the modification time of
    /// the entry where the store can set one.
    ///
    /// # Errors
    /// `Corrupt` if `checksum` is not the sum of the whole, or parts are missing;
    /// `Changed` if something else than expected is there. Nothing is visible
    /// then.
    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()>;

    /// Gives up and removes what was written. Failures to do so are ignored:
    /// a later run cleans up.
    async fn abort(self: Box<Self>);
}

/// Deletes `batch` from `store`: each entry with its result. If the store does
/// not return one result for each, none of them is known.
pub(crate) async fn delete<'b>(
    store: &dyn Store,
    batch: &'b [Entry],
) -> impl Iterator<Item = (&'b Entry, Result<()>)> + use<'b> {
    let results = store.delete(batch).await;
    let is_complete = results.len() == batch.len();
    let mut results = results.into_iter().filter(move |_| is_complete);
    batch.iter().map(move |entry| {
        let unknown = || {
            let message = format!(
                "cannot delete '{}': the store did not return one result for each entry",
                entry.key
            );
            Err(StoreError::new(ErrorKind::Other, message))
        };
        (entry, results.next().unwrap_or_else(unknown))
    })
}
