//! An upload of one part: one PutObject from memory.
//!
//! The body is a plain `Bytes`, so the SDK can send it again and needs no aws-chunked
//! stream, which several servers refuse. Its checksum is already known and is sent as
//! a header, so the SDK computes none.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use async_trait::async_trait;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sync_core::{ErrorKind, Expected, Key, NewEntry, Result, StoreError, checksum::Crc64};

use crate::bucket::Bucket;
use crate::checksum::{self, Content, Headers};
use crate::client::retry::SETTLE_ATTEMPTS;
use crate::error::Failure;
use crate::etag::ETag;
use crate::head::Head;
use crate::quirks::{Md5ETags, Quirk, Request};
use crate::write::answer_check::{Described, Fit, foreign, is_by_kms, missing};
use crate::write::conditional::{Attempts, Condition, ConditionalWrite, WriteRequest};
use crate::write::object_settings::with_settings;

/// How often a body that arrived corrupt is sent again.
pub(crate) const RESENDS: u32 = 2;

pub(crate) async fn put(
    bucket: &Bucket,
    entry: &NewEntry,
    body: Bytes,
    checksum: Crc64,
    expected: &Expected,
) -> Result<()> {
    // A server that is sent the sum compares it itself.
    if !bucket.sums_whole_uploads() && Crc64::of(&body) != checksum {
        let message = format!("cannot upload '{}'", entry.key);
        return Err(StoreError::new(ErrorKind::Corrupt, message)
            .with_source("the content does not match its checksum"));
    }
    let guarded = ConditionalWrite {
        bucket,
        key: &entry.key,
        expected,
        write: Put {
            bucket,
            key: &entry.key,
            content: Content {
                size: body.len() as u64,
                checksum,
            },
            body,
            names_key: AtomicBool::new(false),
        },
    };
    let _alone = bucket.customer_key_trial(&entry.key).await?;
    guarded.run().await?;
    let names_key = guarded.write.names_key.load(Relaxed);
    bucket.check_customer_key(&entry.key, names_key).await
}

/// Sends one PutObject.
pub(crate) async fn send_once(
    bucket: &Bucket,
    key: &Key,
    body: Bytes,
    headers: &Headers,
    condition: &Condition,
    attempts: &Attempts,
) -> Result<PutObjectOutput, Failure> {
    let mut request = with_settings!(bucket.client.put_object(), &bucket.objects, key)
        .bucket(bucket.location.bucket())
        .key(bucket.key_label(key))
        .body(ByteStream::from(body))
        .set_checksum_algorithm(headers.algorithm())
        .set_checksum_crc64_nvme(headers.crc64.clone())
        .set_checksum_crc32(headers.crc32.clone())
        .set_content_md5(headers.md5.clone())
        .set_if_match(condition.if_match())
        .set_if_none_match(condition.if_none_match())
        .customize()
        .interceptor(attempts.clone());
    if !bucket.sign_payload {
        request = request.disable_payload_signing();
    }
    Ok(request.send().await?)
}

struct Put<'a> {
    bucket: &'a Bucket,
    key: &'a Key,
    body: Bytes,
    content: Content,
    /// Whether the last answer named the encryption by a key of SSE-C.
    names_key: AtomicBool,
}

#[async_trait]
impl WriteRequest for Put<'_> {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let mut resends = 0;
        loop {
            let send = || self.send_once(condition, attempts);
            match self.bucket.with_md5_if_wanted(send).await {
                Err(failure) if failure.kind() == ErrorKind::Corrupt && resends < RESENDS => {
                    resends += 1;
                }
                settled => return settled,
            }
        }
    }

    fn kind(&self) -> Request {
        Request::Put
    }

    fn is_ours(&self, found: &Head) -> bool {
        let etag = || Some(checksum::plain_etag(&self.body));
        self.content.is(&found.entry, found.checksum, etag)
    }

    fn repeats_conflicts(&self) -> bool {
        true
    }
}

impl Put<'_> {
    async fn send_once(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let headers = self.bucket.headers(&self.body, self.content.checksum);
        let body = self.body.clone();
        let answer = send_once(self.bucket, self.key, body, &headers, condition, attempts).await?;
        let names_key = answer.sse_customer_algorithm().is_some();
        self.names_key.store(names_key, Relaxed);
        self.check(&answer, &headers).await
    }

    /// Whether the answer describes what was sent: connections and proxies confuse
    /// answers.
    async fn check(&self, answer: &PutObjectOutput, headers: &Headers) -> Result<(), Failure> {
        self.record_settings(answer).await;
        let described = Described {
            etag: answer.e_tag(),
            crc64: answer.checksum_crc64_nvme(),
            crc32: answer.checksum_crc32(),
            is_encrypted: self.bucket.seals_etags()
                || answer.ssekms_key_id().is_some()
                || answer.sse_customer_algorithm().is_some()
                || is_by_kms(answer.server_side_encryption()),
        };
        if described.is_empty() {
            return self.is_there().await;
        }
        let quirks = &self.bucket.quirks;
        match described.fits(&self.body, headers, quirks).await {
            Fit::Right => return Ok(()),
            Fit::Wrong => return Err(foreign()),
            Fit::Doubtful => {}
        }
        // It is the answer of another request, or the ETags of the server are not
        // MD5s. The object itself shows which.
        let found = self.bucket.head_within(self.key, SETTLE_ATTEMPTS).await?;
        let etag = described.etag.and_then(ETag::parse).map(ETag::revision);
        match found {
            Some(found) if self.is_ours(&found) => Ok(()),
            Some(found)
                if found.entry.size == self.content.size && found.entry.revision == etag =>
            {
                quirks.compared_etag(false);
                Ok(())
            }
            _ => Err(foreign()),
        }
    }

    /// Whether the object is there, as the answer does not say. Its ETag is that of the
    /// content, unless the server has no ETags or they are not MD5s.
    async fn is_there(&self) -> Result<(), Failure> {
        let found = self.bucket.head_within(self.key, SETTLE_ATTEMPTS).await?;
        let Some(found) = found.filter(|found| found.entry.size == self.content.size) else {
            return Err(missing());
        };
        let is_md5 = ETag::of(&found.entry).and_then(ETag::md5).is_some();
        let is_comparable =
            is_md5 && !self.bucket.seals_etags() && self.bucket.quirks.md5_etags() != Md5ETags::No;
        let is_other_sum = found
            .checksum
            .is_some_and(|sum| sum != self.content.checksum);
        if self.is_ours(&found) || !is_comparable && !is_other_sum {
            Ok(())
        } else {
            Err(missing())
        }
    }

    /// Records settings that the server has ignored.
    async fn record_settings(&self, answer: &PutObjectOutput) {
        if self.bucket.objects.encryption.is_some() && answer.server_side_encryption().is_none() {
            self.bucket.quirks.note(Quirk::IgnoresEncryption);
        }
        self.bucket.look_at_settings(self.key).await;
    }
}
