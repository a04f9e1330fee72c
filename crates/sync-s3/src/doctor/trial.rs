//! Writes and lists for a trial.

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::types::EncodingType;
use bytes::Bytes;
use sync_core::{Key, checksum::Crc64};

use crate::checksum::Headers;
use crate::doctor::probe::Probe;
use crate::error::Failure;
use crate::list::url_encoding::decode_if;
use crate::options::Conditions;
use crate::write::conditional::{Attempts, Condition};
use crate::write::put;

/// An object to be written.
pub(super) struct Trial<'a> {
    pub(super) name: &'a str,
    pub(super) body: &'a [u8],
    pub(super) condition: Condition,
    /// Checksums of other content, where that is the trial.
    pub(super) headers: Option<Headers>,
}

impl Probe {
    /// An object with the checksum of backups and without a condition.
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

    /// The same with the prefix.
    pub(super) fn full(&self, name: &str) -> String {
        [self.bucket.location.prefix(), &self.place, name].concat()
    }

    /// Writes an object, as a backup does.
    pub(super) async fn put(&self, trial: Trial<'_>) -> Result<PutObjectOutput, Failure> {
        let send = || self.put_once(&trial);
        self.bucket.with_md5_if_wanted(send).await
    }

    async fn put_once(&self, trial: &Trial<'_>) -> Result<PutObjectOutput, Failure> {
        let headers = match &trial.headers {
            Some(headers) => headers.clone(),
            None => self.bucket.headers(trial.body, Crc64::of(trial.body)),
        };
        let (key, full) = (self.key(trial.name)?, self.full(trial.name));
        let is_new = self.traces.lock().keys.insert(full.clone());
        let body = Bytes::copy_from_slice(trial.body);
        let attempts = Attempts::default();
        let condition = &trial.condition;
        let sent = put::send_once(&self.bucket, &key, body, &headers, condition, &attempts).await;
        if let Err(failure) = &sent
            && is_new
            && !failure.is_in_doubt()
        {
            self.traces.lock().keys.remove(&full);
        }
        let sent = sent?;
        if let Some(version) = sent.version_id() {
            let version = version.to_owned();
            self.traces.lock().versions.insert((full, version));
        }
        Ok(sent)
    }

    /// The keys below the probe key, as the server lists them.
    pub(super) async fn listed_keys(&self) -> Result<Vec<String>, Failure> {
        let page = self
            .bucket
            .client
            .list_objects_v2()
            .bucket(self.bucket.location.bucket())
            .prefix(self.full(""))
            .encoding_type(EncodingType::Url)
            .send()
            .await?;
        let is_encoded = page.encoding_type == Some(EncodingType::Url);
        let objects = page.contents.unwrap_or_default().into_iter();
        let keys = objects.filter_map(|object| object.key);
        let plain = |key| decode_if(is_encoded, key).unwrap_or_else(|lossy| lossy);
        Ok(keys.map(plain).collect())
    }

    /// Whether conditional requests are switched on.
    pub(super) fn asks_for_conditions(&self) -> bool {
        self.bucket.conditions != Conditions::Client
    }
}
