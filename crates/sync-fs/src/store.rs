//! [`FsStore`]: a directory as a [`Store`].
//!
//! The work itself blocks, so each call is one hop to a thread for
//! blocking work (`jobs`); the modules beside this one do it, in plain functions.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use sync_core::{
    Entry, ErrorKind, Expected, Key, KeyRange, NewEntry, Result, Selection, Store, StoreError,
    Writer,
    checksum::Crc64,
    clock::{LONGEST_WAIT, Present},
    store::{Chunks, KeyProblem, Level, Listing},
    text::printable,
};

use crate::delete;
use crate::directory::Directory;
use crate::error::{cannot_open, failed};
use crate::list;
use crate::options::FsOptions;
use crate::read;
use crate::read::cached;
use crate::restore_mark::name::is_mark;
use crate::stat::Found;
use crate::sys::case;
use crate::sys::meta::Meta;
use crate::sys::path::split;
use crate::sys::precision;
use crate::trash::{Kept, Trash};
use crate::write;
use crate::write::shortfalls::without_sync;

/// Longest file name of the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// A directory tree as a store of files.
///
/// Empty directories do not exist for it. Missing directories are made where a
/// file needs them; none is removed but one that holds nothing but empty
/// directories and stands where a file must go.
///
/// Its methods need a tokio runtime.
///
/// ```
/// use std::sync::Arc;
///
/// use futures::StreamExt;
/// use sync_core::Store;
/// use sync_fs::{FsOptions, FsStore};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("a.txt"), "hello")?;
/// let store = FsStore::open(dir.path(), FsOptions::default())?;
/// assert_eq!(store.list(&Arc::default()).await.entries.count().await, 1);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct FsStore {
    pub(crate) directory: Arc<Directory>,
}

impl FsStore {
    /// The directory `root`, which must exist. A link at its own name is
    /// followed, now and never again.
    ///
    /// # Errors
    /// `RootMissing` if it does not exist or is no directory, `Denied` if it
    /// may not be read.
    pub fn open(root: &Path, options: FsOptions) -> Result<Self> {
        let store = Self::new(root, options);
        store
            .directory
            .root
            .open()
            .map_err(|errno| cannot_open(root, errno))?;
        Ok(store)
    }

    /// As [`FsStore::open`], but a missing `root` is an empty store, and is
    /// made, with its parents, by the first write. Nothing is made before.
    ///
    /// # Errors
    /// `RootMissing` if it is no directory, `Denied` if it may not be read.
    pub fn open_or_absent(root: &Path, options: FsOptions) -> Result<Self> {
        let store = Self::new(root, options);
        store.directory.exists()?;
        Ok(store)
    }

    /// The same store, which keeps what it replaces or removes: moved into a
    /// directory of its own below `trash`, called `name` if that is free. That
    /// is made when there is something to keep.
    ///
    /// To be called before anything else.
    ///
    /// # Errors
    /// If `trash` is on another file system, or inside the root where
    /// `selection` does not exclude it, or cannot be examined.
    pub fn with_trash(mut self, trash: &Path, name: String, selection: &Selection) -> Result<Self> {
        let root = self.directory.root.path().to_owned();
        let detector = Arc::clone(&self.directory.detector);
        let trash = Trash::new(trash, name, &root, selection, detector)?;
        if let Some(directory) = Arc::get_mut(&mut self.directory) {
            directory.trash = Some(trash);
            return Ok(self);
        }
        let why = "the trash must be set before the store is used";
        Err(StoreError::new(ErrorKind::Other, why))
    }

    /// What the trash holds of this run, if it holds anything.
    #[must_use]
    pub fn kept(&self) -> Option<Kept> {
        self.directory.trash.as_ref()?.kept()
    }

    /// What the file system did not allow, though the run continued: one sentence
    /// for each kind, with its count, for the end of a run.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.directory.shortfalls.sentences();
        warnings.extend(self.directory.detector.warnings());
        if self.directory.syncer.lacks_sync() {
            warnings.push(without_sync());
        }
        warnings
    }

    /// Makes the root and its parents, where they are missing. The first write
    /// does so as well; called beforehand, a failure is reported once.
    ///
    /// # Errors
    /// Those of making a directory.
    pub async fn make_root(&self) -> Result<()> {
        let directory = Arc::clone(&self.directory);
        self.run(move || {
            directory.create_root()?;
            directory.unwritable.check_mount(&directory.root);
            Ok(())
        })
        .await
    }

    /// The directories, relative to the root, in which the last complete
    /// listing found the mark of an unfinished restore; empty for the root
    /// itself. Files that the restore has not written yet are missing there,
    /// and must not be treated as deleted.
    #[must_use]
    pub fn unfinished_restores(&self) -> Vec<String> {
        self.directory.unfinished_restores()
    }

    /// Puts the mark of an unfinished restore into the root, which must exist,
    /// and on disk (see [`restore_mark`](crate::restore_mark())).
    ///
    /// # Errors
    /// Those of writing the file.
    pub async fn write_restore_mark(&self, text: Vec<u8>) -> Result<()> {
        let directory = Arc::clone(&self.directory);
        self.run(move || directory.write_restore_mark(&text)).await
    }

    /// Removes the mark from the root, if there is one.
    ///
    /// # Errors
    /// Those of removing the file.
    pub async fn remove_restore_mark(&self) -> Result<()> {
        let directory = Arc::clone(&self.directory);
        self.run(move || directory.remove_restore_mark()).await
    }

    fn new(root: &Path, options: FsOptions) -> Self {
        Self {
            directory: Arc::new(Directory::new(root, options)),
        }
    }

    /// Runs `work` on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.directory.jobs.run(work).await
    }
}

#[async_trait]
impl Store for FsStore {
    fn location(&self) -> String {
        printable(&self.directory.root.path().to_string_lossy())
    }

    /// Does not look into a directory in which `selection` selects no name, and
    /// at nothing but the sizes and times of files that it does not select.
    async fn list(&self, selection: &Arc<Selection>) -> Listing {
        self.list_range(selection, &KeyRange::default()).await
    }

    /// As [`FsStore::list`](Store::list), and does not look into a directory below which no
    /// key is in `range`. Of a key list, only the named keys and directories are looked at.
    async fn list_range(&self, selection: &Arc<Selection>, range: &KeyRange) -> Listing {
        let (directory, selection) = (Arc::clone(&self.directory), Arc::clone(selection));
        Listing::new(list::list(directory, selection, range.clone()))
    }

    async fn level(&self, directory: &str, _names: usize) -> Result<Level> {
        let (store, path) = (Arc::clone(&self.directory), directory.to_owned());
        self.run(move || {
            Ok(if store.exists()? {
                list::level_of(&store.root, &path)
            } else {
                Level::default()
            })
        })
        .await
    }

    fn accepts(&self, key: &Key) -> Result<(), KeyProblem> {
        let mut segments = key.as_str().split('/');
        if segments.any(|segment| segment.len() > LONGEST_NAME) {
            return Err(KeyProblem::SegmentTooLong {
                limit: LONGEST_NAME,
            });
        }
        if is_mark(split(key.as_str().as_bytes()).1) {
            return Err(KeyProblem::Reserved);
        }
        Ok(())
    }

    fn folds_names(&self) -> bool {
        case::folds_names(self.directory.root.path())
    }

    fn present(&self) -> Option<Present> {
        Some(Present {
            earliest: self.directory.root.precision().earliest(),
            latest: precision::now(),
            least_lead: TimeDelta::zero(),
            most_lead: TimeDelta::zero(),
            unit: self.directory.root.precision().unit(),
        })
    }

    async fn wait_for(&self, moment: DateTime<Utc>) {
        let wait = self.directory.root.precision().until(moment);
        if TimeDelta::from_std(wait).is_ok_and(|wait| wait <= LONGEST_WAIT) {
            tokio::time::sleep(wait).await;
        }
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        if let Some(entry) = cached::stat(&self.directory, key) {
            return Ok(Some(entry));
        }
        let (directory, key) = (Arc::clone(&self.directory), key.clone());
        self.run(move || {
            if !directory.exists()? {
                return Ok(None);
            }
            directory
                .stat(&key)
                .map_err(|errno| failed(format!("cannot examine '{key}'"), errno))
        })
        .await
    }

    async fn lacks(&self, key: &Key) -> Result<bool> {
        if cached::stat(&self.directory, key).is_some() {
            return Ok(false);
        }
        let (directory, key) = (Arc::clone(&self.directory), key.clone());
        self.run(move || {
            if !directory.exists()? {
                return Ok(true);
            }
            match directory.find(&key) {
                Ok(Found::Entry(_)) => Ok(false),
                Ok(Found::Nothing) => Ok(true),
                Ok(Found::Skipped(what)) => Err(StoreError::new(
                    ErrorKind::Blocked,
                    format!("'{key}' {what} in the source now; the deletion is skipped"),
                )),
                Err(errno) => Err(failed(format!("cannot examine '{key}'"), errno)),
            }
        })
        .await
    }

    /// Below a directory that cannot be entered, there is nothing that a listing does not skip
    /// together with that directory, whatever range it is of.
    async fn has_at(&self, key: &Key) -> Result<bool> {
        match self.lacks(key).await {
            Err(error) if error.kind() == ErrorKind::Blocked => Ok(true),
            Err(error) if error.kind() == ErrorKind::Denied => Ok(false),
            lacks => Ok(!lacks?),
        }
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        if let Some(bytes) = cached::read(&self.directory, entry, &range) {
            return Ok(bytes.into());
        }
        let (directory, entry) = (Arc::clone(&self.directory), entry.clone());
        let buffer = read::buffer(&entry, &range)?;
        let bytes = self
            .run(move || read::read(&directory, &entry, &range, buffer))
            .await;
        bytes.map(Chunks::from)
    }

    async fn read_grown(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let (directory, entry) = (Arc::clone(&self.directory), entry.clone());
        let buffer = read::buffer(&entry, &range)?;
        let bytes = self
            .run(move || read::read_grown(&directory, &entry, &range, buffer))
            .await;
        bytes.map(Chunks::from)
    }

    async fn is_unchanged(&self, seen: &Entry, now: &Entry) -> bool {
        if self.directory.detector.is_same_version(seen, now) {
            return true;
        }
        if seen.size != now.size || seen.modified != now.modified {
            return false;
        }
        let (directory, seen) = (Arc::clone(&self.directory), seen.clone());
        let look = self.run(move || {
            let path = seen.key.as_str().as_bytes();
            let found = directory
                .root
                .parent(path)
                .and_then(|(dir, leaf)| Meta::at(dir, leaf));
            Ok(found.is_ok_and(|meta| directory.detector.is_version_rechecked(path, &meta, &seen)))
        });
        look.await.unwrap_or(false)
    }

    fn has_grown(&self, before: &Entry, now: &Entry) -> bool {
        self.directory.detector.has_grown(before, now)
    }

    async fn may_write(&self, key: &Key) -> Result<()> {
        self.directory.unwritable.check(&self.directory.root, key)
    }

    fn writes_in_place(&self) -> bool {
        true
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        let (given, expected) = (entry.clone(), expected.clone());
        let written = write::put(&self.directory, given, body, checksum, expected).await;
        self.directory.record_failure(&entry.key, written)
    }

    async fn write(
        &self,
        entry: &NewEntry,
        _part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        let begun = write::begin(&self.directory, entry.clone(), expected.clone()).await;
        self.directory.record_failure(&entry.key, begun)
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        delete::delete(&self.directory, entries.to_vec()).await
    }
}
