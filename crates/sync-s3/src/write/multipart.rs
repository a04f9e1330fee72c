//! An upload in parts: CreateMultipartUpload, UploadPart, Complete or Abort.
//!
//! Parts may be sent in any order and concurrently; the object is invisible until the
//! commit. A failed commit removes the parts, and a dropped writer tries to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use sync_core::{
    ErrorKind, Expected, NewEntry, Result, StoreError, Writer, checksum::Crc64, store::Chunks,
};

use crate::bucket::Bucket;
use crate::checksum::Content;
use crate::write::complete::Completion;
use crate::write::conditional::ConditionalWrite;
use crate::write::resume::{Kept, resume};
use crate::write::session::{Part, Session};

/// The largest number of a part (User Guide, "Multipart upload limits").
const MAX_PARTS: u64 = 10_000;

/// An upload in parts.
pub(crate) struct Upload {
    session: Arc<Session>,
    expected: Expected,
    size: u64,
    part_size: u64,
    parts: Mutex<BTreeMap<i32, Part>>,
    /// The parts that an earlier run has sent.
    kept: Arc<Kept>,
    /// Whether it is completed or aborted.
    finished: bool,
}

#[async_trait]
impl Writer for Upload {
    async fn part(&self, offset: u64, body: Chunks) -> Result<Crc64> {
        let body = body.bytes().await?;
        let number = part_number(offset, self.part_size)
            .filter(|_| offset + body.len() as u64 <= self.size)
            .ok_or_else(|| {
                let what = format!("has no part at byte {offset}");
                self.error(ErrorKind::Other, what)
            })?;
        let (session, kept) = (Arc::clone(&self.session), Arc::clone(&self.kept));
        let place = session.bucket.lanes.place(body.len() as u64);
        let part = place.run(async move { send(&session, &kept, number, body).await });
        let part = part.await?;
        let checksum = part.checksum;
        self.parts.lock().insert(number, part);
        Ok(checksum)
    }

    async fn commit(mut self: Box<Self>, checksum: Crc64) -> Result<()> {
        let result = self.complete(checksum).await;
        match result {
            Ok(()) => self.session.forget(),
            Err(_) => self.session.abort().await,
        }
        self.finished = true;
        result
    }

    async fn abort(mut self: Box<Self>) {
        self.finished = true;
        self.session.abort().await;
    }
}

impl Upload {
    /// Begins the upload of `entry`, or resumes one.
    pub(crate) async fn begin(
        bucket: &Arc<Bucket>,
        entry: &NewEntry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Self> {
        bucket.refuse_if_key_ignored(&entry.key)?;
        let (session, kept) = match resume(bucket, entry).await {
            Some(found) => found,
            None => (Session::begin(bucket, &entry.key).await?, Kept::default()),
        };
        Ok(Self {
            session: Arc::new(session),
            expected: expected.clone(),
            size: entry.size,
            part_size,
            parts: Mutex::default(),
            kept: Arc::new(kept),
            finished: false,
        })
    }

    fn error(&self, kind: ErrorKind, what: String) -> StoreError {
        StoreError::new(kind, format!("cannot upload '{}'", self.session.key)).with_source(what)
    }

    async fn complete(&self, checksum: Crc64) -> Result<()> {
        if self.size == 0 && self.parts.lock().is_empty() {
            // S3 does not complete an upload without a part.
            self.part(0, Bytes::new().into()).await?;
        }
        let parts = self.parts.lock().clone();
        self.check_whole(&parts, checksum)?;
        let content = Content {
            size: self.size,
            checksum,
        };
        let Session { bucket, key, .. } = &*self.session;
        bucket.refuse_if_key_ignored(key)?;
        let guarded = ConditionalWrite {
            bucket,
            key,
            expected: &self.expected,
            write: Completion::new(&self.session, &parts, content),
        };
        guarded.run().await?;
        let names_key = self.session.names_key.load(Relaxed);
        bucket.check_customer_key(key, names_key).await
    }

    /// Checks that all parts have been sent, and that they have the checksum of the
    /// whole.
    fn check_whole(&self, parts: &BTreeMap<i32, Part>, checksum: Crc64) -> Result<()> {
        let mut sum = Crc64::EMPTY;
        let mut end = 0;
        for part in parts.values() {
            sum = sum.then(part.checksum, part.len);
            end += part.len;
        }
        let full = self.size.div_ceil(self.part_size).max(1);
        if end != self.size || parts.len() as u64 != full {
            let what = format!("lacks parts: {end} of {} bytes", self.size);
            return Err(self.error(ErrorKind::Corrupt, what));
        }
        if sum != checksum {
            let what = "the parts do not add up to the checksum of the whole";
            return Err(self.error(ErrorKind::Corrupt, what.to_owned()));
        }
        Ok(())
    }
}

impl Drop for Upload {
    /// Aborts an upload that is neither committed nor aborted, without waiting. If there
    /// is no runtime any more, the next run removes the parts.
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let session = Arc::clone(&self.session);
            runtime.spawn(async move { session.abort().await });
        }
    }
}

/// Sends a part, unless an earlier run has.
async fn send(session: &Session, kept: &Kept, number: i32, body: Bytes) -> Result<Part> {
    let checksum = Crc64::of(&body);
    let len = body.len() as u64;
    let answer = if let Some(answer) = kept.part(number, len, checksum) {
        session.bucket.resumed.fetch_add(len, Relaxed);
        answer
    } else {
        session.bucket.refuse_if_key_ignored(&session.key)?;
        let sent = session.send_part(number, body, checksum).await;
        sent.map_err(|failure| session.fail(failure))?
    };
    Ok(Part {
        answer,
        len,
        checksum,
    })
}

/// S3 counts parts from 1. `None` for an offset at which no part begins.
fn part_number(offset: u64, part_size: u64) -> Option<i32> {
    if !offset.is_multiple_of(part_size) || offset / part_size >= MAX_PARTS {
        return None;
    }
    i32::try_from(offset / part_size + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_from_one_to_ten_thousand() {
        assert_eq!(part_number(0, 8), Some(1));
        assert_eq!(part_number(8, 8), Some(2));
        assert_eq!(part_number(9, 8), None);
        assert_eq!(part_number(8 * 9_999, 8), Some(10_000));
        assert_eq!(part_number(8 * 10_000, 8), None);
    }
}
