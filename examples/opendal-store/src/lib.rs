//! Any service of the crate `opendal` as a store: Google Cloud Storage, Azure,
//! SFTP and some fifty others, mirrored by the same rule as a directory and a
//! bucket.
//!
//! What a service can do in one step is used: conditions of writes and deletions
//! where it has them. Where it has none, this store looks shortly before, and a
//! change in between is not noticed.

mod error;
mod writer;

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::{FutureExt, StreamExt, TryStreamExt};
use opendal::{Metadata, Operator, options};
use sync_core::{
    Entry, ErrorKind, Expected, Key, Listed, NewEntry, Result, Selection, Store, StoreError,
    Writer,
    checksum::Crc64,
    entry::{Revision, SkipCause, Skipped},
    store::{Chunks, KeyProblem, Listing},
};

use error::{changed, corrupt, failed, is_absent};
use writer::PartWriter;

/// What is below the root of an [`Operator`].
#[derive(Debug, Clone)]
pub struct OpendalStore {
    operator: Operator,
}

impl OpendalStore {
    /// The store of `operator`, whose service must show what is written only
    /// when it is closed: object storages do, and `fs` with an `atomic_write_dir`.
    #[must_use]
    pub fn new(operator: Operator) -> Self {
        Self { operator }
    }

    /// What is under the key of an entry now, if `expected` lets it be replaced.
    async fn look(&self, key: &Key, expected: &Expected) -> Result<Option<Entry>> {
        match (expected, self.stat(key).await?) {
            (_, None) => Ok(None),
            (Expected::Version(seen), Some(now)) if seen.is_same_version(&now) => Ok(Some(now)),
            _ => Err(changed(key)),
        }
    }

    /// The condition of a write over `there`, as far as the service has one.
    fn condition(&self, there: Option<&Entry>) -> options::WriteOptions {
        let can = self.operator.info().capability();
        options::WriteOptions {
            if_not_exists: there.is_none() && can.write_with_if_not_exists,
            if_match: there.and_then(etag).filter(|_| can.write_with_if_match),
            ..Default::default()
        }
    }

    async fn delete_one(&self, entry: &Entry) -> Result<()> {
        let key = &entry.key;
        if self.stat(key).await?.is_none() {
            return Ok(());
        }
        self.look(key, &Expected::Version(entry.clone())).await?;
        let can = self.operator.info().capability();
        let condition = options::DeleteOptions {
            if_match: etag(entry).filter(|_| can.delete_with_if_match),
            ..Default::default()
        };
        let deleted = self.operator.delete_options(key.as_str(), condition).await;
        deleted.map_err(|error| failed("delete", key, error))
    }
}

/// The ETag of an entry, which is its revision.
fn etag(entry: &Entry) -> Option<String> {
    let revision = entry.revision.as_ref()?;
    Some(revision.as_str().to_owned())
}

/// A service that keeps no times has entries of 1970, which every file is later
/// than: they are compared by their sizes only if that is asked for.
fn entry(key: Key, metadata: &Metadata) -> Entry {
    let modified = metadata.last_modified().map(SystemTime::from);
    let modified = modified.map_or(DateTime::UNIX_EPOCH, DateTime::from);
    let entry = Entry::new(key, metadata.content_length(), modified);
    match metadata.etag() {
        Some(etag) => entry.with_revision(Revision::new(etag)),
        None => entry,
    }
}

/// `opendal` removes white space at both ends of a path, so that another entry
/// would be read and written.
fn is_changed_by_opendal(path: &str) -> bool {
    path.trim() != path
}

/// What a listing shows of `path`; `None` of a directory, and of an entry that
/// has vanished since.
async fn listed(operator: &Operator, path: &str, metadata: Metadata) -> Result<Option<Listed>> {
    let skipped = |cause, detail: String| {
        Ok(Some(Listed::Skipped(Skipped {
            name: path.to_owned(),
            cause,
            detail,
            link: None,
        })))
    };
    if metadata.is_dir() {
        return Ok(None);
    }
    let key = match Key::new(path) {
        Ok(key) if is_changed_by_opendal(path) => {
            return skipped(
                SkipCause::UnmappableKey,
                format!("'{key}' ends in white space"),
            );
        }
        Ok(key) => key,
        Err(error) => return skipped(SkipCause::UnmappableKey, error.to_string()),
    };
    if metadata.is_file() {
        return Ok(Some(Listed::Entry(entry(key, &metadata))));
    }
    // Some services list names only.
    match operator.stat(path).await {
        Ok(metadata) if metadata.is_file() => Ok(Some(Listed::Entry(entry(key, &metadata)))),
        Ok(metadata) if metadata.is_dir() => Ok(None),
        Ok(_) => skipped(SkipCause::SpecialFile, String::new()),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(failed("look at", &key, error)),
    }
}

#[async_trait]
impl Store for OpendalStore {
    fn location(&self) -> String {
        let info = self.operator.info();
        format!("{}://{}{}", info.scheme(), info.name(), info.root())
    }

    async fn list(&self, _selection: &Arc<Selection>) -> Listing {
        let operator = self.operator.clone();
        let all = options::ListOptions {
            recursive: true,
            ..Default::default()
        };
        let cannot = |error: opendal::Error| {
            StoreError::new(error::kind(&error), "cannot list").with_source(error)
        };
        let entries = match operator.lister_options("", all).await {
            Err(error) => futures::stream::once(async move { Err(cannot(error)) }).boxed(),
            Ok(lister) => lister
                .map_err(cannot)
                .try_filter_map(move |found| {
                    let operator = operator.clone();
                    let (path, metadata) = found.into_parts();
                    async move { listed(&operator, &path, metadata).await }
                })
                .boxed(),
        };
        // What follows an error is not asked for.
        let ends = entries.scan(false, |has_failed, item| {
            let item = (!*has_failed).then_some(item);
            *has_failed = matches!(item, Some(Err(_)));
            futures::future::ready(item)
        });
        Listing::new(ends.boxed())
    }

    fn accepts(&self, key: &Key) -> Result<(), KeyProblem> {
        if is_changed_by_opendal(key.as_str()) {
            let why = "begins or ends with white space, which opendal removes";
            return Err(KeyProblem::Other(why.to_owned()));
        }
        Ok(())
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        match self.operator.stat(key.as_str()).await {
            Ok(metadata) if metadata.is_file() => Ok(Some(entry(key.clone(), &metadata))),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed("look at", key, error)),
        }
    }

    /// Reads, then looks whether it still is that version: few services take a
    /// condition for reading.
    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let key = &entry.key;
        let body = match range.is_empty() {
            true => Ok(Bytes::new()),
            false => {
                let read = self.operator.read_with(key.as_str()).range(range).await;
                read.map(|buffer| buffer.to_bytes())
            }
        };
        match self.stat(key).await? {
            Some(now) if entry.is_same_version(&now) => {}
            Some(_) => return Err(changed(key)),
            None => {
                let message = format!("'{key}' has vanished since it was listed");
                return Err(StoreError::new(ErrorKind::NotFound, message));
            }
        }
        Ok(body.map_err(|error| failed("read", key, error))?.into())
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        let key = &entry.key;
        if Crc64::of(&body) != checksum {
            return Err(corrupt(key, "the content does not match its checksum"));
        }
        let there = self.look(key, expected).await?;
        let condition = self.condition(there.as_ref());
        let written = self.operator.write_options(key.as_str(), body, condition);
        let written = written.await.map(|_| ());
        written.map_err(|error| failed("write", key, error))
    }

    async fn write(
        &self,
        entry: &NewEntry,
        _part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        let key = &entry.key;
        let there = self.look(key, expected).await?;
        let condition = self.condition(there.as_ref());
        let writer = self.operator.writer_options(key.as_str(), condition).await;
        let writer = writer.map_err(|error| failed("write", key, error))?;
        Ok(Box::new(PartWriter::new(
            self.clone(),
            entry,
            expected,
            writer,
        )))
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        let mut deletions = Vec::with_capacity(entries.len());
        for entry in entries {
            deletions.push(self.delete_one(entry).boxed());
        }
        let deletions = futures::stream::iter(deletions).buffered(16);
        deletions.collect().await
    }
}
