//! Writing for a trial, and the traces that it leaves.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use sync_core::{Crc64, Key};

use super::Probe;
use crate::checksum::Headers;
use crate::error::Failure;
use crate::guard::Condition;
use crate::options::Conditions;

/// What may be in the bucket because of us.
#[derive(Debug, Default)]
pub(super) struct Traces(Mutex<Made>);

#[derive(Debug, Default)]
pub(super) struct Made {
    /// Whole keys that were written, or may have been.
    pub(super) keys: BTreeSet<String>,
    /// Versions of them, as far as the server named any.
    pub(super) versions: BTreeSet<(String, String)>,
    /// Uploads that were begun: key and name.
    pub(super) uploads: BTreeSet<(String, String)>,
    /// Whether an upload may have been begun without our knowing its name.
    pub(super) lost_upload: bool,
}

impl Traces {
    pub(super) fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object to be written.
pub(super) struct Trial {
    pub(super) name: &'static str,
    pub(super) body: &'static [u8],
    pub(super) condition: Condition,
    pub(super) headers: Headers,
}

impl Probe {
    /// One with the checksum that backups use, and no condition.
    pub(super) fn trial(&self, name: &'static str, body: &'static [u8]) -> Trial {
        Trial {
            name,
            body,
            condition: Condition::None,
            headers: Headers::of(self.bucket.checksums, body, Crc64::of(body)),
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

    pub(super) async fn put(&self, trial: Trial) -> Result<PutObjectOutput, Failure> {
        let key = self.full(trial.name);
        let is_new = self.traces.lock().keys.insert(key.clone());
        let bucket = &self.bucket;
        let mut request = bucket
            .client
            .put_object()
            .bucket(bucket.location.bucket())
            .key(&key)
            .body(ByteStream::from(Bytes::from_static(trial.body)))
            .set_checksum_crc64_nvme(trial.headers.crc64)
            .set_checksum_crc32(trial.headers.crc32)
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
        self.bucket.conditions == Conditions::Server
    }
}
