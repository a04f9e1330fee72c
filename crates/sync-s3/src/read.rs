//! A range of an object, of exactly the version that was listed.
//!
//! The SDK retries a request until its answer begins, never in the middle of
//! a body. A body that breaks or stalls is therefore continued here by a
//! ranged GET with `If-Match`, so two versions are never mixed (reliability
//! cases 24 and 25). Every length and range in an answer is checked: a server
//! that ignores `Range` must not give wrong bytes.
//!
//! Checksums: a whole object that comes in one go is verified by the SDK,
//! whatever sum it carries. One that was continued is verified here by its
//! CRC64NVME; if it carries only another sum, it is read from its start
//! instead of being continued.

use std::ops::Range;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sync_core::{Crc64, Entry, ErrorKind, Result, StoreError, is_same_time};

use crate::archive;
use crate::buffer::Buffer;
use crate::checksum::{self, bare};
use crate::clock;
use crate::error::{Attempted, Failure, Origin, is_checksum_mismatch, origin_of_body};
use crate::guard::{changed, pause};
use crate::options::Conditions;
use crate::store::Bucket;

/// How often an object that arrived damaged is read again.
const REREADS: u32 = 2;

pub(crate) async fn read(bucket: &Bucket, entry: &Entry, range: Range<u64>) -> Result<Bytes> {
    let len = range.end.checked_sub(range.start);
    let (Some(len), true) = (len, range.end <= entry.size) else {
        return Err(failed(entry, ErrorKind::Other).with_source("the range is beyond its end"));
    };
    if len == 0 && entry.size > 0 {
        return Ok(Bytes::new());
    }
    let Ok(len) = usize::try_from(len) else {
        return Err(failed(entry, ErrorKind::Other).with_source("the range exceeds the memory"));
    };
    Reading {
        bucket,
        entry,
        whole: len as u64 == entry.size,
        range,
        got: Buffer::new(&bucket.buffers, len),
        continued: false,
        sum: Sum::Unknown,
    }
    .run()
    .await
}

fn failed(entry: &Entry, kind: ErrorKind) -> StoreError {
    StoreError::new(kind, format!("cannot download '{}'", entry.key))
}

/// One read under way.
struct Reading<'a> {
    bucket: &'a Bucket,
    entry: &'a Entry,
    range: Range<u64>,
    /// Whether the range is the whole object.
    whole: bool,
    got: Buffer,
    /// Whether more than one answer contributed.
    continued: bool,
    sum: Sum,
}

/// What the object's checksum allows.
#[derive(Clone, Copy)]
enum Sum {
    /// There is none, so there is nothing to verify.
    Unknown,
    Crc64(Crc64),
    /// One that only the SDK can verify, and only over the whole body.
    Other,
}

/// Why an attempt did not bring the rest.
enum Broken {
    /// It makes no sense to go on.
    Final(StoreError),
    /// The bytes that came do not match their checksum.
    Damaged,
    /// The body stopped midway.
    Midway(Failure),
}

impl Reading<'_> {
    async fn run(mut self) -> Result<Bytes> {
        let mut attempts = 0;
        let mut rereads = 0;
        loop {
            let broken = match self.attempt().await {
                Ok(()) if self.matches() => return Ok(self.got.into_bytes()),
                Ok(()) => Broken::Damaged,
                Err(broken) => broken,
            };
            attempts += 1;
            match broken {
                Broken::Final(error) => return Err(error),
                Broken::Damaged if rereads < REREADS => {
                    rereads += 1;
                    self.restart();
                }
                Broken::Damaged => {
                    return Err(failed(self.entry, ErrorKind::Corrupt)
                        .with_source("its bytes do not match the checksum kept with it"));
                }
                Broken::Midway(failure) if attempts >= self.bucket.max_attempts => {
                    return Err(self.fail(failure));
                }
                Broken::Midway(_) => {
                    if matches!(self.sum, Sum::Other) {
                        self.restart();
                    }
                }
            }
            tokio::time::sleep(pause(attempts)).await;
        }
    }

    fn restart(&mut self) {
        self.got.clear();
        self.continued = false;
    }

    /// One request, for all that is still missing.
    async fn attempt(&mut self) -> Result<(), Broken> {
        if self.got.is_full() && self.entry.size > 0 {
            return Ok(());
        }
        self.continued = !self.got.is_empty();
        let from = self.range.start + self.got.len() as u64;
        let answer = self.open(from).await.map_err(Broken::Final)?;
        self.check(&answer, from)?;
        if !self.continued {
            self.sum = sum_of(&answer);
        }
        self.collect(answer.body).await
    }

    async fn open(&self, from: u64) -> Result<GetObjectOutput> {
        let bucket = self.bucket;
        let at_once = self.whole && from == 0;
        let revision = self.entry.revision.as_ref();
        let if_match = revision.filter(|_| bucket.conditions == Conditions::Server);
        bucket
            .client
            .get_object()
            .bucket(bucket.location.bucket())
            .key(bucket.key_label(&self.entry.key))
            .set_if_match(if_match.map(|etag| etag.as_str().to_owned()))
            // The sum is that of the whole, so only a whole body can be verified.
            .set_checksum_mode(bucket.checksum_mode().filter(|_| at_once))
            .set_range((!at_once).then(|| format!("bytes={from}-{}", self.range.end - 1)))
            .send()
            .await
            .map_err(|error| {
                let failure = Failure::from(&error);
                if failure.is_precondition() || failure.status == Some(416) {
                    changed(&self.entry.key, "it is not the version that was listed")
                } else if failure.kind() == ErrorKind::Archived {
                    let why = error.as_service_error();
                    let hint = archive::hint(bucket, &self.entry.key, why);
                    self.fail(failure).with_hint(hint)
                } else {
                    self.fail(failure)
                }
            })
    }

    /// Whether the answer is what was asked for, of the version listed.
    fn check(&self, answer: &GetObjectOutput, from: u64) -> Result<(), Broken> {
        if !self.is_version(answer) {
            let why = "it is not the version that was listed";
            return Err(Broken::Final(changed(&self.entry.key, why)));
        }
        let expected = self.range.end - from;
        let len = answer
            .content_length()
            .and_then(|len| u64::try_from(len).ok());
        let at_once = self.whole && from == 0;
        let right = match answer.content_range().map(parse_content_range) {
            None => at_once && len.is_none_or(|len| len == expected),
            Some(Some((first, last, size))) => {
                first == from
                    && last + 1 == self.range.end
                    && size.is_none_or(|size| size == self.entry.size)
                    && len.is_none_or(|len| len == expected)
            }
            Some(None) => false,
        };
        if right {
            return Ok(());
        }
        let error = if at_once {
            changed(&self.entry.key, "its size is not the one that was listed")
        } else {
            failed(self.entry, ErrorKind::Unsupported)
                .with_source("the server sends another range than was asked for")
        };
        Err(Broken::Final(error))
    }

    /// By ETag, else by time; the size is checked with the range.
    fn is_version(&self, answer: &GetObjectOutput) -> bool {
        match (&self.entry.revision, answer.e_tag()) {
            (Some(seen), Some(found)) => bare(seen.as_str()) == bare(found),
            _ => answer
                .last_modified()
                .and_then(clock::exact)
                .is_none_or(|found| is_same_time(found, self.entry.modified)),
        }
    }

    async fn collect(&mut self, mut body: ByteStream) -> Result<(), Broken> {
        loop {
            let piece = match body.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) if is_checksum_mismatch(&error) => {
                    return Err(Broken::Damaged);
                }
                Some(Err(error)) => return Err(self.midway(origin_of_body(&error), &error)),
                None if self.got.is_full() => return Ok(()),
                None => return Err(self.midway(Origin::Network, &"it ended")),
            };
            if !self.got.push(piece) {
                return Err(Broken::Final(
                    failed(self.entry, ErrorKind::Corrupt)
                        .with_source("the server sends more bytes than it announced"),
                ));
            }
        }
    }

    fn midway(&self, origin: Origin, cause: &dyn std::fmt::Display) -> Broken {
        let (got, all) = (self.got.len(), self.got.wanted());
        Broken::Midway(Failure {
            origin,
            message: Some(format!(
                "the transfer broke after {got} of {all} bytes: {cause}"
            )),
            ..Failure::default()
        })
    }

    /// Whether a body that came in several pieces is what it should be.
    fn matches(&self) -> bool {
        match self.sum {
            Sum::Crc64(sum) if self.whole && self.continued => sum == Crc64::of(self.got.bytes()),
            _ => true,
        }
    }

    fn fail(&self, failure: Failure) -> StoreError {
        self.bucket.fail(
            failure,
            Attempted {
                what: "download",
                name: self.entry.key.as_str(),
                permission: "s3:GetObject",
            },
        )
    }
}

fn sum_of(answer: &GetObjectOutput) -> Sum {
    if let Some(sum) = checksum::whole(answer.checksum_crc64_nvme(), answer.checksum_type()) {
        return Sum::Crc64(sum);
    }
    let others = [
        answer.checksum_crc32(),
        answer.checksum_crc32_c(),
        answer.checksum_sha1(),
        answer.checksum_sha256(),
    ];
    if others.iter().any(Option::is_some) {
        Sum::Other
    } else {
        Sum::Unknown
    }
}

/// `bytes 0-9/100` or `bytes 0-9/*`: first, last, size.
fn parse_content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let size = match size {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    Some((first.parse().ok()?, last.parse().ok()?, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(
            parse_content_range("bytes 0-9/100"),
            Some((0, 9, Some(100)))
        );
        assert_eq!(parse_content_range("bytes 5-9/*"), Some((5, 9, None)));
        for text in ["", "bytes */100", "0-9/100", "bytes 0-9", "bytes a-b/c"] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }
}
