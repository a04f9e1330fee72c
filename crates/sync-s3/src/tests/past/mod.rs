//! The bucket as it was: what it is listed as at any moment, whatever the server's
//! order and pages, and that doubt is never absence.

mod holes;
mod listing;
mod pages;
mod parallel;
mod reads;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use s3_endpoint::{Action, Answer, Config, Endpoint, Fault};
use sync_core::{Entry, Listed, Result, Store as _, entry::SkipCause, store::read_bytes};

use super::{BUCKET, store};
use crate::S3Store;

fn at(second: i64) -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second)
}

fn versioned(config: Config) -> Endpoint {
    let server = Endpoint::start(config).unwrap();
    server.set_versioning(BUCKET, Some("Enabled"));
    server
}

async fn past(server: &Endpoint, second: i64) -> S3Store {
    store(server, |options| {
        options.at = Some(at(second));
        options.max_attempts = 1;
    })
    .await
}

fn is_hole(item: &Listed) -> bool {
    matches!(item, Listed::Skipped(hole) if hole.cause == SkipCause::History)
}

async fn list(store: &S3Store) -> Result<Vec<Listed>> {
    let listing = store.list(&Default::default()).await;
    listing.entries.try_collect().await
}

/// The content of every listed key, and the names of what is not known.
async fn contents(store: &S3Store) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let (mut contents, mut unknown) = (BTreeMap::new(), Vec::new());
    for item in list(store).await.unwrap() {
        match item {
            Listed::Entry(entry) => {
                let bytes = content(store, &entry).await.unwrap();
                contents.insert(entry.key.as_str().to_owned(), bytes);
            }
            Listed::Skipped(skipped) => {
                assert_eq!(skipped.cause, SkipCause::History, "{skipped:?}");
                unknown.push(skipped.name);
            }
        }
    }
    (contents, unknown)
}

async fn content(store: &S3Store, entry: &Entry) -> Result<Vec<u8>> {
    let bytes = read_bytes(store, entry, 0..entry.size).await?;
    Ok(bytes.to_vec())
}

/// Changes every page of versions.
fn edit(change: impl Fn(&mut Answer) + Send + Sync + 'static) -> Fault {
    Fault::on("ListObjectVersions")
        .always()
        .act(Action::edit(change))
}
