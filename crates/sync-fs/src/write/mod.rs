//! Writing a file: a temporary in the same directory takes the bytes and the
//! time, then it is committed.
//!
//! Nothing is seen under the key before the commit, and every way out but a
//! successful commit removes the temporary. A regular file that is replaced
//! leaves its permission bits to its successor, and where that is allowed its
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
use sync_core::{Crc64, Entry, Expected, Result, Writer};

use crate::blocking::blocking;
use crate::directory::Directory;

use commit::commit;
use unfinished::Unfinished;

/// Writes a file whose bytes are all at hand.
pub(crate) async fn put(
    shared: &Arc<Directory>,
    entry: Entry,
    body: Bytes,
    checksum: Crc64,
    expected: Expected,
) -> Result<()> {
    let for_work = Arc::clone(shared);
    commit(shared, move || {
        let file = Unfinished::create(&for_work, entry)?;
        file.write(0, &body, checksum)?;
        file.finish(&for_work.notes, checksum, expected)
    })
    .await
}

/// Begins to write a file in parts.
pub(crate) async fn begin(
    shared: &Arc<Directory>,
    entry: Entry,
    expected: Expected,
) -> Result<Box<dyn Writer>> {
    let for_work = Arc::clone(shared);
    let file = blocking(move || {
        let file = Unfinished::create(&for_work, entry)?;
        file.reserve()?;
        Ok(Arc::new(file))
    })
    .await?;
    Ok(Box::new(FsWriter {
        shared: Arc::clone(shared),
        file,
        expected,
    }))
}

/// A file being written in parts. Dropped, it takes its temporary along.
#[derive(Debug)]
struct FsWriter {
    shared: Arc<Directory>,
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
        self.shared.noted(&self.file.entry.key, written)
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        let (file, expected) = (Arc::clone(&self.file), self.expected.clone());
        let shared = Arc::clone(&self.shared);
        let finish = move || file.finish(&shared.notes, checksum, expected);
        let committed = commit(&self.shared, finish).await;
        self.shared.noted(&self.file.entry.key, committed)
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
