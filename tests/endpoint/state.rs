//! What the server remembers: buckets, their objects and their open uploads.
//!
//! One lock guards it all. Nothing slow happens under it: bodies are received
//! and hashed before, streamed after.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use s3s::S3Result;

use crate::{
    clock::{Clock, cut},
    config::{Config, Precision, Rounding},
    error::no_such_bucket,
    multipart::Upload,
    object::{Extra, Object},
    order::Objects,
    versions::History,
};

/// The content of the server, for tests to prepare and to look at.
#[derive(Debug)]
pub struct State {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    uploads_begun: AtomicU64,
}

/// A multipart upload that was neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key that it will have.
    pub key: String,
    /// Its identifier.
    pub upload_id: String,
    /// When it was begun.
    pub initiated: DateTime<Utc>,
    /// The numbers of the parts that have arrived.
    pub parts: Vec<u16>,
}

#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) created: DateTime<Utc>,
    /// As GetBucketVersioning answers.
    pub(crate) versioning: Option<&'static str>,
    pub(crate) objects: Objects,
    pub(crate) history: History,
    pub(crate) versions_made: u64,
    /// What GetBucketLifecycleConfiguration answers: the rules as XML.
    pub(crate) lifecycle: Option<String>,
    /// By key, then by upload identifier, as S3 lists them.
    pub(crate) uploads: BTreeMap<(String, String), Upload>,
    pub(crate) requester_pays: bool,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        let state = Self {
            config,
            clock: Clock::default(),
            buckets: Mutex::default(),
            uploads_begun: AtomicU64::new(0),
        };
        for name in &state.config.buckets {
            state.create_bucket(name);
        }
        state
    }

    /// Sets how far the clock is ahead of the system's, from now on.
    pub fn set_clock_offset(&self, offset: TimeDelta) {
        self.clock.set_offset(offset);
    }

    /// Sets the clock: it is `moment` now, and goes on from there.
    pub fn set_clock(&self, moment: DateTime<Utc>) {
        self.clock.set_offset(moment - Utc::now());
    }

    /// Creates an empty bucket; one that exists stays as it is.
    pub fn create_bucket(&self, name: &str) {
        let bucket = self.new_bucket();
        self.buckets().entry(name.to_owned()).or_insert(bucket);
    }

    /// Stores an object, creating the bucket if need be. `modified` is cut to
    /// the precision of the server; `None` is now.
    pub fn put(
        &self,
        bucket: &str,
        key: &str,
        body: impl Into<Bytes>,
        modified: impl Into<Option<DateTime<Utc>>>,
    ) {
        let modified = modified.into().unwrap_or_else(|| self.clock.now());
        let object = Object::new(
            body.into(),
            cut(modified, self.config.precision),
            self.config.fast_etags,
        );
        self.create_bucket(bucket);
        if let Some(bucket) = self.buckets().get_mut(bucket) {
            bucket.insert(key, Arc::new(object));
        }
    }

    /// The object with this key.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Object> {
        self.buckets()
            .get(bucket)?
            .objects
            .get(key)
            .map(|object| Object::clone(object))
    }

    /// All objects of a bucket, by key.
    #[must_use]
    pub fn objects(&self, bucket: &str) -> BTreeMap<String, Object> {
        let buckets = self.buckets();
        let Some(bucket) = buckets.get(bucket) else {
            return BTreeMap::new();
        };
        let objects = bucket.objects.range(Bound::Unbounded);
        objects
            .map(|(key, object)| (bucket.objects.decode(key), Object::clone(object)))
            .collect()
    }

    /// Removes an object and returns it.
    pub fn remove(&self, bucket: &str, key: &str) -> Option<Object> {
        let now = self.now();
        let removed = self.buckets().get_mut(bucket)?.remove(key, now);
        removed.object.map(Arc::unwrap_or_clone)
    }

    /// Moves an object to a storage class; one in `GLACIER` or `DEEP_ARCHIVE`
    /// can be listed and asked about but not read.
    pub fn set_storage_class(&self, bucket: &str, key: &str, class: &str) {
        self.change(bucket, key, |extra| {
            extra.storage_class = Some(class.to_owned());
        });
    }

    /// Restores an archived object, so that it can be read.
    pub fn thaw(&self, bucket: &str, key: &str) {
        self.change(bucket, key, |extra| extra.thawed = true);
    }

    /// From now on only who is ready to pay (`x-amz-request-payer`) is served.
    pub fn let_requester_pay(&self, bucket: &str) {
        if let Some(bucket) = self.buckets().get_mut(bucket) {
            bucket.requester_pays = true;
        }
    }

    /// Enables versioning (`Enabled`), suspends it (`Suspended`), or neither. From
    /// now on versions are kept as AWS keeps them.
    pub fn set_versioning(&self, bucket: &str, status: Option<&'static str>) {
        if let Some(bucket) = self.buckets().get_mut(bucket) {
            bucket.versioning = status;
        }
    }

    /// Sets the lifecycle rules, as XML: the children of `LifecycleConfiguration`.
    pub fn set_lifecycle(&self, bucket: &str, rules: Option<&str>) {
        if let Some(bucket) = self.buckets().get_mut(bucket) {
            bucket.lifecycle = rules.map(str::to_owned);
        }
    }

    /// The multipart uploads of a bucket that are still open, by key.
    #[must_use]
    pub fn open_uploads(&self, bucket: &str) -> Vec<OpenUpload> {
        let buckets = self.buckets();
        let uploads = buckets
            .get(bucket)
            .into_iter()
            .flat_map(|bucket| &bucket.uploads);
        uploads
            .map(|((key, upload_id), upload)| OpenUpload {
                key: key.clone(),
                upload_id: upload_id.clone(),
                initiated: upload.initiated,
                parts: upload.parts.keys().copied().collect(),
            })
            .collect()
    }

    fn change(&self, bucket: &str, key: &str, change: impl FnOnce(&mut Extra)) {
        let mut buckets = self.buckets();
        let Some(bucket) = buckets.get_mut(bucket) else {
            return;
        };
        let Some(object) = bucket.objects.get(key) else {
            return;
        };
        let mut object = Object::clone(object);
        let mut extra = object.extra.take().unwrap_or_default();
        change(&mut extra);
        object.extra = extra.boxed();
        bucket.amend(key, Arc::new(object));
    }

    pub(crate) fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at or changes one bucket, all at once for everybody else.
    pub(crate) fn with_bucket<T>(
        &self,
        name: &str,
        f: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut buckets = self.buckets();
        f(buckets.get_mut(name).ok_or_else(no_such_bucket)?)
    }

    pub(crate) fn new_bucket(&self) -> Bucket {
        Bucket {
            created: self.now(),
            versioning: None,
            objects: Objects::new(self.config.list_order),
            history: History::default(),
            versions_made: 0,
            lifecycle: None,
            uploads: BTreeMap::new(),
            requester_pays: false,
        }
    }

    /// The present as `LastModified` expresses it.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        let part = match (self.config.precision, self.config.rounding) {
            (Precision::Millisecond, _) | (_, Rounding::Down) => TimeDelta::zero(),
            (_, Rounding::Up) => TimeDelta::nanoseconds(999_999_999),
            (_, Rounding::Nearest) => TimeDelta::milliseconds(500),
        };
        cut(now + part, self.config.precision)
    }

    /// A new upload identifier; later ones sort after earlier ones.
    pub(crate) fn next_upload_id(&self) -> String {
        format!(
            "upload-{:08}",
            self.uploads_begun.fetch_add(1, Ordering::Relaxed) + 1
        )
    }
}
