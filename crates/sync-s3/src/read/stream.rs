//! A part of an object, handed over as it arrives.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::stream;
use sync_core::{Entry, Result, store::Chunks};

use crate::bucket::Bucket;
use crate::client::retry::pause;
use crate::error::cause_chain::last_cause;
use crate::error::{Origin, origin_of_body};
use crate::read::version::{Known, Unusable, Version, broken, too_long};

/// After so many bytes a body that breaks has its attempts again: a long part
/// may break more often than a short one.
const BYTES_PER_BREAK: u64 = 8 << 20;

/// Begins to read `range` of the version that `entry` describes: its headers
/// have been checked when this returns.
pub(super) async fn read(bucket: &Arc<Bucket>, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
    let mut part = Part {
        bucket: Arc::clone(bucket),
        entry: entry.clone(),
        wanted: range.end - range.start,
        missing: range,
        known: Known::default(),
        body: None,
        attempts: 0,
        since_break: 0,
    };
    part.open().await?;
    Ok(Chunks::new(stream::try_unfold(part, |mut part| async {
        let chunk = part.next().await?;
        Ok(chunk.map(|chunk| (chunk, part)))
    })))
}

/// A part that is being read.
struct Part {
    bucket: Arc<Bucket>,
    entry: Entry,
    /// How many bytes it has.
    wanted: u64,
    /// What has not been handed over.
    missing: Range<u64>,
    known: Known,
    /// The body of the answer that is being read.
    body: Option<ByteStream>,
    /// Answers that broke.
    attempts: u32,
    /// Bytes that came since the last one broke.
    since_break: u64,
}

impl Part {
    /// Asks for what is missing.
    async fn open(&mut self) -> Result<()> {
        let mut version = Version {
            bucket: &self.bucket,
            entry: &self.entry,
            known: std::mem::take(&mut self.known),
        };
        let opened = loop {
            match version.get(&self.missing).await {
                Ok(answer) => break Ok(answer.body),
                Err(Unusable::Altered(error)) if self.is_untouched() => {
                    version.ask_for_coding(error).await?;
                }
                Err(Unusable::Altered(error) | Unusable::Final(error)) => break Err(error),
            }
        };
        self.known = version.known;
        self.body = Some(opened?);
        Ok(())
    }

    /// Whether nothing has been handed over.
    fn is_untouched(&self) -> bool {
        self.left() == self.wanted
    }

    /// How many bytes have not been handed over.
    fn left(&self) -> u64 {
        self.missing.end - self.missing.start
    }

    /// The next chunk; `None` at the end of the part.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let Some(body) = &mut self.body else {
                self.open().await?;
                continue;
            };
            match body.next().await {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => return self.take(chunk).map(Some),
                None if self.missing.is_empty() => return Ok(None),
                None => self.broke(Origin::Network, "it ended".to_owned()).await?,
                // All that was asked for has come.
                Some(Err(_)) if self.missing.is_empty() => return Ok(None),
                Some(Err(error)) => {
                    let cause = last_cause(&error).to_string();
                    self.broke(origin_of_body(&error), cause).await?;
                }
            }
        }
    }

    fn take(&mut self, chunk: Bytes) -> Result<Bytes> {
        let len = chunk.len() as u64;
        if len > self.left() {
            return Err(too_long(&self.entry, self.wanted));
        }
        self.missing.start += len;
        self.since_break += len;
        self.bucket.counters.received(len);
        Ok(chunk)
    }

    /// Waits before the rest is asked for; fails after the last attempt.
    async fn broke(&mut self, origin: Origin, cause: String) -> Result<()> {
        self.body = None;
        if std::mem::take(&mut self.since_break) >= BYTES_PER_BREAK {
            self.attempts = 0;
        }
        self.attempts += 1;
        if self.attempts >= self.bucket.max_attempts {
            let got = self.wanted - self.left();
            let failure = broken(origin, got, self.wanted, &cause);
            return Err(Version::new(&self.bucket, &self.entry).fail(failure));
        }
        tokio::time::sleep(pause(self.attempts)).await;
        Ok(())
    }
}
