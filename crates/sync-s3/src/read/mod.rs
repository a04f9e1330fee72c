//! A range of an object, of exactly the version that was listed.
//!
//! The SDK retries a request until its answer begins, never in the middle of
//! a body. A body that breaks or stalls is therefore continued here by a
//! ranged GET with `If-Match`, so two versions are never mixed (reliability
//! cases 24 and 25). Every length and range in an answer is checked: a server
//! that ignores `Range` must not give wrong bytes.
//!
//! A whole object is collected in memory, because only then it is known that it
//! matches its checksum ([`whole`]). A part of one is handed over as it arrives
//! ([`stream`]); the sum of all parts is compared by the executor.

mod archived;
mod buffer;
pub(crate) mod buffer_pool;
mod stream;
mod version;
mod whole;

use std::ops::Range;
use std::sync::Arc;

use sync_core::{Entry, ErrorKind, Result, store::Chunks};

use crate::bucket::Bucket;
use version::failed;
pub(crate) use whole::read as read_whole;

/// Reads `range` of the version that `entry` describes.
pub(crate) async fn read(bucket: &Arc<Bucket>, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
    if range.start > range.end || range.end > entry.size {
        return Err(failed(entry, ErrorKind::Other).with_source("the range is beyond its end"));
    }
    if range == (0..entry.size) {
        let bytes = whole::read(bucket, entry).await?;
        bucket.counters.received(bytes.len() as u64);
        return Ok(bytes.into());
    }
    if range.is_empty() {
        return Ok(bytes::Bytes::new().into());
    }
    stream::read(bucket, entry, range).await
}
