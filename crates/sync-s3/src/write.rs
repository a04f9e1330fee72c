//! An upload in parts: CreateMultipartUpload, UploadPart, Complete or Abort.
//!
//! Nothing is seen under the key before CompleteMultipartUpload, which carries
//! the condition and the checksum of the whole. Complete can answer 200 and
//! still have failed; the SDK looks into the body and reports that as an error.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use sync_core::{Crc64, Entry, ErrorKind, Expected, Key, Result, StoreError, Writer};

use crate::checksum::{self, Headers};
use crate::connect;
use crate::error::{Attempted, Failure};
use crate::guard::{Attempts, Condition, Guarded, Write};
use crate::options::Checksums;
use crate::put::RESENDS;
use crate::store::Bucket;

/// Largest number of a part (User Guide, "Multipart upload limits").
const MAX_PARTS: u64 = 10_000;

/// An abort is only tidying up: it shall not hold up a run that is ending.
const ABORT_ATTEMPTS: u32 = 3;
const ABORT_TIMEOUT: Duration = Duration::from_secs(15);

/// A multipart upload under way.
pub(crate) struct Upload {
    session: Arc<Session>,
    expected: Expected,
    size: u64,
    part_size: u64,
    parts: Mutex<BTreeMap<i32, Part>>,
    /// Whether nothing is left to be aborted.
    finished: bool,
}

/// What names the upload to the server.
struct Session {
    bucket: Arc<Bucket>,
    key: Key,
    id: String,
}

#[derive(Clone)]
struct Part {
    etag: Option<String>,
    headers: Headers,
    len: u64,
    checksum: Crc64,
}

/// Starts the upload.
pub(crate) async fn begin(
    bucket: &Arc<Bucket>,
    entry: &Entry,
    part_size: u64,
    expected: &Expected,
) -> Result<Upload> {
    let algorithm = match bucket.checksums {
        Checksums::Auto | Checksums::Crc64Nvme => Some(ChecksumAlgorithm::Crc64Nvme),
        Checksums::Crc32 => Some(ChecksumAlgorithm::Crc32),
        Checksums::None => None,
    };
    // CRC32 is for servers that are too old for sums of the whole.
    let whole =
        (algorithm == Some(ChecksumAlgorithm::Crc64Nvme)).then_some(ChecksumType::FullObject);
    let created = bucket
        .client
        .create_multipart_upload()
        .bucket(bucket.location.bucket())
        .key(bucket.full_key(&entry.key))
        .set_checksum_algorithm(algorithm)
        .set_checksum_type(whole)
        .send()
        .await
        .map_err(|error| Failure::from(&error))
        .and_then(|created| {
            created
                .upload_id
                .ok_or_else(|| Failure::protocol("the server gave the upload no name"))
        });
    let id = created.map_err(|failure| bucket.fail(failure, attempted(&entry.key)))?;
    Ok(Upload {
        session: Arc::new(Session {
            bucket: Arc::clone(bucket),
            key: entry.key.clone(),
            id,
        }),
        expected: expected.clone(),
        size: entry.size,
        part_size,
        parts: Mutex::default(),
        finished: false,
    })
}

fn attempted(key: &Key) -> Attempted<'_> {
    Attempted {
        what: "upload",
        name: key.as_str(),
        permission: "s3:PutObject",
    }
}

#[async_trait]
impl Writer for Upload {
    async fn part(&self, offset: u64, body: Bytes, checksum: Crc64) -> Result<()> {
        let number = part_number(offset, self.part_size)
            .filter(|_| offset + body.len() as u64 <= self.size)
            .ok_or_else(|| self.misuse(format!("has no part at byte {offset}")))?;
        let headers = Headers::of(self.session.bucket.checksums, &body, checksum);
        let len = body.len() as u64;
        let etag = self
            .session
            .send_part(number, body, &headers)
            .await
            .map_err(|failure| self.session.fail(failure))?;
        let part = Part {
            etag,
            headers,
            len,
            checksum,
        };
        self.parts().insert(number, part);
        Ok(())
    }

    async fn commit(mut self: Box<Self>, checksum: Crc64) -> Result<()> {
        let result = self.complete(checksum).await;
        if result.is_err() {
            self.session.abort().await;
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
    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<i32, Part>> {
        // A map whose insertion panicked is still a map.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn misuse(&self, what: String) -> StoreError {
        StoreError::new(
            ErrorKind::Other,
            format!("cannot upload '{}'", self.session.key),
        )
        .with_source(what)
    }

    async fn complete(&self, checksum: Crc64) -> Result<()> {
        if self.size == 0 && self.parts().is_empty() {
            // S3 completes no upload without a part.
            self.part(0, Bytes::new(), Crc64::EMPTY).await?;
        }
        let parts = self.parts().clone();
        self.check_whole(&parts, checksum)?;
        let guarded = Guarded {
            bucket: &self.session.bucket,
            key: &self.session.key,
            expected: &self.expected,
            size: self.size,
            checksum,
            write: Completion {
                session: &self.session,
                parts: &parts,
                list: completed(&parts),
                checksum,
            },
        };
        guarded.run().await
    }

    /// The parts must be all there, and be what the whole's checksum says.
    fn check_whole(&self, parts: &BTreeMap<i32, Part>, checksum: Crc64) -> Result<()> {
        let mut sum = Crc64::EMPTY;
        let mut end = 0;
        for part in parts.values() {
            sum = sum.then(part.checksum, part.len);
            end += part.len;
        }
        let full = self.size.div_ceil(self.part_size).max(1);
        if end != self.size || parts.len() as u64 != full {
            return Err(self.misuse(format!("lacks parts: {end} of {} bytes", self.size)));
        }
        if sum != checksum {
            let message = format!("cannot upload '{}'", self.session.key);
            return Err(StoreError::new(ErrorKind::Corrupt, message)
                .with_source("the parts do not add up to the checksum of the whole"));
        }
        Ok(())
    }
}

/// The CompleteMultipartUpload of an upload.
struct Completion<'a> {
    session: &'a Session,
    parts: &'a BTreeMap<i32, Part>,
    list: CompletedMultipartUpload,
    checksum: Crc64,
}

#[async_trait]
impl Write for Completion<'_> {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let session = self.session;
        let bucket = &session.bucket;
        let whole = matches!(bucket.checksums, Checksums::Auto | Checksums::Crc64Nvme);
        let sent = bucket
            .client
            .complete_multipart_upload()
            .bucket(bucket.location.bucket())
            .key(bucket.full_key(&session.key))
            .upload_id(&session.id)
            .multipart_upload(self.list.clone())
            .set_checksum_crc64_nvme(whole.then(|| checksum::encode(self.checksum)))
            .set_checksum_type(whole.then_some(ChecksumType::FullObject))
            .set_if_match(condition.if_match())
            .set_if_none_match(condition.if_none_match())
            .customize()
            .interceptor(attempts.clone())
            .config_override(connect::for_complete())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::from(&error)),
        }
    }

    fn etag(&self) -> Option<String> {
        checksum::parts_etag(self.parts.values().map(Part::etag))
    }

    fn repeats_conflicts(&self) -> bool {
        false
    }
}

impl Drop for Upload {
    /// Neither committed nor aborted: what can be done without waiting. If
    /// there is no runtime any more, the next run removes the parts.
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

impl Session {
    async fn send_part(
        &self,
        number: i32,
        body: Bytes,
        headers: &Headers,
    ) -> Result<Option<String>, Failure> {
        let mut resends = 0;
        loop {
            match self.send_part_once(number, body.clone(), headers).await {
                Err(failure) if failure.kind() == ErrorKind::Corrupt && resends < RESENDS => {
                    resends += 1;
                }
                settled => return settled,
            }
        }
    }

    async fn send_part_once(
        &self,
        number: i32,
        body: Bytes,
        headers: &Headers,
    ) -> Result<Option<String>, Failure> {
        let len = body.len();
        let mut request = self
            .bucket
            .client
            .upload_part()
            .bucket(self.bucket.location.bucket())
            .key(self.bucket.full_key(&self.key))
            .upload_id(&self.id)
            .part_number(number)
            .body(ByteStream::from(body))
            .set_checksum_crc64_nvme(headers.crc64.clone())
            .set_checksum_crc32(headers.crc32.clone())
            .customize();
        if !self.bucket.sign_payload {
            request = request.disable_payload_signing();
        }
        if let Some(config) = connect::for_upload(len) {
            request = request.config_override(config);
        }
        match request.send().await {
            Ok(sent) => Ok(sent.e_tag),
            Err(error) => Err(Failure::from(&error)),
        }
    }

    /// Removes the parts. Failures are ignored: the next run cleans up.
    async fn abort(&self) {
        let retries = RetryConfig::standard().with_max_attempts(ABORT_ATTEMPTS);
        let request = self
            .bucket
            .client
            .abort_multipart_upload()
            .bucket(self.bucket.location.bucket())
            .key(self.bucket.full_key(&self.key))
            .upload_id(&self.id)
            .customize()
            .config_override(aws_sdk_s3::Config::builder().retry_config(retries))
            .send();
        let _ = tokio::time::timeout(ABORT_TIMEOUT, request).await;
    }

    fn fail(&self, failure: Failure) -> StoreError {
        self.bucket.fail(failure, attempted(&self.key))
    }
}

impl Part {
    fn etag(&self) -> &str {
        self.etag.as_deref().unwrap_or_default()
    }
}

/// The list of parts, in ascending order as S3 demands.
fn completed(parts: &BTreeMap<i32, Part>) -> CompletedMultipartUpload {
    let parts = parts.iter().map(|(number, part)| {
        CompletedPart::builder()
            .part_number(*number)
            .set_e_tag(part.etag.clone())
            .set_checksum_crc64_nvme(part.headers.crc64.clone())
            .set_checksum_crc32(part.headers.crc32.clone())
            .build()
    });
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.collect()))
        .build()
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
