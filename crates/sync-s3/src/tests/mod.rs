//! The store over a real connection to an S3 server in memory
//! (`s3_endpoint`), with faults injected there.

mod blank;
mod coded;
mod contract;
mod customer_keys;
mod delete;
mod errors;
mod first_version;
mod garbled;
mod hostile;
mod journal;
mod key_lists;
mod lanes;
mod list;
mod live;
mod outside;
mod pages;
mod past;
mod patience;
mod prune;
mod quirks;
mod ranges;
mod reach;
mod read;
mod resume;
mod split;
mod vacate;
mod write;

use std::time::Duration;

use aws_sdk_s3::config::Credentials;
use bytes::Bytes;
use futures::TryStreamExt as _;
use s3_endpoint::{ACCESS_KEY, Config, Endpoint, SECRET_KEY};
use sync_core::{
    Entry, Expected, Key, Listed, NewEntry, Result, Store as _, StoreError, checksum::Crc64,
    setting::Setting,
};

use crate::list::Tuning;
use crate::{S3Options, S3Store};

const BUCKET: &str = "bucket";

/// One page after the other.
const PLAIN: Tuning = Tuning {
    pages_first: u64::MAX,
    late: Duration::MAX,
    late_pages: u32::MAX,
    streams: 1,
    pages: 2,
    segment_pages: 1,
};

/// Split wherever it can be, however fast the server is.
const EAGER: Tuning = Tuning {
    pages_first: 1,
    late: Duration::ZERO,
    late_pages: 0,
    streams: 16,
    pages: 64,
    segment_pages: 2,
};

/// What the hint of `error` says; nothing if it has none.
fn hint_of(error: &StoreError) -> String {
    error.hint().map(ToString::to_string).unwrap_or_default()
}

/// Whether the hint of `error` names `setting`.
fn names(error: &StoreError, setting: Setting) -> bool {
    let hint = error.hint();
    hint.is_some_and(|hint| hint.settings().any(|named| named == setting))
}

/// A server with one empty bucket, and a store over it.
struct Fixture {
    server: Endpoint,
    store: S3Store,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Config::with_bucket(BUCKET), |_| {}).await
    }

    async fn with_options(change: impl FnOnce(&mut S3Options)) -> Self {
        Self::with(Config::with_bucket(BUCKET), change).await
    }

    async fn with(config: Config, change: impl FnOnce(&mut S3Options)) -> Self {
        let server = Endpoint::start(config).unwrap();
        let store = store(&server, change).await;
        Self { server, store }
    }

    /// An object in the bucket, as the store sees it.
    async fn object(&self, key: &str, body: impl Into<Bytes>) -> Entry {
        self.server.put(BUCKET, key, body, None);
        self.stat(key).await.unwrap()
    }

    async fn stat(&self, name: &str) -> Option<Entry> {
        self.store.stat(&key(name)).await.unwrap()
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        self.store
            .list(&Default::default())
            .await
            .entries
            .try_collect()
            .await
    }

    async fn put(&self, name: &str, body: impl Into<Bytes>, expected: Expected) -> Result<()> {
        let body = body.into();
        let sum = Crc64::of(&body);
        let entry = entry(name, body.len());
        self.store
            .put(&NewEntry::from(&entry), body, sum, &expected)
            .await
    }

    /// The content of an object, or nothing.
    fn body(&self, key: &str) -> Option<Bytes> {
        Some(self.server.object(BUCKET, key)?.body())
    }
}

/// Two attempts only: most tests are about what happens after the last.
async fn store(server: &Endpoint, change: impl FnOnce(&mut S3Options)) -> S3Store {
    let mut options = S3Options::new(BUCKET.parse().unwrap());
    options.endpoint_url = Some(server.url());
    options.region = Some("us-east-1".to_owned());
    options.max_attempts = 2;
    // Without trials, so that the requests are those of the operation.
    options.conditions = crate::Conditions::Server;
    change(&mut options);
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
    S3Store::connect_as(options, Some(credentials))
        .await
        .unwrap()
}

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

fn entry(name: &str, size: usize) -> Entry {
    let modified = "2023-04-05T06:07:08.123456789Z".parse().unwrap();
    Entry::new(key(name), size as u64, modified)
}

/// Bytes without a period that a part size could hide.
fn bytes(len: usize) -> Bytes {
    (0..len).map(|n| (n % 251) as u8).collect()
}
