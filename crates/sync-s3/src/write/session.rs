//! One multipart upload as the server knows it: begun, sent in parts, aborted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use sync_core::{ErrorKind, Key, Result, StoreError, checksum::Crc64};

use crate::bucket::Bucket;
use crate::checksum::Headers;
use crate::client::blank_keys;
use crate::client::retry;
use crate::error::{Attempted, Failure, Origin};
use crate::options::Checksums;
use crate::quirks::Quirk;
use crate::write::answer_check::{Described, Fit, foreign};
use crate::write::journal::OpenUpload;
use crate::write::object_settings::with_settings;
use crate::write::put::RESENDS;

/// An abort is only a cleanup: it must not delay the end of a run.
const ABORT_ATTEMPTS: u32 = 3;
const ABORT_TIMEOUT: Duration = Duration::from_secs(15);

/// An open upload.
pub(crate) struct Session {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) key: Key,
    pub(crate) id: String,
    /// Whether an answer named the encryption by a key of SSE-C.
    pub(crate) names_key: AtomicBool,
}

/// A part that has arrived.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) answer: PartAnswer,
    pub(crate) len: u64,
    pub(crate) checksum: Crc64,
}

/// What the server says about a part; the completion of the upload repeats exactly
/// that.
#[derive(Debug, Clone, Default)]
pub(crate) struct PartAnswer {
    pub(crate) etag: Option<String>,
    pub(crate) crc64: Option<String>,
    pub(crate) crc32: Option<String>,
}

impl Session {
    /// Begins an upload, and records it in the journal.
    pub(crate) async fn begin(bucket: &Arc<Bucket>, key: &Key) -> Result<Self> {
        let present = bucket.clock.present();
        let covers = present.map(|present| present.earliest - present.most_lead);
        let created = Self::create(bucket, key).await;
        let session = created.map_err(|failure| {
            let permissions = bucket.objects.permissions();
            let usual = attempted(key);
            let permission = permissions.as_deref().unwrap_or(usual.permission);
            bucket.fail(
                failure.of_bucket(),
                Attempted {
                    permission,
                    ..usual
                },
            )
        })?;
        session.record(covers).await?;
        Ok(session)
    }

    /// Sends the CreateMultipartUpload.
    pub(crate) async fn create(bucket: &Arc<Bucket>, key: &Key) -> Result<Self, Failure> {
        let algorithm = match bucket.checksums {
            Checksums::Auto | Checksums::Crc64Nvme => Some(ChecksumAlgorithm::Crc64Nvme),
            Checksums::Crc32 => Some(ChecksumAlgorithm::Crc32),
            Checksums::Md5 | Checksums::None => None,
        };
        // CRC32 is for servers that are too old for sums of the whole.
        let whole = bucket.sums_whole_uploads();
        let request = bucket.client.create_multipart_upload();
        let created = with_settings!(request, &bucket.objects, key)
            .bucket(bucket.location.bucket())
            .key(bucket.key_label(key))
            .set_checksum_algorithm(algorithm)
            .set_checksum_type(whole.then_some(ChecksumType::FullObject))
            .send()
            .await?;
        if bucket.objects.encryption.is_some() && created.server_side_encryption().is_none() {
            bucket.quirks.note(Quirk::IgnoresEncryption);
        }
        let names_key = created.sse_customer_algorithm().is_some();
        let id = created.upload_id.filter(|id| !id.is_empty());
        Ok(Self {
            bucket: Arc::clone(bucket),
            key: key.clone(),
            id: id.ok_or_else(|| Failure::protocol("the server gave the upload no identifier"))?,
            names_key: AtomicBool::new(names_key),
        })
    }

    /// Records the upload in the journal, so that the next run finds it if this one is
    /// killed; aborts it if that fails.
    async fn record(&self, covers: Option<DateTime<Utc>>) -> Result<()> {
        let Some(journal) = &self.bucket.journal else {
            return Ok(());
        };
        let recorded = journal.record(&OpenUpload {
            key: self.bucket.full_key(&self.key),
            upload_id: self.id.clone(),
            settings: self.bucket.settings_mark(&self.id),
            covers,
        });
        let Err(error) = recorded else { return Ok(()) };
        self.abort().await;
        let message = format!("cannot upload '{}'", self.key);
        Err(StoreError::new(ErrorKind::Other, message)
            .with_source(format!("the journal of open uploads fails: {error}")))
    }

    /// Sends a part; again if it arrived corrupt, or if the answer describes another
    /// one.
    pub(crate) async fn send_part(
        &self,
        number: i32,
        body: Bytes,
        checksum: Crc64,
    ) -> Result<PartAnswer, Failure> {
        let quirks = &self.bucket.quirks;
        let mut resends = 0;
        let mut doubted = None;
        loop {
            let send = || self.send_part_once(number, &body, checksum);
            let (answer, headers) = match self.bucket.with_md5_if_wanted(send).await {
                Err(failure) if failure.kind() == ErrorKind::Corrupt && resends < RESENDS => {
                    resends += 1;
                    continue;
                }
                settled => settled?,
            };
            match self.described(&answer).fits(&body, &headers, quirks).await {
                Fit::Right => return Ok(answer),
                // The same ETag again is not an error: the server's ETags are not MD5s.
                Fit::Doubtful if doubted == answer.etag && doubted.is_some() => {
                    quirks.compared_etag(false);
                    return Ok(answer);
                }
                Fit::Doubtful | Fit::Wrong if resends < RESENDS => {
                    resends += 1;
                    doubted = answer.etag;
                }
                Fit::Doubtful | Fit::Wrong => return Err(foreign()),
            }
        }
    }

    fn described<'p>(&self, answer: &'p PartAnswer) -> Described<'p> {
        Described {
            etag: answer.etag.as_deref(),
            crc64: answer.crc64.as_deref(),
            crc32: answer.crc32.as_deref(),
            is_encrypted: self.bucket.seals_etags(),
        }
    }

    /// Sends one UploadPart; the answer, and the checksums that were sent.
    async fn send_part_once(
        &self,
        number: i32,
        body: &Bytes,
        checksum: Crc64,
    ) -> Result<(PartAnswer, Headers), Failure> {
        let headers = self.bucket.headers(body, checksum);
        let mut request = self
            .bucket
            .client
            .upload_part()
            .bucket(self.bucket.location.bucket())
            .key(self.bucket.key_label(&self.key))
            .upload_id(&self.id)
            .part_number(number)
            .body(ByteStream::from(body.clone()))
            .set_checksum_algorithm(headers.algorithm())
            .set_checksum_crc64_nvme(headers.crc64.clone())
            .set_checksum_crc32(headers.crc32.clone())
            .set_content_md5(headers.md5.clone())
            .customize();
        if !self.bucket.sign_payload {
            request = request.disable_payload_signing();
        }
        let sent = request.send().await?;
        if sent.sse_customer_algorithm().is_some() {
            self.names_key.store(true, Relaxed);
        }
        let answer = PartAnswer {
            etag: sent.e_tag,
            crc64: sent.checksum_crc64_nvme,
            crc32: sent.checksum_crc32,
        };
        Ok((answer, headers))
    }

    /// Removes the parts. A failure is ignored: the next run finds the upload in the
    /// journal.
    pub(crate) async fn abort(&self) {
        let key = self.bucket.full_key(&self.key);
        if abort(&self.bucket, &key, &self.id).await.is_ok() {
            self.forget();
        }
    }

    /// Removes the upload from the journal: it is no longer open.
    pub(crate) fn forget(&self) {
        if let Some(journal) = &self.bucket.journal {
            journal.remove(&self.id);
        }
    }

    pub(crate) fn fail(&self, failure: Failure) -> StoreError {
        self.bucket.fail(failure, attempted(&self.key))
    }
}

/// Aborts the upload with this identifier; returns whether it was still open.
pub(crate) async fn abort(bucket: &Bucket, key: &str, id: &str) -> Result<bool, Failure> {
    let request = bucket
        .client
        .abort_multipart_upload()
        .bucket(bucket.location.bucket())
        .key(blank_keys::label(key.to_owned()))
        .upload_id(id)
        .customize()
        .config_override(retry::at_most(ABORT_ATTEMPTS))
        .send();
    match tokio::time::timeout(ABORT_TIMEOUT, request).await {
        Ok(Ok(_)) => Ok(true),
        Ok(Err(error)) => match Failure::from(error) {
            failure if failure.has_code(&["NoSuchUpload"]) => Ok(false),
            failure => Err(failure),
        },
        Err(_) => {
            let message = format!("no answer in {} s", ABORT_TIMEOUT.as_secs());
            Err(Failure::new(Origin::Timeout, message))
        }
    }
}

fn attempted(key: &Key) -> Attempted<'_> {
    Attempted {
        what: "upload",
        name: key.as_str(),
        permission: "s3:PutObject",
    }
}

impl Part {
    pub(crate) fn etag(&self) -> &str {
        self.answer.etag.as_deref().unwrap_or_default()
    }
}
