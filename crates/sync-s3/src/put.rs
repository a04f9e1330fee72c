//! An upload of one part: one PutObject from memory.
//!
//! The body is a plain `Bytes`, so the SDK can send it again and needs no
//! aws-chunked stream, which several servers refuse. Its checksum is already
//! known and goes into a header, so the SDK computes none.

use async_trait::async_trait;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sync_core::{Crc64, Entry, ErrorKind, Expected, Key, Result};

use crate::checksum::{self, Headers};
use crate::error::Failure;
use crate::guard::{Attempts, Condition, Guarded, Write};
use crate::settings::with_settings;
use crate::store::Bucket;

/// How often a body that arrived damaged is sent again.
pub(crate) const RESENDS: u32 = 2;

pub(crate) async fn put(
    bucket: &Bucket,
    entry: &Entry,
    body: Bytes,
    checksum: Crc64,
    expected: &Expected,
) -> Result<()> {
    let guarded = Guarded {
        bucket,
        key: &entry.key,
        expected,
        size: body.len() as u64,
        checksum,
        write: Put {
            bucket,
            key: &entry.key,
            headers: Headers::of(bucket.checksums, &body, checksum),
            body,
        },
    };
    guarded.run().await
}

struct Put<'a> {
    bucket: &'a Bucket,
    key: &'a Key,
    body: Bytes,
    headers: Headers,
}

#[async_trait]
impl Write for Put<'_> {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let mut resends = 0;
        loop {
            match self.send_once(condition, attempts).await {
                Err(failure) if failure.kind() == ErrorKind::Corrupt && resends < RESENDS => {
                    resends += 1;
                }
                settled => return settled,
            }
        }
    }

    fn etag(&self) -> Option<String> {
        Some(checksum::plain_etag(&self.body))
    }

    fn repeats_conflicts(&self) -> bool {
        true
    }
}

impl Put<'_> {
    async fn send_once(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let bucket = self.bucket;
        let request = with_settings!(bucket.client.put_object(), &bucket.objects, self.key);
        let mut request = request
            .bucket(bucket.location.bucket())
            .key(bucket.key_label(self.key))
            .body(ByteStream::from(self.body.clone()))
            .set_checksum_crc64_nvme(self.headers.crc64.clone())
            .set_checksum_crc32(self.headers.crc32.clone())
            .set_if_match(condition.if_match())
            .set_if_none_match(condition.if_none_match())
            .customize()
            .interceptor(attempts.clone());
        if !bucket.sign_payload {
            request = request.disable_payload_signing();
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::from(&error)),
        }
    }
}
