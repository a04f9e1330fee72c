//! One multipart upload as the server knows it: begun, fed, aborted.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use sync_core::{ErrorKind, Key, Result, StoreError, checksum::Crc64};

use crate::bucket::Bucket;
use crate::checksum::{self, Headers};
use crate::client::blank_keys;
use crate::client::retry;
use crate::error::{Attempted, Failure, Origin};
use crate::etag::ETag;
use crate::options::Checksums;
use crate::quirks::Md5ETags;
use crate::write::answer_check::{Told, foreign};
use crate::write::journal::OpenUpload;
use crate::write::object_settings::{Encryption, with_settings};
use crate::write::put::RESENDS;

/// An abort is only tidying up: it shall not hold up a run that is ending.
const ABORT_ATTEMPTS: u32 = 3;
const ABORT_TIMEOUT: Duration = Duration::from_secs(15);

/// What names the upload to the server.
pub(crate) struct Session {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) key: Key,
    pub(crate) id: String,
}

/// Whether an answer is about what was sent.
enum Fit {
    Right,
    Wrong,
    /// Its ETag is no MD5 of it, and whether it should be is not known.
    Doubtful,
}

/// A part that has arrived.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) answer: PartAnswer,
    pub(crate) len: u64,
    pub(crate) checksum: Crc64,
}

/// What the server says of a part; the end of the upload repeats it, and
/// nothing that was not said.
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
            let mut attempted = attempted(key);
            if let Some(permissions) = bucket.objects.permissions() {
                attempted.permission = permissions;
            }
            bucket.fail(failure.of_bucket(), attempted)
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
            bucket.conduct.ignores_encryption();
        }
        let id = created.upload_id.filter(|id| !id.is_empty());
        Ok(Self {
            bucket: Arc::clone(bucket),
            key: key.clone(),
            id: id.ok_or_else(|| Failure::protocol("the server gave the upload no identifier"))?,
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
            settings: self.bucket.objects.digest(),
            covers,
        });
        let Err(error) = recorded else { return Ok(()) };
        self.abort().await;
        let message = format!("cannot upload '{}'", self.key);
        Err(StoreError::new(ErrorKind::Other, message)
            .with_source(format!("the journal of open uploads fails: {error}")))
    }

    /// Sends a part, again if it arrived damaged, or if the answer describes
    /// another one.
    pub(crate) async fn send_part(
        &self,
        number: i32,
        body: Bytes,
        checksum: Crc64,
    ) -> Result<PartAnswer, Failure> {
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
            match self.fits(&answer, &body, &headers).await {
                Fit::Right => return Ok(answer),
                // The same again is no mistake: the server's ETags are no MD5s.
                Fit::Doubtful if doubted == answer.etag && doubted.is_some() => {
                    self.bucket.conduct.compared_etag(false);
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

    /// Whether an answer is about the part that was sent.
    async fn fits(&self, answer: &PartAnswer, body: &Bytes, headers: &Headers) -> Fit {
        let told = Told {
            etag: answer.etag.as_deref(),
            crc64: answer.crc64.as_deref(),
            crc32: answer.crc32.as_deref(),
        };
        let conduct = &self.bucket.conduct;
        match told.fits(headers) {
            Some(true) => return Fit::Right,
            Some(false) => return Fit::Wrong,
            None => {}
        }
        let md5 = told.etag.and_then(ETag::parse).and_then(ETag::md5);
        let is_plain = !matches!(
            self.bucket.objects.encryption,
            Some(Encryption::Kms(_) | Encryption::KmsTwice(_))
        );
        let Some(md5) = md5.filter(|_| is_plain && conduct.md5_etags() != Md5ETags::No) else {
            return Fit::Right;
        };
        if checksum::md5_of(body).await == md5 {
            conduct.compared_etag(true);
            return Fit::Right;
        }
        if conduct.md5_etags() == Md5ETags::Yes {
            Fit::Wrong
        } else {
            Fit::Doubtful
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
        let answer = PartAnswer {
            etag: sent.e_tag,
            crc64: sent.checksum_crc64_nvme,
            crc32: sent.checksum_crc32,
        };
        Ok((answer, headers))
    }

    /// Removes the parts. Failures are ignored: what stays in the journal is
    /// for the next run.
    pub(crate) async fn abort(&self) {
        let key = self.bucket.full_key(&self.key);
        if abort(&self.bucket, &key, &self.id).await.is_ok() {
            self.ended();
        }
    }

    /// The upload is open no more.
    pub(crate) fn ended(&self) {
        if let Some(journal) = &self.bucket.journal {
            journal.remove(&self.id);
        }
    }

    pub(crate) fn fail(&self, failure: Failure) -> StoreError {
        self.bucket.fail(failure, attempted(&self.key))
    }
}

/// Removes the parts of the upload that is called `id`, whoever began it;
/// whether it was still there.
pub(crate) async fn abort(bucket: &Bucket, key: &str, id: &str) -> Result<bool, Failure> {
    let retries = retry::retries(ABORT_ATTEMPTS);
    let request = bucket
        .client
        .abort_multipart_upload()
        .bucket(bucket.location.bucket())
        .key(blank_keys::label(key.to_owned()))
        .upload_id(id)
        .customize()
        .config_override(aws_sdk_s3::Config::builder().retry_config(retries))
        .send();
    match tokio::time::timeout(ABORT_TIMEOUT, request).await {
        Ok(Ok(_)) => Ok(true),
        Ok(Err(error)) => match Failure::from(error) {
            failure if failure.has_code(&["NoSuchUpload"]) => Ok(false),
            failure => Err(failure),
        },
        Err(_) => Err(Failure {
            message: Some(format!("no answer in {} s", ABORT_TIMEOUT.as_secs())),
            origin: Origin::Timeout,
            ..Failure::default()
        }),
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
