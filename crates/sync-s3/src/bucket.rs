//! What every operation needs: the client, the location, and what was configured and
//! learned about it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::SharedCredentialsProvider;
use aws_sdk_s3::types::ChecksumMode;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sync_core::{Entry, ErrorKind, Key, StoreError, checksum::Crc64, hint, setting::Setting};

use crate::checksum::{self, Headers};
use crate::client::blank_keys;
use crate::client::counters::RequestCounters;
use crate::client::customer_key::CustomerKey;
use crate::client::endpoint::Endpoint;
use crate::error::{Attempted, Failure};
use crate::http::clock::Clock;
use crate::http::concurrency::ConcurrencyLimiter;
use crate::http::in_flight::InFlight;
use crate::http::line::Line;
use crate::lanes::Lanes;
use crate::list::Tuning;
use crate::location::Location;
use crate::options::{Absence, Checksums, Conditions, Payer};
use crate::past;
use crate::quirks::{Quirk, Quirks};
use crate::read::buffer_pool::Pool;
use crate::write::journal::UploadJournal;
use crate::write::object_settings::{Encryption, ObjectSettings};

/// What every operation needs.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) location: Location,
    pub(crate) endpoint: Endpoint,
    pub(crate) identity: Option<SharedCredentialsProvider>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) concurrency: Arc<ConcurrencyLimiter>,
    pub(crate) conditions: Conditions,
    pub(crate) quirks: Quirks,
    pub(crate) checksums: Checksums,
    pub(crate) sign_payload: bool,
    pub(crate) objects: ObjectSettings,
    pub(crate) customer_key: Option<CustomerKey>,
    pub(crate) payer: Payer,
    pub(crate) max_attempts: u32,
    pub(crate) journal: Option<Arc<dyn UploadJournal>>,
    pub(crate) counters: RequestCounters,
    pub(crate) in_flight: InFlight,
    pub(crate) line: Arc<Line>,
    pub(crate) lanes: Lanes,
    /// Bytes that were not sent again, because an upload was resumed.
    pub(crate) resumed: AtomicU64,
    pub(crate) buffers: Pool,
    pub(crate) tuning: Tuning,
    pub(crate) is_ordered: bool,
    pub(crate) absence: Absence,
    /// The moment at which it is listed and read, unless that is the present.
    pub(crate) past: Option<DateTime<Utc>>,
    /// What is not known about the past.
    pub(crate) past_notes: Mutex<Vec<String>>,
}

impl Bucket {
    /// The key in the bucket, with the prefix.
    pub(crate) fn full_key(&self, key: &Key) -> String {
        [self.location.prefix(), key.as_str()].concat()
    }

    /// The same, as the SDK accepts it in an address.
    pub(crate) fn key_label(&self, key: &Key) -> String {
        blank_keys::label(self.full_key(key))
    }

    /// The version that a request about `entry` must name: in the past, it is the
    /// revision of the entry.
    pub(crate) fn version_id(&self, entry: &Entry) -> Option<String> {
        self.past?;
        let revision = entry.revision.as_ref();
        revision.map(|revision| past::parts(revision).0.to_owned())
    }

    pub(crate) fn fail(&self, failure: Failure, attempted: Attempted<'_>) -> StoreError {
        let is_lacking = failure.kind() == ErrorKind::Unsupported || failure.refuses_a_value();
        let is_open = is_lacking && failure.advice.is_none();
        let is_key_refused = self.may_be_due_to_key(&failure)
            && failure.status == Some(400)
            && failure.advice.is_none();
        let may_be_blocked = self.customer_key.is_some()
            && !self.endpoint.is_foreign()
            && failure.has_code(&["AccessDenied"])
            && !failure.is_locked()
            && attempted.is_upload();
        let error = failure.into_error(attempted, &self.endpoint);
        if may_be_blocked && let Some(hint) = error.hint().cloned() {
            return error.with_hint(hint!(
                "{}; or the bucket blocks {}, as new buckets of AWS do: see BlockedEncryptionTypes \
                 in its encryption settings",
                hint,
                Setting::CustomerKey
            ));
        }
        let key = self.customer_key.as_ref().map(|_| Setting::CustomerKey);
        let named = match (self.objects.named(), key) {
            (Some(settings), Some(key)) => Some(hint!("{}, {}", settings, key)),
            (settings, key) => settings.or(key.map(Into::into)),
        };
        if is_key_refused && !is_lacking {
            return error.with_hint(hint!(
                "the server may not take {} here: some take it over https only",
                Setting::CustomerKey
            ));
        }
        match named.filter(|_| is_open) {
            Some(settings) => error.with_hint(hint!(
                "the server lacks something that the request asks for: try without {}",
                settings
            )),
            None => error,
        }
    }

    /// What the journal keeps of the settings with which an upload was begun.
    pub(crate) fn settings_mark(&self, upload_id: &str) -> String {
        let settings = self.objects.digest();
        match &self.customer_key {
            Some(key) => key.mark(&settings, upload_id),
            None => settings,
        }
    }

    /// Whether a server may have refused a read because of the key of SSE-C: of an object that
    /// is encrypted by another key, or by none.
    pub(crate) fn may_be_due_to_key(&self, failure: &Failure) -> bool {
        self.customer_key.is_some() && failure.may_be_due_to_key()
    }

    /// Whether the ETags of what is written are surely no MD5s of the content.
    pub(crate) fn seals_etags(&self) -> bool {
        let by_kms = |encryption: &Encryption| encryption.is_by_kms();
        self.customer_key.is_some() || self.objects.encryption.as_ref().is_some_and(by_kms)
    }

    /// Whether requests have `Content-MD5`.
    pub(crate) fn sends_md5(&self) -> bool {
        self.checksums == Checksums::Md5 || self.quirks.has(Quirk::WantsMd5)
    }

    /// Sends a request, and once more if the server answers that it wants
    /// `Content-MD5`.
    pub(crate) async fn with_md5_if_wanted<T, F>(&self, send: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let with_md5 = self.sends_md5();
        match send().await {
            Err(failure) if failure.wants_md5() && !with_md5 => {
                self.quirks.note(Quirk::WantsMd5);
                send().await
            }
            settled => settled,
        }
    }

    /// The checksum headers of `body`, whose CRC64NVME is `sum`.
    pub(crate) fn headers(&self, body: &[u8], sum: Crc64) -> Headers {
        let mut headers = Headers::of(self.checksums, body, sum);
        if self.quirks.has(Quirk::WantsMd5) && headers.md5.is_none() {
            headers.md5 = Some(checksum::md5(body));
        }
        headers
    }

    /// Whether uploads carry the CRC64NVME of the whole, also those in parts.
    pub(crate) fn sums_whole_uploads(&self) -> bool {
        matches!(self.checksums, Checksums::Auto | Checksums::Crc64Nvme)
    }

    /// Whether answers should have the checksums that the server has stored.
    pub(crate) fn checksum_mode(&self) -> Option<ChecksumMode> {
        (self.checksums != Checksums::None).then_some(ChecksumMode::Enabled)
    }
}
