//! Writing a file: a temporary in the same directory takes the bytes and the
//! time, then it is committed.
//!
//! Nothing is seen under the key before the commit, and everything but a
//! successful commit removes the temporary. A regular file that is replaced
//! passes its permission bits to the new file, and where that is allowed its
//! owner and group.

mod commit;
pub(crate) mod commit_queue;
mod empty_tree;
pub(crate) mod expected;
pub(crate) mod parents;
mod replace;
pub(crate) mod shortfalls;
pub(crate) mod temporary;
mod unfinished;
pub(crate) mod unwritable;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use sync_core::{Entry, Expected, Result, Writer, checksum::Crc64};

use crate::blocking::blocking;
use crate::directory::Directory;

use commit::commit;
use unfinished::Unfinished;

/// Writes a file whose bytes are all in memory.
pub(crate) async fn put(
    directory: &Arc<Directory>,
    entry: Entry,
    body: Bytes,
    checksum: Crc64,
    expected: Expected,
) -> Result<()> {
    let inner = Arc::clone(directory);
    commit(directory, move || {
        let file = Unfinished::create(&inner, entry)?;
        file.write(0, &body, checksum)?;
        file.finish(&inner.shortfalls, checksum, expected)
    })
    .await
}

/// Starts to write a file in parts.
pub(crate) async fn begin(
    directory: &Arc<Directory>,
    entry: Entry,
    expected: Expected,
) -> Result<Box<dyn Writer>> {
    let inner = Arc::clone(directory);
    let file = blocking(move || {
        let file = Unfinished::create(&inner, entry)?;
        file.reserve()?;
        Ok(Arc::new(file))
    })
    .await?;
    Ok(Box::new(FsWriter {
        directory: Arc::clone(directory),
        file,
        expected,
    }))
}

/// A file being written in parts. Dropping it removes its temporary.
#[derive(Debug)]
struct FsWriter {
    directory: Arc<Directory>,
    file: Arc<Unfinished>,
    expected: Expected,
}

#[async_trait]
impl Writer for FsWriter {
    async fn part(&self, offset: u64, body: Bytes, checksum: Crc64) -> Result<()> {
        let (file, bytes) = (Arc::clone(&self.file), body.clone());
        let written = blocking(move || file.write(offset, &bytes, checksum)).await;
        // Freed by the thread that allocated it: else its memory would stay
        // with that one's allocator for long.
        drop(body);
        self.directory.record_failure(&self.file.entry.key, written)
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        let (file, expected) = (Arc::clone(&self.file), self.expected.clone());
        let directory = Arc::clone(&self.directory);
        let finish = move || file.finish(&directory.shortfalls, checksum, expected);
        let committed = commit(&self.directory, finish).await;
        self.directory
            .record_failure(&self.file.entry.key, committed)
    }

    async fn abort(self: Box<Self>) {
        let file = Arc::clone(&self.file);
        // Freeing the blocks of a large file takes its time.
        let _ = blocking(move || {
            file.temporary.discard();
            Ok(())
        })
        .await;
    }
}
