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

mod archived;
mod buffer;
pub(crate) mod buffer_pool;

use std::ops::Range;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sync_core::{
    Entry, ErrorKind, Result, StoreError, checksum::Crc64, hint, rule::is_same_time,
    setting::Setting, text::printable,
};

use crate::bucket::Bucket;
use crate::checksum;
use crate::client::retry::SETTLE_ATTEMPTS;
use crate::client::retry::pause;
use crate::error::cause_chain::last_cause;
use crate::error::{Attempted, Failure, Origin, is_checksum_mismatch, origin_of_body};
use crate::etag::ETag;
use crate::http::accept_encoding::AcceptEncoding;
use crate::http::clock;
use crate::options::{Checksums, Conditions};
use crate::quirks::Md5ETags;
use crate::read::buffer::Buffer;
use crate::version_check::Look;
use crate::write::answer_check::is_by_kms;
use crate::write::conditional::changed;

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
        etag: None,
        md5: None,
        coding: None,
    }
    .run()
    .await
}

/// The error of an object that does not come as it is stored.
fn decoded(entry: &Entry, coding: &str) -> StoreError {
    let why = format!(
        "it is stored with 'Content-Encoding: {}', and the server, or a proxy or CDN before it, \
         decodes it on the way",
        printable(coding)
    );
    failed(entry, ErrorKind::Unsupported)
        .with_source(why)
        .with_hint(
            "switch the decompression off there, use an endpoint without it, or store the object \
             without Content-Encoding",
        )
}

/// The error of an object that comes with a coding that it is not stored with.
fn encoded(entry: &Entry, coding: &str) -> StoreError {
    let why = format!(
        "it comes with 'Content-Encoding: {}' and another size than was listed: the server, or a \
         proxy or CDN before it, encodes it on the way",
        printable(coding)
    );
    failed(entry, ErrorKind::Unsupported)
        .with_source(why)
        .with_hint("switch the compression off there, or use an endpoint without it")
}

/// Whether a value of Content-Encoding means other bytes.
fn is_coding(coding: &str) -> bool {
    !["", "identity", "aws-chunked"].contains(&coding.trim())
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
    /// The ETag of this version in answers, where it is another one than the
    /// listing showed.
    etag: Option<String>,
    /// The MD5 that the ETag is, where there is no checksum.
    md5: Option<[u8; 16]>,
    /// The content coding that the object is stored with, once it has come
    /// decoded.
    coding: Option<String>,
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
    /// Neither does it here: the bytes are others than those that are stored.
    Other(StoreError),
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
                Ok(()) if self.matches() => {
                    let empty = Buffer::new(&self.bucket.buffers, self.got.wanted());
                    let bytes = std::mem::replace(&mut self.got, empty).into_bytes();
                    if self.fits_etag(&bytes).await {
                        return Ok(bytes);
                    }
                    Broken::Damaged
                }
                Ok(()) => Broken::Damaged,
                Err(broken) => broken,
            };
            attempts += 1;
            match broken {
                Broken::Final(error) => return Err(error),
                Broken::Other(error) => self.ask_for_coding(error).await?,
                Broken::Damaged if rereads < REREADS => {
                    rereads += 1;
                    self.restart();
                }
                Broken::Damaged if self.md5.is_some() => {
                    let error = failed(self.entry, ErrorKind::Corrupt)
                        .with_source("its bytes do not match its ETag, which is to be their MD5")
                        .with_hint(hint!(
                            "if the server's ETags are no MD5s, use {} none",
                            Setting::Checksums
                        ));
                    self.ask_for_coding(error).await?;
                }
                Broken::Damaged => {
                    let error = failed(self.entry, ErrorKind::Corrupt)
                        .with_source("its bytes do not match the checksum kept with it");
                    self.ask_for_coding(error).await?;
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

    /// Begins again with the content coding that the object is stored with, if
    /// there is one: then it was decoded on the way, and some servers (Google
    /// Cloud Storage) send the stored bytes to those only who say that they
    /// can decode them. Fails if that has been tried, or is not the reason of
    /// `error`.
    async fn ask_for_coding(&mut self, error: StoreError) -> Result<()> {
        if let Some(coding) = &self.coding {
            return Err(decoded(self.entry, coding));
        }
        match self.stored_coding().await {
            Some(coding) => {
                self.coding = Some(coding);
                self.restart();
                Ok(())
            }
            None => Err(error),
        }
    }

    /// The content coding that the object is stored with.
    async fn stored_coding(&self) -> Option<String> {
        let head = self
            .bucket
            .client
            .head_object()
            .bucket(self.bucket.location.bucket())
            .key(self.bucket.key_label(&self.entry.key))
            .send()
            .await
            .ok()?;
        let codings = head.content_encoding()?.split(',').map(str::trim);
        let stored = codings.filter(|coding| is_coding(coding));
        let stored: Vec<_> = stored.collect();
        (!stored.is_empty()).then(|| stored.join(","))
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
        self.check(&answer, from).await?;
        if !self.continued {
            self.sum = sum_of(&answer);
            self.md5 = self.md5_of(&answer);
        }
        self.collect(answer.body).await
    }

    /// Asks for what begins at `from`. Where the server refuses the condition, a
    /// look decides whether that is because another version is there.
    async fn open(&mut self, from: u64) -> Result<GetObjectOutput> {
        loop {
            let if_match = self.if_match();
            let error = match self.request(from, if_match.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failure = Failure::from(&error);
            if let Some(refused) = if_match
                && failure.is_precondition()
                && self.may_read_otherwise(&refused).await
            {
                continue;
            }
            return Err(
                if failure.is_precondition() || failure.status == Some(416) {
                    changed(&self.entry.key, "it is not the version that was listed")
                } else if failure.kind() == ErrorKind::Archived {
                    let why = error.as_service_error();
                    let hint = archived::hint(self.bucket, &self.entry.key, why);
                    self.fail(failure).with_hint(hint)
                } else {
                    self.fail(failure)
                },
            );
        }
    }

    async fn request(
        &self,
        from: u64,
        if_match: Option<String>,
    ) -> Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>> {
        let bucket = self.bucket;
        let at_once = self.whole && from == 0;
        bucket
            .client
            .get_object()
            .bucket(bucket.location.bucket())
            .key(bucket.key_label(&self.entry.key))
            .set_if_match(if_match)
            // The sum is that of the whole, so only a whole body can be verified.
            .set_checksum_mode(bucket.checksum_mode().filter(|_| at_once))
            .set_range((!at_once).then(|| format!("bytes={from}-{}", self.range.end - 1)))
            .customize()
            .interceptor(AcceptEncoding(self.coding.clone()))
            .send()
            .await
    }

    /// The ETag to demand. Whatever the server does with it, each answer is
    /// checked for its version.
    fn if_match(&self) -> Option<String> {
        let conduct = &self.bucket.conduct;
        if self.bucket.conditions == Conditions::Client || conduct.reads_without_conditions() {
            return None;
        }
        let etag = match &self.etag {
            Some(answered) => ETag::parse(answered),
            None if conduct.lists_other_etags() => None,
            None => ETag::of(self.entry),
        };
        etag.map(ETag::quoted)
    }

    /// Whether the object is there as it was listed although the server has
    /// refused the condition `refused`, and there is another way to ask.
    async fn may_read_otherwise(&mut self, refused: &str) -> bool {
        let look = self.bucket.look(self.entry, SETTLE_ATTEMPTS).await;
        let Ok(Look::Same { etag, .. }) = look else {
            return false;
        };
        let form = etag.as_deref().and_then(ETag::parse).map(ETag::quoted);
        if form.is_none_or(|form| form == refused) {
            self.bucket.conduct.read_without_conditions();
        }
        self.etag = etag;
        true
    }

    /// Whether the answer is what was asked for, of the version listed.
    async fn check(&mut self, answer: &GetObjectOutput, from: u64) -> Result<(), Broken> {
        if !self.is_version(answer) && !self.is_still_listed(answer).await {
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
                    && last.checked_add(1) == Some(self.range.end)
                    && size.is_none_or(|size| size == self.entry.size)
                    && len.is_none_or(|len| len == expected)
            }
            Some(None) => false,
        };
        if right {
            return Ok(());
        }
        let error = if let Some(coding) = answer.content_encoding().filter(|it| is_coding(it)) {
            encoded(self.entry, coding)
        } else if answer.e_tag().is_none() && answer.last_modified().is_none() {
            // As the page by which a network asks who is there.
            failed(self.entry, ErrorKind::Unavailable)
                .with_source("the answer is not that of an S3 server: it has no ETag and no time")
        } else if at_once {
            changed(&self.entry.key, "its size is not the one that was listed")
        } else {
            failed(self.entry, ErrorKind::Unsupported)
                .with_source("the server sends another range than was asked for")
        };
        Err(Broken::Other(error))
    }

    /// By ETag, else by time; the size is checked with the range.
    fn is_version(&self, answer: &GetObjectOutput) -> bool {
        let seen = match &self.etag {
            Some(answered) => ETag::parse(answered),
            None => ETag::of(self.entry),
        };
        match (seen, answer.e_tag().and_then(ETag::parse)) {
            (Some(seen), Some(found)) => seen.revision() == found.revision(),
            _ => answer
                .last_modified()
                .and_then(clock::exact)
                .is_none_or(|found| is_same_time(found, self.entry.modified)),
        }
    }

    /// Whether only the ETag differs, and the listing still shows the one of
    /// `entry`: then this is how the server is. What follows is held to the
    /// ETag of this answer.
    async fn is_still_listed(&mut self, answer: &GetObjectOutput) -> bool {
        let (None, Some(etag)) = (&self.etag, answer.e_tag()) else {
            return false;
        };
        let Some(modified) = answer.last_modified().and_then(clock::exact) else {
            return false;
        };
        // The size is checked with the range.
        let mut found = Entry::new(self.entry.key.clone(), self.entry.size, modified);
        found.revision = ETag::parse(etag).map(ETag::revision);
        let is_listed = self.bucket.is_still_listed(self.entry, &found).await;
        if is_listed {
            self.etag = Some(etag.to_owned());
        }
        is_listed
    }

    async fn collect(&mut self, mut body: ByteStream) -> Result<(), Broken> {
        loop {
            let piece = match body.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) if is_checksum_mismatch(&error) => {
                    return Err(Broken::Damaged);
                }
                Some(Err(error)) => {
                    return Err(self.midway(origin_of_body(&error), &last_cause(&error)));
                }
                None if self.got.is_full() => return Ok(()),
                None => return Err(self.midway(Origin::Network, &"it ended")),
            };
            if !self.got.push(piece) {
                let wanted = self.got.wanted();
                return Err(Broken::Other(
                    failed(self.entry, ErrorKind::Corrupt).with_source(format!(
                        "the server sends more than the {wanted} bytes that were asked for"
                    )),
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

    /// The MD5 that the ETag is, where no better sum is kept of the whole object.
    fn md5_of(&self, answer: &GetObjectOutput) -> Option<[u8; 16]> {
        let is_encrypted =
            is_by_kms(answer.server_side_encryption()) || answer.sse_customer_algorithm().is_some();
        let is_wanted = self.whole
            && matches!(self.sum, Sum::Unknown)
            && !is_encrypted
            && self.bucket.checksums != Checksums::None;
        answer
            .e_tag()
            .filter(|_| is_wanted)
            .and_then(ETag::parse)
            .and_then(ETag::md5)
    }

    /// Whether the bytes have the MD5 that their ETag is, if it is one.
    async fn fits_etag(&self, bytes: &Bytes) -> bool {
        let conduct = &self.bucket.conduct;
        let Some(md5) = self.md5.filter(|_| conduct.md5_etags() != Md5ETags::No) else {
            return true;
        };
        if checksum::md5_of(bytes).await == md5 {
            conduct.compared_etag(true);
            return true;
        }
        !self.bucket.has_md5_etags(&self.entry.key).await
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
