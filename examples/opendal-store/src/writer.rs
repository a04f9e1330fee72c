//! Parts in any order onto a writer of `opendal`, which takes bytes in order.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use futures::lock::Mutex;
use sync_core::{Expected, Key, NewEntry, Result, Writer, checksum::Crc64, store::Chunks};

use crate::OpendalStore;
use crate::error::{corrupt, failed};

/// A write under way. Parts that come before their turn wait in memory; the
/// executor sends them nearly in order.
pub(crate) struct PartWriter {
    store: OpendalStore,
    key: Key,
    size: u64,
    expected: Expected,
    progress: Mutex<Progress>,
}

struct Progress {
    writer: opendal::Writer,
    /// How many bytes were written, and their sum.
    written: u64,
    sum: Crc64,
    waiting: BTreeMap<u64, Bytes>,
}

impl PartWriter {
    pub(crate) fn new(
        store: OpendalStore,
        entry: &NewEntry,
        expected: &Expected,
        writer: opendal::Writer,
    ) -> Self {
        let progress = Progress {
            writer,
            written: 0,
            sum: Crc64::EMPTY,
            waiting: BTreeMap::new(),
        };
        Self {
            store,
            key: entry.key.clone(),
            size: entry.size,
            expected: expected.clone(),
            progress: Mutex::new(progress),
        }
    }
}

#[async_trait]
impl Writer for PartWriter {
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64> {
        let body = body.bytes().await?;
        let sum = Crc64::of(&body);
        let mut progress = self.progress.lock().await;
        progress.waiting.insert(offset, body);
        let mut next = progress.written;
        while let Some(body) = progress.waiting.remove(&next) {
            let (len, sum) = (body.len() as u64, Crc64::of(&body));
            let written = progress.writer.write(body).await;
            written.map_err(|error| failed("write", &self.key, error))?;
            progress.sum = progress.sum.then(sum, len);
            next += len;
            progress.written = next;
        }
        Ok(sum)
    }

    async fn commit(self: Box<Self>, checksum: Crc64) -> Result<()> {
        let mut progress = self.progress.into_inner();
        let checked = if progress.written != self.size {
            let why = format!("has {} of {} bytes", progress.written, self.size);
            Err(corrupt(&self.key, &why))
        } else if progress.sum != checksum {
            let why = "the parts do not add up to the checksum of the whole";
            Err(corrupt(&self.key, why))
        } else {
            self.store.look(&self.key, &self.expected).await.map(|_| ())
        };
        if let Err(error) = checked {
            // What cannot be removed is rubbish, which the service cleans up.
            let _ = progress.writer.abort().await;
            return Err(error);
        }
        let closed = progress.writer.close().await.map(|_| ());
        closed.map_err(|error| failed("write", &self.key, error))
    }

    async fn abort(self: Box<Self>) {
        let _ = self.progress.into_inner().writer.abort().await;
    }
}
