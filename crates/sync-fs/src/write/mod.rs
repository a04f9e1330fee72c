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
use futures::future::{BoxFuture, FutureExt, Shared, ready, try_join};
use futures::stream::TryStreamExt;
use rustix::io::Errno;
use sync_core::{Expected, NewEntry, Result, Writer, checksum::Crc64, store::Chunks};
use tokio::runtime::Handle;

use crate::directory::Directory;
use crate::sys::errno::Sys;

use commit::commit;
use unfinished::{Part, Space, Unfinished};

/// Writes a file whose bytes are all in memory.
pub(crate) async fn put(
    directory: &Arc<Directory>,
    entry: NewEntry,
    body: Bytes,
    checksum: Crc64,
    expected: Expected,
) -> Result<()> {
    let inner = Arc::clone(directory);
    commit(directory, move || {
        let file = Unfinished::create(&inner, entry, &expected)?;
        let mut part = Unfinished::part(0);
        file.write(&mut part, &[body])?;
        file.end(part);
        file.finish(&inner.shortfalls, checksum, expected)
    })
    .await
}

/// Starts to write a file in parts.
pub(crate) async fn begin(
    directory: &Arc<Directory>,
    entry: NewEntry,
    expected: Expected,
) -> Result<Box<dyn Writer>> {
    let (inner, seen) = (Arc::clone(directory), expected.clone());
    let create = move || {
        let file = Unfinished::create(&inner, entry, &seen)?;
        let space = file.space();
        Ok((Arc::new(file), space))
    };
    let (file, space) = directory.jobs.run(create).await?;
    let reserved = match space {
        Space::AmpleMemory => ready(Ok(())).boxed().shared(),
        Space::Ample | Space::Scarce => reserve(&file),
    };
    let writer = FsWriter {
        directory: Arc::clone(directory),
        reserved,
        file,
        expected,
    };
    if space == Space::Scarce {
        // Nothing is fetched for a file that does not fit.
        writer.has_space().await?;
    }
    Ok(Box::new(writer))
}

/// Whether the space for a file could be taken.
type Reserved = Shared<BoxFuture<'static, Sys<()>>>;

/// Takes the space for `file` while its first bytes are on their way: that may take longer
/// than they do.
fn reserve(file: &Arc<Unfinished>) -> Reserved {
    let Ok(runtime) = Handle::try_current() else {
        return ready(Err(Errno::CANCELED)).boxed().shared();
    };
    let file = Arc::clone(file);
    let reserved = runtime.spawn_blocking(move || file.reserve());
    let reserved = reserved.map(|ended| ended.unwrap_or(Err(Errno::CANCELED)));
    reserved.boxed().shared()
}

/// What is gathered before it is written, in bytes: a hop to a thread that may
/// block costs as much as to write some 50 KiB.
const BATCH: usize = 512 << 10;

/// The next chunks that are written by one call; none at the end.
async fn next_batch(body: &mut Chunks) -> Result<Vec<Bytes>> {
    let (mut batch, mut len) = (Vec::new(), 0);
    while len < BATCH
        && let Some(chunk) = body.try_next().await?
    {
        len += chunk.len();
        batch.push(chunk);
    }
    Ok(batch)
}

/// A file being written in parts. Dropping it removes its temporary.
#[derive(Debug)]
struct FsWriter {
    directory: Arc<Directory>,
    file: Arc<Unfinished>,
    reserved: Reserved,
    expected: Expected,
}

impl FsWriter {
    /// Waits until the space for the file is taken.
    async fn has_space(&self) -> Result<()> {
        let reserved = self.reserved.clone().await;
        reserved.map_err(|errno| self.file.cannot_write(errno))
    }

    async fn write(&self, mut part: Part, batch: Vec<Bytes>) -> Result<Part> {
        let (file, pieces) = (Arc::clone(&self.file), batch.clone());
        let written = self.directory.jobs.run_unmeasured(move || {
            file.write(&mut part, &pieces)?;
            Ok(part)
        });
        let written = written.await;
        // Freed by the thread that allocated it: else its memory would stay
        // with that one's allocator for long.
        drop(batch);
        self.directory.record_failure(&self.file.entry.key, written)
    }
}

#[async_trait]
impl Writer for FsWriter {
    /// Writes a batch of chunks while the next one arrives.
    async fn part(&self, offset: u64, mut body: Chunks) -> Result<Crc64> {
        let mut part = Unfinished::part(offset);
        let mut batch = next_batch(&mut body).await?;
        self.directory
            .record_failure(&self.file.entry.key, self.has_space().await)?;
        while !batch.is_empty() {
            (part, batch) = try_join(self.write(part, batch), next_batch(&mut body)).await?;
        }
        Ok(self.file.end(part))
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
        let discard = move || {
            file.temporary.discard();
            Ok(())
        };
        let _ = self.directory.jobs.run(discard).await;
    }
}
