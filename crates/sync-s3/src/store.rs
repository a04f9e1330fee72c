//! The bucket as a store: what all operations need, and the trait.
//!
//! The operations themselves are in the files of their names; here stands
//! only how each is reached, and the HEAD that several of them use.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;
use sync_core::{
    Crc64, Digest, Entry, ErrorKind, Expected, Key, Listed, MAX_KEY_BYTES, Present, Result, Store,
    StoreError, Writer,
};

use crate::checksum::Headers;
use crate::client::connect::{self, Connection, Endpoint};
use crate::client::{blank_keys, retry};
use crate::error::{Attempted, Failure};
use crate::etag::ETag;
use crate::http::clock::{self, Clock};
use crate::http::concurrency::Pace;
use crate::http::in_flight::UnderWay;
use crate::http::throttle::Limiter;
use crate::http::transport::Transport;
use crate::location::Location;
use crate::options::{Checksums, Conditions, Payer, S3Options};
use crate::quirks::Conduct;
use crate::read::buffer_pool::Pool;
use crate::request_count::{Made, Requests};
use crate::versioning::{self, Versioning};
use crate::write::journal::{LeftUploads, UploadJournal};
use crate::write::multipart::Upload;
use crate::write::object_settings::ObjectSettings;
use crate::write::resume::Spared;
use crate::write::{journal, put};
use crate::{checksum, delete, list, read, stored_checksum};

/// What a HEAD needs; without s3:ListBucket, S3 answers 403 for a key that is
/// not there (API Reference, HeadObject).
pub(crate) const LOOK_UP: &str = "s3:GetObject, and s3:ListBucket for keys that are not there";

/// A bucket, or what stands below a prefix of it.
///
/// Cheap to clone; clones share connections, retry budget and clock.
#[derive(Debug, Clone)]
pub struct S3Store {
    pub(crate) bucket: Arc<Bucket>,
}

/// What every operation needs.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) client: Client,
    pub(crate) location: Location,
    pub(crate) endpoint: Endpoint,
    pub(crate) identity: Option<SharedCredentialsProvider>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) conditions: Conditions,
    pub(crate) conduct: Conduct,
    pub(crate) checksums: Checksums,
    pub(crate) sign_payload: bool,
    pub(crate) objects: ObjectSettings,
    pub(crate) payer: Payer,
    pub(crate) max_attempts: u32,
    pub(crate) journal: Option<Arc<dyn UploadJournal>>,
    pub(crate) made: Made,
    pub(crate) under_way: UnderWay,
    pub(crate) spared: Spared,
    pub(crate) buffers: Pool,
    pub(crate) tuning: list::Tuning,
    pub(crate) left_out: list::LeftOut,
    /// Whether a listing came in another order than that of the bytes.
    pub(crate) is_disordered: AtomicBool,
    /// Whether the server knows only the first version of listings.
    pub(crate) lists_first_version: AtomicBool,
    /// Whether a listing told fractions of a second, which no header does.
    pub(crate) lists_fractions: AtomicBool,
}

impl S3Store {
    /// Prepares access to the bucket. Sends no request, so whether the bucket
    /// exists and the credentials suffice shows with the first operation.
    ///
    /// # Errors
    /// `Other` for options that cannot work, such as an endpoint that is no URL.
    pub async fn connect(options: S3Options) -> Result<Self> {
        Self::connect_as(options, None).await
    }

    /// As [`connect`](Self::connect), with credentials that replace the usual
    /// sources: for tests.
    pub(crate) async fn connect_as(
        options: S3Options,
        credentials: Option<Credentials>,
    ) -> Result<Self> {
        let clock = Arc::new(Clock::default());
        let pace = Pace::new(options.concurrency);
        let limiter = options.bandwidth.clone().map(Limiter::new);
        let under_way = UnderWay::default();
        let transport = Transport::new(
            Arc::clone(&clock),
            Arc::clone(&pace),
            limiter.clone(),
            under_way.clone(),
        );
        let made = Made::default();
        let Connection {
            client,
            endpoint,
            identity,
        } = connect::connect(&options, credentials, transport, limiter, made.clone()).await?;
        let is_ordered = endpoint.lists_in_order(options.location.bucket());
        let is_trusted = match options.conditions {
            Conditions::Auto => !endpoint.is_foreign(),
            Conditions::Server | Conditions::Client => true,
        };
        let sign_payload = options.sign_payload.decide(endpoint.is_plain_http());
        Ok(Self {
            bucket: Arc::new(Bucket {
                client,
                location: options.location,
                endpoint,
                identity,
                clock,
                pace,
                conduct: Conduct::new(is_trusted),
                conditions: options.conditions,
                checksums: options.checksums,
                sign_payload,
                objects: options.objects,
                payer: options.payer,
                max_attempts: options.max_attempts.max(1),
                journal: options.journal,
                made,
                under_way,
                spared: Spared::default(),
                buffers: Pool::default(),
                tuning: list::Tuning::default(),
                left_out: list::LeftOut::new(options.selection, is_ordered),
                is_disordered: AtomicBool::new(false),
                lists_first_version: AtomicBool::new(false),
                lists_fractions: AtomicBool::new(false),
            }),
        })
    }

    /// With listings read as `tuning` says.
    #[cfg(test)]
    pub(crate) fn tuned(mut self, tuning: list::Tuning) -> Self {
        if let Some(bucket) = Arc::get_mut(&mut self.bucket) {
            bucket.tuning = tuning;
        }
        self
    }

    /// Passing over what `selection` leaves out, as if in AWS.
    #[cfg(test)]
    pub(crate) fn passing_over(mut self, selection: sync_core::Selection) -> Self {
        if let Some(bucket) = Arc::get_mut(&mut self.bucket) {
            bucket.left_out = list::LeftOut::new(Arc::new(selection), true);
        }
        self
    }

    /// The server's URL as requests really use it, wherever it comes from;
    /// none means AWS.
    #[must_use]
    pub fn endpoint_url(&self) -> Option<&str> {
        self.bucket.endpoint.url.as_deref()
    }

    /// The region that requests are signed for, if any is configured.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let region = self.bucket.client.config().region();
        region.map(AsRef::as_ref)
    }

    /// What requests have moved that have not ended.
    #[must_use]
    pub fn under_way(&self) -> UnderWay {
        self.bucket.under_way.clone()
    }

    /// The requests that have been made to look: lists, heads, reads, and what
    /// asks about the bucket. All that a run makes before it changes anything.
    #[must_use]
    pub fn looks(&self) -> Requests {
        self.bucket.made.requests()
    }

    /// Whether the bucket keeps what is overwritten or deleted. One request,
    /// which never fails and takes a few seconds at most.
    pub async fn versioning(&self) -> Versioning {
        versioning::versioning(&self.bucket).await
    }

    /// Bytes that needed not be sent, because an upload that an earlier run
    /// began was gone on with.
    #[must_use]
    pub fn spared_bytes(&self) -> u64 {
        self.bucket.spared.bytes.load(Ordering::Relaxed)
    }

    /// Aborts the uploads that earlier runs began and never ended, as far as
    /// [`S3Options::journal`] knows of them; those of others stay. If it knows
    /// of none, no request is made. Those that can be gone on with are, so
    /// this belongs at the end of a run.
    pub async fn abort_left_uploads(&self) -> LeftUploads {
        journal::abort_left(&self.bucket).await
    }

    /// What the server did not do as S3 does, and what was done instead: a
    /// sentence each, for people. Complete at the end of a run.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.bucket.conduct.notes()
    }

    /// Bytes of the prefix. They count towards the limit of a key.
    #[must_use]
    pub fn prefix_len(&self) -> usize {
        self.bucket.location.prefix().len()
    }
}

impl Bucket {
    /// The key as the bucket knows it.
    pub(crate) fn full_key(&self, key: &Key) -> String {
        [self.location.prefix(), key.as_str()].concat()
    }

    /// The key of an object that a request is addressed to.
    pub(crate) fn key_label(&self, key: &Key) -> String {
        blank_keys::label(self.full_key(key))
    }

    pub(crate) fn fail(&self, failure: Failure, attempted: Attempted<'_>) -> StoreError {
        let is_lacking = failure.kind() == ErrorKind::Unsupported || failure.refuses_a_value();
        let error = failure.into_error(attempted, &self.endpoint);
        match self.objects.options().filter(|_| is_lacking) {
            Some(options) => error.with_hint(format!(
                "the server lacks something that the request asks for: try without {options}"
            )),
            None => error,
        }
    }

    /// Whether requests carry `Content-MD5`.
    pub(crate) fn sends_md5(&self) -> bool {
        self.checksums == Checksums::Md5 || self.conduct.wants_md5()
    }

    /// The checksum headers of `body`, whose CRC64NVME is `sum`.
    pub(crate) fn headers(&self, body: &[u8], sum: Crc64) -> Headers {
        let mut headers = Headers::of(self.checksums, body, sum);
        if self.conduct.wants_md5() && headers.md5.is_none() {
            headers.md5 = Some(checksum::md5(body));
        }
        headers
    }

    /// Whether responses are asked for the checksums that the server keeps.
    pub(crate) fn checksum_mode(&self) -> Option<ChecksumMode> {
        (self.checksums != Checksums::None).then_some(ChecksumMode::Enabled)
    }

    /// The object as it is now; `None` if it is not there.
    pub(crate) async fn head(&self, key: &Key) -> Result<Option<Entry>, Failure> {
        self.head_within(key, self.max_attempts).await
    }

    /// As [`head`](Self::head), with fewer attempts.
    pub(crate) async fn head_within(
        &self,
        key: &Key,
        attempts: u32,
    ) -> Result<Option<Entry>, Failure> {
        match self.head_output(key, attempts).await? {
            Some(head) => entry_of(key, &head).map(Some),
            None => Ok(None),
        }
    }

    /// As [`head_within`](Self::head_within), with all that the server says.
    pub(crate) async fn head_output(
        &self,
        key: &Key,
        attempts: u32,
    ) -> Result<Option<HeadObjectOutput>, Failure> {
        self.head_at(self.key_label(key), attempts).await
    }

    /// The same of what has this address, which may be the name of a directory.
    pub(crate) async fn head_at(
        &self,
        label: String,
        attempts: u32,
    ) -> Result<Option<HeadObjectOutput>, Failure> {
        let mut request = self
            .client
            .head_object()
            .bucket(self.location.bucket())
            .key(label)
            .set_checksum_mode(self.checksum_mode())
            .customize();
        if attempts < self.max_attempts {
            let retries = retry::retries(attempts);
            request = request.config_override(aws_sdk_s3::Config::builder().retry_config(retries));
        }
        match request.send().await {
            Ok(head) => Ok(Some(head)),
            Err(error) => match Failure::from(&error) {
                failure if failure.is_missing_key() => Ok(None),
                failure => Err(failure),
            },
        }
    }
}

pub(crate) fn entry_of(key: &Key, head: &HeadObjectOutput) -> Result<Entry, Failure> {
    let size = head
        .content_length()
        .and_then(|len| u64::try_from(len).ok());
    let modified = head.last_modified().and_then(clock::exact);
    let (Some(size), Some(modified)) = (size, modified) else {
        return Err(Failure::protocol("the answer lacks a size or a time"));
    };
    let mut entry = Entry::new(key.clone(), size, modified);
    entry.revision = head.e_tag().and_then(ETag::parse).map(ETag::revision);
    entry.checksum = checksum::whole(head.checksum_crc64_nvme(), head.checksum_type());
    Ok(entry)
}

#[async_trait]
impl Store for S3Store {
    fn location(&self) -> String {
        self.bucket.location.to_string()
    }

    fn list(&self) -> BoxStream<'static, Result<Listed>> {
        list::list(Arc::clone(&self.bucket))
    }

    fn accepts(&self, key: &Key) -> Result<(), String> {
        let len = self.prefix_len() + key.as_str().len();
        if len > MAX_KEY_BYTES {
            return Err(format!(
                "is {len} bytes long with the prefix; S3 takes at most {MAX_KEY_BYTES}"
            ));
        }
        Ok(())
    }

    fn clock_offset(&self) -> Option<TimeDelta> {
        self.bucket.clock.offset()
    }

    fn clock_jump(&self) -> Option<TimeDelta> {
        self.bucket.clock.jump()
    }

    fn present(&self) -> Option<Present> {
        self.bucket.clock.present()
    }

    async fn wait_for(&self, moment: DateTime<Utc>) {
        self.bucket.clock.wait_for(moment).await;
    }

    fn parallelism(&self) -> usize {
        self.bucket.pace.wanted()
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        let found = self.bucket.head(key).await.map_err(|failure| {
            let attempted = Attempted {
                what: "look up",
                name: key.as_str(),
                permission: LOOK_UP,
            };
            self.bucket.fail(failure, attempted)
        })?;
        match found {
            Some(found) if self.bucket.conduct.lists_other_etags() => {
                Ok(Some(list::as_listed(&self.bucket, found).await))
            }
            found => Ok(found),
        }
    }

    async fn relist(&self, key: &Key) -> Result<Option<Entry>> {
        let found = self.stat(key).await?;
        match found {
            Some(found) if self.bucket.lists_fractions.load(Ordering::Relaxed) => {
                Ok(Some(list::as_listed(&self.bucket, found).await))
            }
            found => Ok(found),
        }
    }

    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        stored_checksum::digest(&self.bucket, entry).await
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Bytes> {
        let bytes = read::read(&self.bucket, entry, range).await?;
        self.bucket.made.received(bytes.len() as u64);
        Ok(bytes)
    }

    async fn put(
        &self,
        entry: &Entry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        put::put(&self.bucket, entry, body, checksum, expected).await
    }

    async fn write(
        &self,
        entry: &Entry,
        part_size: u64,
        expected: &Expected,
    ) -> Result<Box<dyn Writer>> {
        if part_size == 0 {
            return Err(StoreError::new(
                ErrorKind::Other,
                format!("cannot upload '{}' in parts of no bytes", entry.key),
            ));
        }
        let upload = Upload::begin(&self.bucket, entry, part_size, expected).await?;
        Ok(Box::new(upload))
    }

    async fn delete(&self, entries: &[Entry]) -> Vec<Result<()>> {
        delete::delete(&self.bucket, entries).await
    }
}
