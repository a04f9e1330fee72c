//! Listings of versions that are read at several places at once: the same history as one
//! page after the other, whatever the keys and the orders are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::TryStreamExt as _;
use proptest::prelude::*;
use s3_endpoint::{Config, Endpoint, KeyMarker, VersionOrder, max_in_flight};
use sync_core::{Listed, Store as _, entry::SkipCause};

use super::super::{BUCKET, EAGER, PLAIN, store};
use super::{at, versioned};
use crate::list::Tuning;
use crate::{ObjectVersion, S3Store};

const ORDERS: [VersionOrder; 3] = [
    VersionOrder::NewestFirst,
    VersionOrder::Torn,
    VersionOrder::OldestFirst,
];

const KEY_MARKERS: [KeyMarker; 3] = [
    KeyMarker::Excluded,
    KeyMarker::Included,
    KeyMarker::SkipsOneLine,
];

async fn opened(server: &Endpoint, place: &str, second: Option<i64>, tuning: Tuning) -> S3Store {
    let store = store(server, |options| {
        options.location = place.parse().unwrap();
        options.at = second.map(at);
    });
    store.await.tuned(tuning)
}

async fn versions(server: &Endpoint, place: &str, tuning: Tuning) -> Vec<ObjectVersion> {
    let store = opened(server, place, None, tuning).await;
    store.versions().try_collect().await.unwrap()
}

async fn listed(store: &S3Store) -> Vec<Listed> {
    let listing = store.list(&Default::default()).await;
    listing.entries.try_collect().await.unwrap()
}

/// Requests for a single version, with which segments begin, and those for directories.
fn beginnings(server: &Endpoint) -> (usize, usize) {
    let log = server.log();
    let of_versions = log
        .iter()
        .filter(|entry| entry.operation == "ListObjectVersions");
    let queries: Vec<_> = of_versions
        .map(|entry| format!("{}&", entry.query))
        .collect();
    let with = |what: &str| queries.iter().filter(|query| query.contains(what)).count();
    (with("max-keys=1&"), with("delimiter="))
}

/// `versions` versions of each of `files` files in each directory.
fn fill(server: &Endpoint, directories: usize, files: usize, versions: usize) {
    for directory in 0..directories {
        for file in 0..files {
            for version in 0..versions {
                let key = format!("d{directory:04}/f{file:03}");
                server.put(BUCKET, &key, "x", at(version as i64));
            }
        }
    }
}

fn late(page_size: usize) -> Config {
    Config {
        page_size,
        latency: Duration::from_millis(50),
        ..Config::with_bucket(BUCKET)
    }
}

/// As many requests as are needed, and hardly more; and many at once.
#[track_caller]
fn is_read_at_once(server: &Endpoint, operation: &str, least: usize, at_once: usize) {
    let requests = server.count(operation);
    let most = max_in_flight(&server.log(), Some(operation));
    let told = format!("{operation}: {requests} for {least}, {most} at once");
    println!("{told}");
    assert!(requests >= least, "{told}");
    assert!(requests <= least * 6 / 5 + 10, "{told}");
    assert!((at_once..=16).contains(&most), "{told}");
}

#[tokio::test]
async fn pages_of_versions_that_come_late_are_asked_for_at_once_and_hardly_more_often() {
    let server = versioned(late(50));
    fill(&server, 100, 25, 4);
    let found = versions(&server, BUCKET, Tuning::default()).await;
    assert_eq!(found.len(), 10_000);
    let place = |it: &ObjectVersion| (it.key.clone(), -it.modified.timestamp());
    assert!(found.iter().map(place).is_sorted_by(|one, next| one < next));
    is_read_at_once(&server, "ListObjectVersions", 200, 8);
}

/// As after a wrong deletion: then a listing of objects shows no directory.
#[tokio::test]
async fn a_bucket_in_which_all_is_deleted_is_read_at_several_places() {
    let server = versioned(late(50));
    fill(&server, 100, 50, 1);
    for key in server.versions(BUCKET).keys() {
        server.remove_at(BUCKET, key, at(50));
    }
    let store = opened(&server, BUCKET, Some(9), Tuning::default()).await;
    assert_eq!(listed(&store).await.len(), 5_000);
    assert!(beginnings(&server).1 > 0);
    is_read_at_once(&server, "ListObjectVersions", 200, 4);
}

/// Both listings are read at several places, and hold as many pages as one.
#[tokio::test]
async fn versions_and_current_objects_are_read_side_by_side() {
    let server = versioned(late(50));
    fill(&server, 200, 25, 2);
    let store = opened(&server, BUCKET, Some(0), Tuning::default()).await;
    let found = listed(&store).await;
    assert_eq!(found.len(), 5_000);
    is_read_at_once(&server, "ListObjectVersions", 200, 4);
    let objects = server.count("ListObjectsV2");
    assert!(objects <= 130, "{objects}");
}

#[tokio::test]
async fn pages_of_versions_that_come_in_time_are_asked_for_one_after_the_other() {
    let server = versioned(Config {
        page_size: 10,
        ..Config::with_bucket(BUCKET)
    });
    fill(&server, 50, 10, 2);
    // As much as a loaded machine may take.
    let tuning = Tuning {
        late: Duration::from_millis(500),
        ..Tuning::default()
    };
    assert_eq!(versions(&server, BUCKET, tuning).await.len(), 1_000);
    assert_eq!(server.count("ListObjectVersions"), 100);
    assert_eq!(max_in_flight(&server.log(), None), 1);
}

/// Some servers begin with the versions of the key after which they should; here it is
/// that of each directory.
#[tokio::test]
async fn versions_of_a_split_point_itself_come_once() {
    for key_marker in [KeyMarker::Excluded, KeyMarker::Included] {
        let server = versioned(Config {
            key_marker,
            ..late(20)
        });
        fill(&server, 200, 8, 2);
        for directory in 0..200 {
            for version in 0..4 {
                let key = format!("d{directory:04}/");
                server.put(BUCKET, &key, "", at(version));
            }
        }
        let found = versions(&server, BUCKET, Tuning::default()).await;
        is_read_at_once(&server, "ListObjectVersions", 200, 8);
        let (segments, _) = beginnings(&server);
        assert!(segments >= 8, "{segments}");
        assert_eq!(found, versions(&server, BUCKET, PLAIN).await);
    }
}

/// Some servers drop the newest version of the first key after a split point: then the
/// segment does not follow, and the rest is read in turn.
#[tokio::test]
async fn no_version_is_lost_where_a_server_drops_a_line_after_a_key() {
    let server = versioned(Config {
        key_marker: KeyMarker::SkipsOneLine,
        ..late(20)
    });
    fill(&server, 200, 8, 2);
    let found = versions(&server, BUCKET, Tuning::default()).await;
    assert!(beginnings(&server).0 > 0, "it was split");
    assert_eq!(found.len(), 3_200);
    assert_eq!(found, versions(&server, BUCKET, PLAIN).await);
}

/// The same of a server that lists the markers of a page last (moto): the newest version is the
/// first line of its key on a page, though a marker was dropped before it.
#[tokio::test]
async fn no_marker_is_lost_where_a_server_drops_a_line_and_lists_markers_last() {
    let server = versioned(Config {
        key_marker: KeyMarker::SkipsOneLine,
        version_order: VersionOrder::Torn,
        page_size: 20,
        ..Config::with_bucket(BUCKET)
    });
    let key = |n: usize| format!("d{:03}/f{}", n / 8, n % 8);
    let changes: Vec<_> = (0..3_200)
        .map(|n| (key(n % 800), n / 800 % 2 == 1, i64::from(n % 800 == 0)))
        .collect();
    lived(&server, &changes);
    let found = versions(&server, BUCKET, EAGER).await;
    let expected = versions(&server, BUCKET, PLAIN).await;
    assert!(beginnings(&server).0 > 0, "it was split");
    assert_eq!((found.len(), expected.len()), (3_200, 3_200));
}

fn key() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("a".to_owned()),
        Just("a-b".to_owned()),
        Just("long-common-prefix-of-many-keys-0001".to_owned()),
        Just("é\u{ffff}".to_owned()),
        Just("😀 +%2F".to_owned()),
        "[ab][-.!/0]?[ab]?",
        "[0-9]{2}",
    ];
    proptest::collection::vec(piece, 1..4).prop_map(|pieces| pieces.join("/"))
}

/// Changes of few keys, each so many seconds after the one before it.
fn history() -> impl Strategy<Value = Vec<(String, bool, i64)>> {
    let keys = proptest::collection::vec(key(), 1..12);
    keys.prop_flat_map(|keys| {
        let key = proptest::sample::select(keys);
        let change = (key, prop::bool::weighted(0.3), 0..3_i64);
        proptest::collection::vec(change, 1..80)
    })
}

fn lived(server: &Endpoint, changes: &[(String, bool, i64)]) -> i64 {
    let mut second = 0;
    for (number, (key, is_deletion, wait)) in changes.iter().enumerate() {
        second += wait;
        if *is_deletion {
            server.remove_at(BUCKET, key, at(second));
        } else {
            server.put(BUCKET, key, format!("{number:03}"), at(second));
        }
    }
    second
}

/// The ids of each key as they are listed.
fn by_key(versions: &[ObjectVersion]) -> BTreeMap<&str, Vec<&str>> {
    let mut keys = BTreeMap::<_, Vec<_>>::new();
    for version in versions {
        let ids = keys.entry(&*version.key).or_default();
        ids.push(&*version.version_id);
    }
    keys
}

/// The entries by key, and the names of what is not known.
fn sorted(items: Vec<Listed>) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let (mut entries, mut unknown) = (BTreeMap::new(), BTreeSet::new());
    for item in items {
        match item {
            Listed::Entry(entry) => {
                let revision = entry.revision.unwrap().as_str().to_owned();
                let before = entries.insert(entry.key.as_str().to_owned(), revision);
                assert_eq!(before, None, "{} comes twice", entry.key);
            }
            Listed::Skipped(skipped) if skipped.cause == SkipCause::History => {
                unknown.insert(skipped.name);
            }
            Listed::Skipped(_) => {}
        }
    }
    (entries, unknown)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_history_that_is_read_at_once_is_that_of_one_page_after_the_other(
        changes in history(),
        page_size in 1..4_usize,
        segment_pages in 1..4_usize,
        streams in 1..9_usize,
        pages in 4..20_usize,
        order in prop::sample::select(ORDERS.to_vec()),
        key_marker in prop::sample::select(KEY_MARKERS.to_vec()),
        place in prop::sample::select(vec!["bucket", "bucket/a"]),
        moment in 0..100_i64,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let server = versioned(Config {
                page_size,
                version_order: order,
                key_marker,
                ..Config::with_bucket(BUCKET)
            });
            // So that no moment is before all versions.
            server.put(BUCKET, "a/0", "0", at(0));
            let moment = moment.min(lived(&server, &changes));
            let tuning = Tuning { streams, pages, segment_pages, ..EAGER };
            let found = versions(&server, place, tuning).await;
            let expected = versions(&server, place, PLAIN).await;
            if order == VersionOrder::Torn {
                // What is on one page depends on where it begins.
                let sets = |versions| {
                    let keys = by_key(versions).into_iter();
                    keys.map(|(key, mut ids)| { ids.sort_unstable(); (key, ids) }).collect::<Vec<_>>()
                };
                assert_eq!(sets(&found), sets(&expected));
            } else {
                assert_eq!(found, expected);
            }
            let (entries, unknown) =
                sorted(listed(&opened(&server, place, Some(moment), tuning).await).await);
            let (expected, not_known) =
                sorted(listed(&opened(&server, place, Some(moment), PLAIN).await).await);
            let is_known = |key: &str| !unknown.contains(key) && !not_known.contains(key);
            let keys = entries.keys().chain(expected.keys()).collect::<BTreeSet<_>>();
            for key in keys.into_iter().filter(|key| is_known(key)) {
                assert_eq!(entries.get(key), expected.get(key), "{key}");
            }
        });
    }
}
