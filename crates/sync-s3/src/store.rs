//! The bucket as a store: how it is opened, and where each operation is.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_sdk_s3::config::Credentials;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{BoxStream, StreamExt};
use parking_lot::Mutex;
use sync_core::{
    Entry, ErrorKind, Expected, Key, KeyRange, NewEntry, Result, Selection, Store, StoreError,
    Writer,
    checksum::{Crc64, Digest},
    clock::Present,
    key::MAX_KEY_BYTES,
    store::{Chunks, KeyProblem, Level, Listing},
};

use crate::bucket::Bucket;
use crate::client::connect::{self, Connection};
use crate::client::counters::RequestCounters;
use crate::error::Attempted;
use crate::http::clock::Clock;
use crate::http::concurrency::ConcurrencyLimiter;
use crate::http::in_flight::InFlight;
use crate::http::line::Line;
use crate::http::throttle::BandwidthLimiter;
use crate::http::transport::Transport;
use crate::lanes::Lanes;
use crate::list::versions::ObjectVersion;
use crate::options::{Conditions, S3Options};
use crate::past;
use crate::quirks::{Quirk, Quirks};
use crate::read::buffer_pool::Pool;
use crate::request_count::Requests;
use crate::versioning::{self, Versioning};
use crate::write::abandoned::LeftUploads;
use crate::write::multipart::Upload;
use crate::write::{abandoned, put};
use crate::{delete, list, read, stored_checksum};

/// A bucket, or the keys below a prefix of it.
///
/// Cheap to clone; clones share connections, retry budget and clock.
#[derive(Debug, Clone)]
pub struct S3Store {
    pub(crate) bucket: Arc<Bucket>,
}

impl S3Store {
    /// Prepares access to the bucket. Sends no request: the first operation shows whether
    /// the bucket exists and the credentials suffice.
    ///
    /// # Errors
    /// `Other` for invalid options, such as an endpoint that is not a URL.
    pub async fn connect(options: S3Options) -> Result<Self> {
        Self::connect_as(options, None).await
    }

    /// The same, with credentials that replace the usual sources: for tests.
    pub(crate) async fn connect_as(
        options: S3Options,
        credentials: Option<Credentials>,
    ) -> Result<Self> {
        let clock = Arc::new(Clock::default());
        let concurrency = ConcurrencyLimiter::new(options.concurrency);
        let limiter = options.bandwidth.clone().map(BandwidthLimiter::new);
        let in_flight = InFlight::default();
        let line = Arc::new(Line::new(in_flight.clone()));
        let transport = Transport::new(
            Arc::clone(&clock),
            Arc::clone(&concurrency),
            limiter.clone(),
            in_flight.clone(),
            Arc::clone(&line),
        );
        let counters = RequestCounters::default();
        let Connection {
            client,
            endpoint,
            customer_key,
            identity,
        } = connect::connect(&options, credentials, transport, limiter, counters.clone()).await?;
        let is_ordered = endpoint.lists_in_order(options.location.bucket());
        let is_ordered = options.lists_in_order.decide(is_ordered);
        let is_trusted = options.conditions != Conditions::Auto || !endpoint.is_foreign();
        let past = options
            .at
            .map(|at| past::end_of_second(at, &options.location));
        let past = past.transpose()?;
        let sign_payload = options.sign_payload.decide(endpoint.is_plain_http());
        Ok(Self {
            bucket: Arc::new(Bucket {
                client,
                location: options.location,
                endpoint,
                identity,
                clock,
                concurrency,
                quirks: Quirks::new(is_trusted),
                conditions: options.conditions,
                checksums: options.checksums,
                sign_payload,
                objects: options.objects,
                customer_key,
                payer: options.payer,
                max_attempts: options.max_attempts.max(1),
                journal: options.journal,
                counters,
                in_flight,
                line,
                lanes: Lanes::new(options.threads),
                resumed: AtomicU64::new(0),
                buffers: Pool::default(),
                tuning: list::Tuning::default(),
                is_ordered,
                absence: options.absence,
                past,
                past_notes: Mutex::default(),
            }),
        })
    }

    /// Whether objects are written and read with a key of the customer (SSE-C).
    #[must_use]
    pub fn has_customer_key(&self) -> bool {
        self.bucket.customer_key.is_some()
    }

    /// With listings read as `tuning` says.
    #[cfg(test)]
    pub(crate) fn tuned(self, tuning: list::Tuning) -> Self {
        self.changed(|bucket| bucket.tuning = tuning)
    }

    /// With a server that lists in byte order for sure, as AWS does.
    #[cfg(test)]
    pub(crate) fn listing_in_order(self) -> Self {
        self.changed(|bucket| bucket.is_ordered = true)
    }

    /// As if the server were AWS itself.
    #[cfg(test)]
    pub(crate) fn of_aws(self) -> Self {
        self.changed(|bucket| bucket.endpoint.url = None)
            .listing_in_order()
    }

    #[cfg(test)]
    fn changed(mut self, change: impl FnOnce(&mut Bucket)) -> Self {
        change(Arc::get_mut(&mut self.bucket).expect("nobody else has it"));
        self
    }

    /// The URL of the server, from whatever source; `None` means AWS.
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

    /// The bytes that requests in flight have moved.
    #[must_use]
    pub fn in_flight(&self) -> InFlight {
        self.bucket.in_flight.clone()
    }

    /// The requests so far that only read: LIST, HEAD, GET, and those about the
    /// bucket. A run sends no others before it changes anything.
    #[must_use]
    pub fn read_requests(&self) -> Requests {
        self.bucket.counters.requests()
    }

    /// Whether the bucket keeps what is overwritten or deleted. One request, which never
    /// fails and takes a few seconds at most.
    pub async fn versioning(&self) -> Versioning {
        versioning::versioning(&self.bucket).await
    }

    /// Bytes that were not sent again, because an upload of an earlier run was
    /// resumed.
    #[must_use]
    pub fn resumed_bytes(&self) -> u64 {
        self.bucket.resumed.load(Ordering::Relaxed)
    }

    /// Aborts the uploads that earlier runs left open, as far as they are in
    /// [`S3Options::journal`]; those of others stay. No request is sent if there
    /// are none. Some may still be resumed, so this belongs at the end of a run.
    pub async fn abort_left_uploads(&self) -> LeftUploads {
        abandoned::abort_left(&self.bucket).await
    }

    /// What the server does not support and what was done instead: a sentence each.
    /// Complete at the end of a run.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.bucket.quirks.notes()
    }

    /// All versions and delete markers: first those of the key that the location names
    /// without its last slash, then those of all keys below it; in the order of the
    /// server, which mostly is that of the keys, the newest first. It ends after an error.
    pub fn versions(&self) -> BoxStream<'static, Result<ObjectVersion>> {
        list::versions::lines(Arc::clone(&self.bucket))
    }

    /// What is not known about the past that this store lists, a sentence each. Complete
    /// once it has been listed.
    #[must_use]
    pub fn past_notes(&self) -> Vec<String> {
        self.bucket.past_notes.lock().clone()
    }

    /// The moment at which this store lists and reads; none means the present.
    #[must_use]
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.bucket.past
    }

    /// The length of the prefix in bytes, which counts towards the limit of a key.
    #[must_use]
    pub fn prefix_len(&self) -> usize {
        self.bucket.location.prefix().len()
    }
}

#[async_trait]
impl Store for S3Store {
    fn location(&self) -> String {
        match self.bucket.past {
            Some(at) => format!("{} as of {}", self.bucket.location, past::shown(at)),
            None => self.bucket.location.to_string(),
        }
    }

    async fn list(&self, selection: &Arc<Selection>) -> Listing {
        self.list_range(selection, &KeyRange::default()).await
    }

    async fn list_range(&self, selection: &Arc<Selection>, range: &KeyRange) -> Listing {
        let (bucket, selection) = (Arc::clone(&self.bucket), Arc::clone(selection));
        let keys = selection.keys().filter(|_| bucket.past.is_none()).cloned();
        let is_pruned =
            range.is_all() || bucket.is_ordered && bucket.past.is_none() && keys.is_none();
        if !range.is_all() && !bucket.is_ordered {
            tracing::info!("the order of listings is not known: all keys are listed for a range");
            bucket.quirks.note(Quirk::RangeListedWhole);
        }
        let entries = match (bucket.past, keys) {
            (Some(at), _) => list::versions::list(bucket, selection, at),
            (None, Some(keys)) => list::keys::list(bucket, selection, &keys),
            (None, None) => list::list(bucket, selection, range.clone()),
        };
        let mut entries = Box::pin(entries.peekable());
        // The first answer tells the server's time.
        entries.as_mut().peek().await;
        let listing = Listing {
            entries,
            clock_offset: self.bucket.clock.offset(),
        };
        if is_pruned {
            listing
        } else {
            listing.within(range.clone())
        }
    }

    async fn level(&self, directory: &str, names: usize) -> Result<Level> {
        let level = list::estimate(&self.bucket, directory, names).await;
        level.map_err(|failure| list::refused(&self.bucket, failure))
    }

    fn accepts(&self, key: &Key) -> Result<(), KeyProblem> {
        let bytes = self.prefix_len() + key.as_str().len();
        if bytes > MAX_KEY_BYTES {
            let limit = MAX_KEY_BYTES;
            return Err(KeyProblem::TooLong { bytes, limit });
        }
        Ok(())
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
        self.bucket.concurrency.useful_callers()
    }

    fn bandwidth_delay(&self) -> u64 {
        self.bucket.line.bandwidth_delay()
    }

    async fn stat(&self, key: &Key) -> Result<Option<Entry>> {
        if let Some(at) = self.bucket.past {
            return list::versions::find(&self.bucket, key, at).await;
        }
        let found = self.bucket.head(key).await.map_err(|failure| {
            let attempted = Attempted::look_up(key.as_str());
            self.bucket.fail(failure, attempted)
        })?;
        match found {
            Some(found) if self.bucket.quirks.has(Quirk::OtherETagsListed) => {
                Ok(Some(list::as_listed(&self.bucket, found.entry).await))
            }
            found => Ok(found.map(|found| found.entry)),
        }
    }

    async fn relist(&self, key: &Key) -> Result<Option<Entry>> {
        let found = self.stat(key).await?;
        match found {
            Some(found) if self.bucket.quirks.has(Quirk::FractionsListed) => {
                Ok(Some(list::as_listed(&self.bucket, found).await))
            }
            found => Ok(found),
        }
    }

    async fn digest(&self, entry: &Entry) -> Result<Option<Digest>> {
        stored_checksum::digest(&self.bucket, entry).await
    }

    async fn read(&self, entry: &Entry, range: Range<u64>) -> Result<Chunks> {
        let place = self
            .bucket
            .lanes
            .place(range.end.saturating_sub(range.start));
        let (bucket, entry) = (Arc::clone(&self.bucket), entry.clone());
        let begun = place.run(async move { read::read(&bucket, &entry, range).await });
        let chunks = begun.await?;
        Ok(place.holding(chunks))
    }

    fn reads_in_chunks(&self) -> bool {
        true
    }

    async fn put(
        &self,
        entry: &NewEntry,
        body: Bytes,
        checksum: Crc64,
        expected: &Expected,
    ) -> Result<()> {
        let place = self.bucket.lanes.place(body.len() as u64);
        let bucket = Arc::clone(&self.bucket);
        let (entry, expected) = (entry.clone(), expected.clone());
        let work = async move { put::put(&bucket, &entry, body, checksum, &expected).await };
        place.run(work).await
    }

    async fn write(
        &self,
        entry: &NewEntry,
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
