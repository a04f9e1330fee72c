//! What is listed of the past, and what that costs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use proptest::prelude::*;
use s3_endpoint::{Config, Endpoint, KeyMarker, VersionOrder};
use sync_core::{
    Listed, Selection, Store as _,
    entry::SkipCause,
    select::{Criteria, NameRule},
};

use super::super::{BUCKET, EAGER, PLAIN, store};
use super::{at, content, contents, edit, list, past, versioned};
use crate::VersionKind;
use crate::list::Tuning;

/// A change of a key, and how many seconds after the one before it.
#[derive(Debug, Clone)]
struct Change {
    key: usize,
    is_deletion: bool,
    wait: i64,
}

const KEYS: [&str; 5] = ["a", "a-1", "a/b", "b", "b/c"];

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = (0..KEYS.len(), prop::bool::weighted(0.3), 0..3_i64);
    let change = change.prop_map(|(key, is_deletion, wait)| Change {
        key,
        is_deletion,
        wait,
    });
    prop::collection::vec(change, 1..40)
}

/// What each key is after all changes up to each second.
type Model = BTreeMap<i64, BTreeMap<String, Vec<u8>>>;

fn live(server: &Endpoint, changes: &[Change]) -> Model {
    let (mut model, mut now, mut second) = (Model::new(), BTreeMap::new(), 0);
    for (number, change) in changes.iter().enumerate() {
        second += change.wait;
        let key = KEYS[change.key];
        if change.is_deletion {
            server.remove_at(BUCKET, key, at(second));
            now.remove(key);
        } else {
            // Of few sizes, so that only content tells two versions apart.
            let body = format!("{number:03}").into_bytes();
            server.put(BUCKET, key, body.clone(), at(second));
            now.insert(key.to_owned(), body);
        }
        model.insert(second, now.clone());
    }
    model
}

/// Whether several lines of a key have the same time.
fn has_tie(server: &Endpoint, key: &str) -> bool {
    let versions = server.versions(BUCKET);
    let times: Vec<_> = versions[key]
        .iter()
        .map(s3_endpoint::Version::modified)
        .collect();
    times.windows(2).any(|pair| pair[0] == pair[1])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is listed is right, whatever is not listed was absent, and what is not
    /// known has changes within one second of which the server does not tell the order.
    #[test]
    fn the_listing_is_the_bucket_at_that_moment(
        changes in changes(),
        page_size in 1..4_usize,
        order in prop::sample::select(vec![
            VersionOrder::NewestFirst,
            VersionOrder::Torn,
            VersionOrder::OldestFirst,
        ]),
        moments in prop::collection::vec(0..60_i64, 3),
        is_eager in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = Config { page_size, version_order: order, ..Config::with_bucket(BUCKET) };
        let server = versioned(config);
        let model = live(&server, &changes);
        let first = *model.keys().next().unwrap();
        for moment in moments {
            let moment = moment.max(first);
            let (_, expected) = model.range(..=moment).next_back().unwrap();
            let (listed, unknown) = runtime.block_on(async {
                let tuning = if is_eager { EAGER } else { PLAIN };
                contents(&past(&server, moment).await.tuned(tuning)).await
            });
            for key in KEYS {
                if unknown.iter().any(|name| name == key) {
                    prop_assert!(has_tie(&server, key), "{key} at {moment}");
                    let is_exact = order == VersionOrder::NewestFirst && page_size == 1;
                    prop_assert!(!is_exact, "{key} at {moment}");
                } else {
                    prop_assert_eq!(listed.get(key), expected.get(key), "{} at {}", key, moment);
                }
            }
        }
    }

    /// No change of a page ends in a panic, or in a key that was not there.
    #[test]
    fn a_damaged_page_is_an_error_or_the_truth(cut in 0..900_usize, byte in any::<u8>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = versioned(Config::with_bucket(BUCKET));
        server.put(BUCKET, "a", "1", at(1));
        server.put(BUCKET, "a", "2", at(2));
        server.inject(edit(move |answer| {
            let body = &mut answer.body;
            match body.get_mut(cut) {
                Some(place) if byte > 9 => *place = byte,
                _ => body.truncate(cut),
            }
        }));
        let listed = runtime.block_on(async { list(&past(&server, 9).await).await });
        for item in listed.into_iter().flatten() {
            let is_known = match &item {
                Listed::Entry(entry) => entry.key.as_str().len() <= 4,
                Listed::Skipped(_) => true,
            };
            prop_assert!(is_known, "{item:?}");
        }
    }
}

/// As in the present: it has no path below the directory.
#[tokio::test]
async fn an_object_of_the_name_of_the_prefix_is_skipped() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "p/", "content", at(1));
    server.put(BUCKET, "p/a", "1", at(1));
    let place = |second: Option<i64>| {
        store(&server, move |options| {
            options.location = "bucket/p".parse().unwrap();
            options.at = second.map(at);
        })
    };
    let causes = |items: Vec<Listed>| {
        let cause = |item| match item {
            Listed::Entry(entry) => entry.key.as_str().to_owned(),
            Listed::Skipped(skipped) => format!("{:?}", skipped.cause),
        };
        items.into_iter().map(cause).collect::<Vec<_>>()
    };
    let then = causes(list(&place(Some(9)).await).await.unwrap());
    assert_eq!(then, ["UnmappableKey", "a"]);
    assert_eq!(then, causes(list(&place(None).await).await.unwrap()));
}

#[tokio::test]
async fn a_page_costs_one_request_and_is_all_that_is_held() {
    let server = versioned(Config::with_bucket(BUCKET));
    for version in 0..10 {
        for key in 0..1_000 {
            server.put(BUCKET, &format!("k{key:04}"), "x", at(version));
        }
    }
    // As much as a loaded machine may take.
    let tuning = Tuning {
        late: Duration::from_secs(5),
        ..Tuning::default()
    };
    let store = past(&server, 5).await.tuned(tuning);
    assert_eq!(list(&store).await.unwrap().len(), 1_000);
    assert_eq!(server.count("ListObjectVersions"), 10);
    assert_eq!(
        store.read_requests().list,
        10 + server.count("ListObjectsV2") as u64
    );
}

#[tokio::test]
async fn all_versions_of_a_key_or_below_a_prefix_are_told() {
    let server = versioned(Config {
        page_size: 2,
        ..Config::with_bucket(BUCKET)
    });
    server.put(BUCKET, "p", "1", at(1));
    server.put(BUCKET, "p", "22", at(2));
    server.remove_at(BUCKET, "p", at(3));
    for key in ["p-1", "p/a", "p/b", "q"] {
        server.put(BUCKET, key, "333", at(4));
    }
    let told = async |place: &str| {
        let store = store(&server, |options| options.location = place.parse().unwrap()).await;
        let versions: Vec<_> = store.versions().try_collect().await.unwrap();
        let shown = versions.into_iter().map(|version| match version.kind {
            VersionKind::Object(size) => format!("{}:{size}", version.key),
            VersionKind::DeleteMarker => format!("{}:-", version.key),
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        told("bucket/p").await,
        ["p:-", "p:2", "p:1", "p/a:3", "p/b:3"]
    );
    assert_eq!(told("bucket/p/a").await, ["p/a:3"]);
    assert_eq!(told("bucket/nothing").await, [""; 0]);
    assert_eq!(told("bucket").await.len(), 7);
}

/// A server that is not AWS may drop a line after a key, even if it lists in order.
#[tokio::test]
async fn what_follows_an_excluded_directory_is_complete_on_servers_that_drop_a_line() {
    let server = versioned(Config {
        page_size: 10,
        key_marker: KeyMarker::SkipsOneLine,
        ..Config::with_bucket(BUCKET)
    });
    for file in 0..30 {
        server.put(BUCKET, &format!("cache/f{file:03}"), "1", at(1));
    }
    for second in 1..3 {
        server.put(BUCKET, "cache0", format!("{second}"), at(second));
    }
    let criteria = Criteria {
        names: vec![NameRule::Exclude("cache/".to_owned())],
        ..Criteria::default()
    };
    let selection = Arc::new(Selection::new(criteria, None).unwrap());
    let store = past(&server, 9).await.listing_in_order();
    let listing = store.list(&selection).await;
    let listed: Vec<Listed> = listing.entries.try_collect().await.unwrap();
    let entries = listed.iter().filter_map(|item| match item {
        Listed::Entry(entry) => Some(entry),
        Listed::Skipped(_) => None,
    });
    let entries: Vec<_> = entries.collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(content(&store, entries[0]).await.unwrap(), b"2");
}

/// They cost no requests, as in a listing of objects.
#[tokio::test]
async fn excluded_directories_are_not_listed_in_the_past() {
    let server = versioned(Config {
        page_size: 10,
        ..Config::with_bucket(BUCKET)
    });
    for key in ["a", "cache-", "cache.txt", "cache0", "z"] {
        server.put(BUCKET, key, "1", at(1));
    }
    for file in 0..300 {
        for version in 0..2 {
            server.put(BUCKET, &format!("cache/f{file:03}"), "1", at(version));
        }
    }
    let criteria = Criteria {
        names: vec![NameRule::Exclude("cache/".to_owned())],
        ..Criteria::default()
    };
    let selection = Arc::new(Selection::new(criteria, None).unwrap());
    for tuning in [PLAIN, EAGER] {
        let store = past(&server, 9).await.of_aws().tuned(tuning);
        let before = server.count("ListObjectVersions");
        let listing = store.list(&selection).await;
        let listed: Vec<Listed> = listing.entries.try_collect().await.unwrap();
        let names: Vec<_> = listed
            .iter()
            .map(|item| match item {
                Listed::Entry(entry) => entry.key.as_str(),
                Listed::Skipped(skipped) => {
                    assert_eq!(skipped.cause, SkipCause::NotSelected);
                    skipped.name.as_str()
                }
            })
            .collect();
        assert_eq!(names, ["a", "cache-", "cache.txt", "cache", "cache0", "z"]);
        let requests = server.count("ListObjectVersions") - before;
        assert!(requests < 10, "{requests}");
    }
    // What is skipped may be older than all that is not.
    let store = past(&server, 0).await.listing_in_order();
    let listing = store.list(&selection).await;
    let listed: Vec<Listed> = listing.entries.try_collect().await.unwrap();
    let entries = listed.iter().filter(|it| matches!(it, Listed::Entry(_)));
    assert_eq!(entries.count(), 0);
}
