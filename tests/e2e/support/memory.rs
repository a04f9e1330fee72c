//! The endpoint of this package, in process: as AWS answers, and with a log,
//! a clock and faults.

use std::{collections::BTreeMap, ops::Deref};

use chrono::{DateTime, Utc};
use s3_endpoint::{ACCESS_KEY, Config, Endpoint, Entry, SECRET_KEY};

use super::{Server, Stored};

/// A server of the test's own. It dereferences to the [`Endpoint`].
pub(crate) struct Memory(Endpoint);

impl Memory {
    pub(crate) fn start() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self(Endpoint::start(config).unwrap())
    }

    /// Every request but the listings, in the order of arrival, as in
    /// `PutObject a/b 200`; `lost` is an answer that never came. What a
    /// backup asks about the bucket before it begins is the subject of
    /// `versioning` alone.
    pub(crate) fn story(&self) -> Vec<String> {
        let told = |entry: Entry| {
            let key = entry.key.unwrap_or_default();
            let status = entry.status.map_or("lost".to_owned(), |s| s.to_string());
            format!("{} {key} {status}", entry.operation).replace("  ", " ")
        };
        let log = self.0.log().into_iter();
        log.filter(|entry| !entry.operation.starts_with("List"))
            .filter(|entry| entry.operation != "GetBucketVersioning")
            .map(told)
            .collect()
    }

    /// The requests of one operation for one key, in the order of arrival.
    pub(crate) fn asked(&self, operation: &str, key: &str) -> Vec<Entry> {
        let log = self.0.log().into_iter();
        log.filter(|entry| entry.operation == operation && entry.key.as_deref() == Some(key))
            .collect()
    }

    /// Puts an object as if that had been done at `modified`.
    pub(crate) fn put_at(&self, bucket: &str, key: &str, content: &str, modified: DateTime<Utc>) {
        self.0.put(bucket, key, content.to_owned(), modified);
    }
}

impl Deref for Memory {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.0
    }
}

impl Server for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn url(&self) -> String {
        self.0.url()
    }

    fn credentials(&self) -> (&str, &str) {
        (ACCESS_KEY, SECRET_KEY)
    }

    fn create_bucket(&self, bucket: &str) {
        self.0.create_bucket(bucket);
    }

    fn put(&self, bucket: &str, key: &str, content: &[u8]) {
        self.0.put(bucket, key, content.to_vec(), None);
    }

    fn objects(&self, bucket: &str) -> BTreeMap<String, Stored> {
        let objects = self.0.objects(bucket).into_iter();
        let stored = objects.map(|(key, object)| {
            let (content, modified) = (object.body().into(), object.modified());
            (key, Stored { content, modified })
        });
        stored.collect()
    }

    fn unfinished_uploads(&self, bucket: &str) -> Option<Vec<String>> {
        let uploads = self.0.open_uploads(bucket).into_iter();
        Some(uploads.map(|upload| upload.key).collect())
    }

    fn requests(&self) -> Option<Vec<&'static str>> {
        Some(
            self.0
                .log()
                .into_iter()
                .map(|entry| entry.operation)
                .collect(),
        )
    }
}
