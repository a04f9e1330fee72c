//! Listings of key ranges: laid end to end they are the listing, at the price of a page
//! each; of a server whose order is not known, all keys are listed.

use std::time::Duration;

use futures::TryStreamExt as _;
use proptest::prelude::*;
use s3_endpoint::{Action, Config, Fault, ListOrder, max_in_flight};
use sync_core::{KeyRange, Listed, Result, Store as _};

use super::first_version::ignores_the_second_version;
use super::{BUCKET, EAGER, Fixture, PLAIN};
use crate::list::Tuning;
use crate::{Choice, S3Store};

const PAGE: usize = 10;

async fn fixture(keys: &[String], in_order: Choice, tuning: Tuning) -> Fixture {
    late_fixture(keys, in_order, tuning, Duration::ZERO).await
}

/// Each answer comes after `latency`.
async fn late_fixture(
    keys: &[String],
    in_order: Choice,
    tuning: Tuning,
    latency: Duration,
) -> Fixture {
    let config = Config {
        page_size: PAGE,
        latency,
        ..Config::with_bucket(BUCKET)
    };
    let mut fixture = Fixture::with(config, |options| {
        options.location = format!("{BUCKET}/p \u{e4}+").parse().unwrap();
        options.lists_in_order = in_order;
    })
    .await;
    for key in keys {
        let key = format!("p \u{e4}+/{key}");
        fixture.server.put(BUCKET, &key, "x", None);
    }
    fixture.store = fixture.store.tuned(tuning);
    fixture
}

async fn list(store: &S3Store, range: &KeyRange) -> Result<Vec<String>> {
    let listing = store.list_range(&Default::default(), range).await;
    let items: Vec<_> = listing.entries.try_collect().await?;
    let name = |item| match item {
        Listed::Entry(entry) => entry.key.as_str().to_owned(),
        Listed::Skipped(skipped) => skipped.name,
    };
    Ok(items.into_iter().map(name).collect())
}

fn split(boundaries: &[String]) -> Vec<KeyRange> {
    KeyRange::split(boundaries.iter().cloned())
}

async fn laid_end_to_end(store: &S3Store, ranges: &[KeyRange]) -> Vec<String> {
    let mut laid = Vec::new();
    for range in ranges {
        laid.extend(list(store, range).await.unwrap());
    }
    laid
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{}/f{n:04}", n / 100)).collect()
}

fn keys() -> impl Strategy<Value = Vec<String>> {
    let key = "[a-c]0?([-/.][a-c]0?){0,3}";
    proptest::collection::btree_set(key, 0..120).prop_map(|keys| keys.into_iter().collect())
}

fn boundaries() -> impl Strategy<Value = Vec<String>> {
    let boundary = "[a-c]0?([-/.][a-c]0?){0,2}[-/.\u{e9}]?";
    proptest::collection::btree_set(boundary, 0..6).prop_map(|names| names.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However it is read.
    #[test]
    fn ranges_laid_end_to_end_are_the_listing(
        keys in keys(),
        boundaries in boundaries(),
        is_eager: bool,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let tuning = if is_eager { EAGER } else { PLAIN };
            let fixture = fixture(&keys, Choice::Always, tuning).await;
            let ranges = split(&boundaries);
            assert_eq!(laid_end_to_end(&fixture.store, &ranges).await, keys);
            if !is_eager {
                let lists = fixture.server.count("ListObjectsV2");
                let of_all = keys.len().div_ceil(PAGE).max(1);
                assert!(lists <= of_all + ranges.len(), "{lists} for {of_all} pages");
            }
        });
    }
}

#[tokio::test]
async fn only_the_pages_of_a_range_are_requested() {
    let keys = numbered(1000);
    for (tuning, most) in [(PLAIN, 4), (EAGER, 12)] {
        let fixture = fixture(&keys, Choice::Always, tuning).await;
        let range = KeyRange::new(Some("4/f0449".to_owned()), Some("4/f0479".to_owned()));
        assert_eq!(list(&fixture.store, &range).await.unwrap(), keys[450..480]);
        assert!(fixture.server.count("ListObjectsV2") <= most);
        assert!(fixture.store.notes().is_empty());
    }
}

#[tokio::test]
async fn a_range_of_many_pages_is_read_at_several_places_at_once() {
    let keys = numbered(3000);
    let fixture = fixture(&keys, Choice::Always, EAGER).await;
    let boundaries = ["10", "20"].map(str::to_owned);
    let ranges = split(&boundaries);
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(laid_end_to_end(&fixture.store, &ranges).await, sorted);
    let log = fixture.server.log();
    let begins = |query: &str| query.contains("start-after=") && !query.contains("delimiter=");
    let splits = log.iter().filter(|entry| begins(&entry.query));
    assert!(splits.count() > ranges.len() + 3, "it was split");
    // The order is known: none begins with a page of one key.
    let alone = |query: &str| query.contains("max-keys=1&");
    assert!(!log.iter().any(|entry| alone(&entry.query)));
}

/// Lists a thousand keys a range where pages come late, so that ranges and the whole are read at
/// several places at once.
async fn cost_two_requests_more_each(name: fn(usize) -> String) {
    const RANGES: usize = 4;
    let keys: Vec<_> = (0..RANGES * 1_000).map(name).collect();
    let boundaries = keys.iter().skip(1_000).step_by(1_000).cloned();
    let mut lists = Vec::new();
    for ranges in [split(&[]), KeyRange::split(boundaries)] {
        let latency = Duration::from_millis(30);
        let fixture = late_fixture(&keys, Choice::Always, Tuning::default(), latency).await;
        assert_eq!(laid_end_to_end(&fixture.store, &ranges).await, keys);
        let at_once = max_in_flight(&fixture.server.log(), None);
        assert!(at_once >= 8, "{at_once} at once");
        lists.push(fixture.server.count("ListObjectsV2"));
    }
    let told = format!("one listing {}, ranges {}", lists[0], lists[1]);
    println!("{told}");
    assert!(lists[1] <= lists[0] + 2 * RANGES, "{told}");
    let pages = keys.len() / PAGE;
    assert!(lists[0] <= pages + pages / 6, "{told}");
}

#[tokio::test]
async fn ranges_of_small_directories_cost_two_requests_more_each_than_one_listing() {
    cost_two_requests_more_each(|n| format!("d{:04}/f{:02}", n / 22, n % 22)).await;
}

/// A directory of the first level has more pages than a segment.
#[tokio::test]
async fn ranges_of_nested_directories_cost_two_requests_more_each_than_one_listing() {
    let name = |n: usize| format!("{:02}/{:02}/f{:02}", n / 400, n / 20 % 20, n % 20);
    cost_two_requests_more_each(name).await;
}

#[tokio::test]
async fn ranges_of_numbered_names_cost_two_requests_more_each_than_one_listing() {
    cost_two_requests_more_each(|n| format!("f{n:05}")).await;
}

#[tokio::test]
async fn where_the_order_is_not_known_all_keys_are_listed_and_that_is_said_once() {
    let keys = numbered(100);
    let fixture = fixture(&keys, Choice::Auto, PLAIN).await;
    let ranges = split(&["0/f0010".to_owned(), "0/f0020".to_owned()]);
    assert_eq!(laid_end_to_end(&fixture.store, &ranges).await, keys);
    assert_eq!(fixture.server.count("ListObjectsV2"), 3 * 10);
    let notes = fixture.store.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("byte order"), "{notes:?}");
}

#[tokio::test]
async fn a_server_of_the_first_version_begins_a_range_where_it_should() {
    let keys = numbered(100);
    let fixture = fixture(&keys, Choice::Always, PLAIN).await;
    fixture.server.inject(ignores_the_second_version(false));
    let ranges = split(&["0/f0010".to_owned(), "0/f0050".to_owned()]);
    for range in ranges.iter().rev() {
        let expected: Vec<_> = keys
            .iter()
            .filter(|key| range.contains(key))
            .cloned()
            .collect();
        assert_eq!(
            list(&fixture.store, range).await.unwrap(),
            expected,
            "{range}"
        );
    }
}

/// A server that takes no notice of where to begin, or lists in another order, whatever
/// was said of it.
#[tokio::test]
async fn a_range_that_is_not_in_byte_order_is_an_error() {
    let keys = numbered(30);
    for (from, to) in [("<Key>", "<Key>"), ("f0012</Key>", "f0900</Key>")] {
        let fixture = fixture(&keys, Choice::Always, PLAIN).await;
        fixture
            .server
            .inject(
                Fault::on("ListObjectsV2")
                    .always()
                    .act(Action::edit(move |answer| {
                        let body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
                        answer.body = body.replacen(from, to, 1).into_bytes();
                    })),
            );
        let range = KeyRange::new(None, Some("0/f0025".to_owned()));
        let listed = list(&fixture.store, &range).await;
        assert_eq!(listed.is_err(), from != to, "{listed:?}");
    }
}

/// Each page by itself is in order, and within the range.
#[tokio::test]
async fn pages_of_a_range_that_follow_one_another_in_another_order_are_an_error() {
    let keys: Vec<_> = ["a-", "a", "b"]
        .iter()
        .flat_map(|directory| (0..PAGE).map(move |n| format!("{directory}/f{n}")))
        .collect();
    for list_order in [ListOrder::Bytes, ListOrder::DirectoryWise] {
        let config = Config {
            page_size: PAGE,
            list_order,
            ..Config::with_bucket(BUCKET)
        };
        let fixture = Fixture::with(config, |options| options.lists_in_order = Choice::Always);
        let mut fixture = fixture.await;
        for key in &keys {
            fixture.server.put(BUCKET, key, "x", None);
        }
        fixture.store = fixture.store.tuned(PLAIN);
        let listed = list(&fixture.store, &KeyRange::new(None, Some("b".to_owned()))).await;
        assert_eq!(
            listed.is_err(),
            list_order == ListOrder::DirectoryWise,
            "{listed:?}"
        );
    }
}

/// What is known of the levels of a bucket, to divide its keys.
#[tokio::test]
async fn names_of_a_long_level_are_looked_for_far_apart() {
    let keys: Vec<_> = (0..800).map(|n| format!("photo-{n:04}")).collect();
    let fixture = fixture(&keys, Choice::Always, PLAIN).await;
    let before = fixture.server.count("ListObjectsV2");
    let level = fixture.store.level("", 16).await.unwrap();
    let lists = fixture.server.count("ListObjectsV2") - before;
    let expected: Vec<_> = (0..80).map(|n| format!("photo-0{n:02}")).collect();
    assert_eq!(level.names, expected);
    assert!(lists < 120, "{lists}");
    let nested = fixture_of_levels().await;
    let level = nested.store.level("", 16).await.unwrap();
    assert_eq!(level.directories, ["0/", "1/", "2/"]);
    let level = nested.store.level("1/", 1).await.unwrap();
    assert_eq!(
        (level.names.len(), level.directories.len()),
        (1, 0),
        "{level:?}"
    );
    let level = nested.store.level("3/", 16).await.unwrap();
    assert_eq!(level, Default::default());
}

/// The last of all characters is no end of the names that begin with another one.
#[tokio::test]
async fn names_with_the_last_character_are_looked_for_once() {
    let mut keys: Vec<_> = (0..90).map(|n| format!("photo-{n:04}")).collect();
    keys.extend([
        "photo-0\u{10ffff}a".to_owned(),
        "photo-1\u{10ffff}".to_owned(),
    ]);
    let fixture = fixture(&keys, Choice::Always, PLAIN).await;
    let level = fixture.store.level("", 16).await.unwrap();
    assert!(level.names.len() >= 10, "{level:?}");
    assert!(level.names.is_sorted_by(|a, b| a < b), "{level:?}");
    assert!(fixture.server.count("ListObjectsV2") < 120);
}

/// That takes fewer requests than to look for them.
#[tokio::test]
async fn more_pages_of_a_level_are_read_for_more_names() {
    let keys: Vec<_> = (0..600).map(|n| format!("photo-{n:04}")).collect();
    let fixture = fixture(&keys, Choice::Always, PLAIN).await;
    let level = fixture.store.level("", 400).await.unwrap();
    let lists = fixture.server.count("ListObjectsV2");
    assert_eq!((level.entries, lists), (600, keys.len() / PAGE));
}

async fn fixture_of_levels() -> Fixture {
    fixture(&numbered(300), Choice::Always, PLAIN).await
}
