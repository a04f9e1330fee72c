//! Directories that the selection leaves out are not listed, and nothing else
//! is lost with them.

use futures::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;
use s3_endpoint::Config;
use std::sync::Arc;
use sync_core::{
    Listed, Selection, Store as _,
    entry::SkipCause,
    select::{Criteria, NameRule},
};

use super::{BUCKET, EAGER, Fixture, PLAIN};
use crate::S3Store;
use crate::list::Tuning;

fn excluding(globs: &[&str]) -> Selection {
    let names = globs
        .iter()
        .map(|glob| NameRule::Exclude((*glob).to_owned()));
    let criteria = Criteria {
        names: names.collect(),
        ..Criteria::default()
    };
    Selection::new(criteria, None).unwrap()
}

async fn fixture(keys: &[String], tuning: Tuning) -> Fixture {
    let config = Config {
        page_size: 10,
        ..Config::with_bucket(BUCKET)
    };
    let mut fixture = Fixture::with(config, |options| {
        options.location = format!("{BUCKET}/p").parse().unwrap();
    })
    .await;
    for key in keys {
        fixture.server.put(BUCKET, key, "x", None);
    }
    let store = fixture.store.listing_in_order();
    fixture.store = store.tuned(tuning);
    fixture
}

/// Keys that are selected, and directories that were passed over.
async fn listed(store: &S3Store, globs: &[&str]) -> (Vec<String>, Vec<String>) {
    let selection = Arc::new(excluding(globs));
    let (mut keys, mut passed) = (Vec::new(), Vec::new());
    for item in store
        .list(&selection)
        .await
        .entries
        .try_collect::<Vec<_>>()
        .await
        .unwrap()
    {
        match item {
            Listed::Entry(entry) if selection.selects(entry.key.as_str()) => {
                keys.push(entry.key.as_str().to_owned());
            }
            Listed::Skipped(skipped) if skipped.cause == SkipCause::NotSelected => {
                passed.push(skipped.name);
            }
            _ => {}
        }
    }
    (keys, passed)
}

fn files(directory: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |n| format!("p/{directory}f{n:04}"))
}

#[tokio::test]
async fn a_directory_that_is_left_out_is_not_listed() {
    let beside = [
        "a-b/x",
        "a.txt",
        "a/x",
        "cache-",
        "cache.txt",
        "cache0",
        "caches/x",
    ];
    let mut keys: Vec<String> = beside.iter().map(|key| format!("p/{key}")).collect();
    keys.extend(files("cache/", 500).chain(files("cache/\u{10ffff}", 3)));
    keys.extend(files("z/", 15));
    let fixture = fixture(&keys, PLAIN).await;
    let (found, passed) = listed(&fixture.store, &["cache/"]).await;
    assert_eq!(found.len(), beside.len() + 15, "{found:?}");
    assert!(found.is_sorted());
    // Also what the directory has behind its end, as far as it fills a page.
    assert_eq!(passed, ["cache"]);
    assert!(fixture.server.count("ListObjectsV2") <= 5);
}

#[tokio::test]
async fn what_may_be_included_again_is_listed() {
    let keys: Vec<_> = files("cache/", 50).collect();
    let fixture = fixture(&keys, PLAIN).await;
    let (found, passed) = listed(&fixture.store, &["cache/*1"]).await;
    assert_eq!((found.len(), passed.len()), (45, 0));
    assert_eq!(fixture.server.count("ListObjectsV2"), 5);
}

/// SeaweedFS, for one, lists `a-b/y` after `a/x`.
#[tokio::test]
async fn where_the_order_is_not_known_nothing_is_passed_over() {
    let config = Config {
        page_size: 10,
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |_| {}).await;
    for key in files("", 50) {
        fixture.server.put(BUCKET, &key, "x", None);
    }
    let listing = fixture.store.list(&Arc::new(excluding(&["p/"]))).await;
    assert_eq!(listing.entries.collect::<Vec<_>>().await.len(), 50);
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let name = "[a-c]0?([-/.][a-c]0?){0,3}";
    proptest::collection::btree_set(name, 0..120)
        .prop_map(|names| names.iter().map(|name| format!("p/{name}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However it is read.
    #[test]
    fn nothing_else_is_passed_over(
        keys in names(),
        globs in proptest::sample::subsequence(vec!["a/", "b/a/", "*/c/", "c", "b/*/", "a-*"], 0..4),
        is_eager: bool,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let tuning = if is_eager { EAGER } else { PLAIN };
            let fixture = fixture(&keys, tuning).await;
            let (found, _) = listed(&fixture.store, &globs).await;
            let selection = excluding(&globs);
            let below = keys.iter().filter_map(|key| key.strip_prefix("p/"));
            let expected: Vec<_> = below.filter(|key| selection.selects(key)).collect();
            assert_eq!(found, expected);
        });
    }
}
