//! Writing for a trial.

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sync_core::{Key, checksum::Crc64};

use crate::checksum::Headers;
use crate::doctor::probe::Probe;
use crate::error::Failure;
use crate::options::Conditions;
use crate::write::conditional::Condition;

/// An object to be written.
pub(super) struct Trial<'a> {
    pub(super) name: &'a str,
    pub(super) body: &'a [u8],
    pub(super) condition: Condition,
    /// Those of another content, where that is the trial.
    pub(super) headers: Option<Headers>,
}

impl Probe {
    /// One with the checksum that backups use, and no condition.
    pub(super) fn trial<'a>(&self, name: &'a str, body: &'a [u8]) -> Trial<'a> {
        Trial {
            name,
            body,
            condition: Condition::None,
            headers: None,
        }
    }

    /// The key of a name below the probe key.
    pub(super) fn key(&self, name: &str) -> Result<Key, Failure> {
        Key::new(format!("{}{name}", self.place).as_str())
            .map_err(|error| Failure::protocol(error.to_string()))
    }

    /// The same, as the bucket knows it.
    pub(super) fn full(&self, name: &str) -> String {
        [self.bucket.location.prefix(), &self.place, name].concat()
    }

    /// Writes it, with `Content-MD5` once the server has asked for it.
    pub(super) async fn put(&self, trial: Trial<'_>) -> Result<PutObjectOutput, Failure> {
        let with_md5 = self.bucket.sends_md5();
        match self.put_once(&trial).await {
            Err(failure) if failure.wants_md5() && !with_md5 => {
                self.bucket.conduct.send_md5();
                self.put_once(&trial).await
            }
            settled => settled,
        }
    }

    async fn put_once(&self, trial: &Trial<'_>) -> Result<PutObjectOutput, Failure> {
        let headers = match &trial.headers {
            Some(headers) => headers.clone(),
            None => self.bucket.headers(trial.body, Crc64::of(trial.body)),
        };
        let key = self.full(trial.name);
        let is_new = self.traces.lock().keys.insert(key.clone());
        let bucket = &self.bucket;
        let mut request = bucket
            .client
            .put_object()
            .bucket(bucket.location.bucket())
            .key(&key)
            .body(ByteStream::from(Bytes::copy_from_slice(trial.body)))
            .set_checksum_algorithm(headers.algorithm())
            .set_checksum_crc64_nvme(headers.crc64)
            .set_checksum_crc32(headers.crc32)
            .set_content_md5(headers.md5)
            .set_if_match(trial.condition.if_match())
            .set_if_none_match(trial.condition.if_none_match())
            .customize();
        if !bucket.sign_payload {
            request = request.disable_payload_signing();
        }
        let sent = request.send().await.map_err(|error| Failure::from(&error));
        if let Err(failure) = &sent
            && is_new
            && !failure.is_in_doubt()
        {
            self.traces.lock().keys.remove(&key);
        }
        let sent = sent?;
        if let Some(version) = sent.version_id() {
            let version = version.to_owned();
            self.traces.lock().versions.insert((key, version));
        }
        Ok(sent)
    }

    /// Whether the server is to check conditions; if not, nothing is tried.
    pub(super) fn asks_for_conditions(&self) -> bool {
        self.bucket.conditions != Conditions::Client
    }
}
