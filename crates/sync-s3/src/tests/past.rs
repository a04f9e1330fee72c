//! The bucket as it was: what it is listed as at any moment, whatever the server's
//! order and pages, and that doubt is never absence.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use proptest::prelude::*;
use s3_endpoint::{Action, Answer, Config, Endpoint, Fault, VersionOrder};
use sync_core::{
    Entry, ErrorKind, Key, KeyRange, Listed, Result, Store as _, entry::SkipCause,
    store::read_bytes,
};

use super::{BUCKET, store};
use crate::{S3Store, VersionKind};

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
                contents(&past(&server, moment).await).await
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

/// Changes every page of versions.
fn edit(change: impl Fn(&mut Answer) + Send + Sync + 'static) -> Fault {
    Fault::on("ListObjectVersions")
        .always()
        .act(Action::edit(change))
}

fn replaced(from: &'static str, to: &'static str) -> Fault {
    edit(move |answer| {
        let body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
        answer.body = body.replacen(from, to, 1).into_bytes();
    })
}

/// Two keys of two versions each, on pages of one.
fn paged() -> Endpoint {
    let server = versioned(Config {
        page_size: 1,
        ..Config::with_bucket(BUCKET)
    });
    for key in ["a", "b"] {
        server.put(BUCKET, key, "1", at(1));
        server.put(BUCKET, key, "2", at(2));
    }
    server
}

#[tokio::test]
async fn a_page_that_contradicts_itself_or_the_request_is_an_error() {
    for (from, to, said) in [
        ("<NextVersionIdMarker>", "<Other>", "not well formed"),
        (
            "<Name>bucket</Name>",
            "<Name>other</Name>",
            "another request",
        ),
        (
            "<KeyMarker></KeyMarker>",
            "<KeyMarker>x</KeyMarker>",
            "another request",
        ),
        (
            "<MaxKeys>1000</MaxKeys>",
            "<MaxKeys>9999</MaxKeys>",
            "another request",
        ),
        (
            "<IsTruncated>true</IsTruncated>",
            "",
            "IsTruncated is missing",
        ),
        (
            "<IsTruncated>true</IsTruncated>",
            "<IsTruncated>false</IsTruncated>",
            "IsTruncated is false",
        ),
        ("<Key>a</Key>", "<Key></Key>", "without a key"),
        ("<LastModified>", "<LastModified>x", "without a time"),
        ("ListVersionsResult", "ListBucketResult", ""),
        ("</ListVersionsResult>", "", ""),
    ] {
        let server = paged();
        server.inject(replaced(from, to));
        let error = list(&past(&server, 1).await).await.unwrap_err();
        assert!(error.to_string().contains(said), "{from}: {error}");
    }
    for element in ["NextKeyMarker", "NextVersionIdMarker"] {
        let server = paged();
        server.inject(edit(move |answer| {
            let body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
            let start = body.find(&format!("<{element}>")).unwrap_or(body.len());
            let end = body
                .find(&format!("</{element}>"))
                .map_or(start, |at| at + element.len() + 3);
            answer.body = [&body[..start], &body[end..]].concat().into_bytes();
        }));
        let error = list(&past(&server, 1).await).await.unwrap_err();
        assert!(error.to_string().contains("is missing"), "{error}");
    }
}

#[tokio::test]
async fn markers_that_are_repeated_are_an_error() {
    let server = paged();
    // The first page again and again, by a server that repeats no parameters.
    let first = std::sync::OnceLock::new();
    server.inject(edit(move |answer| {
        let body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
        let body = body.replace(
            "<KeyMarker></KeyMarker><VersionIdMarker></VersionIdMarker>",
            "",
        );
        answer.body = first.get_or_init(|| body.into_bytes()).clone();
    }));
    let error = list(&past(&server, 1).await).await.unwrap_err().to_string();
    assert!(error.contains("would never end"), "{error}");
}

#[tokio::test]
async fn a_server_that_loses_versions_between_pages_is_found_out() {
    let server = versioned(Config::with_bucket(BUCKET));
    for key in ["a", "b", "c"] {
        server.put(BUCKET, key, "1", at(1));
    }
    server.inject(edit(|answer| {
        let body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
        let start = body.find("<Version><Key>b</Key>").unwrap();
        let end = start + body[start..].find("</Version>").unwrap() + "</Version>".len();
        answer.body = [&body[..start], &body[end..]].concat().into_bytes();
    }));
    let error = list(&past(&server, 9).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("the object 'b'"), "{error}");
    // What came later was not there then.
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    server.put(BUCKET, "b", "1", at(50));
    let (listed, unknown) = contents(&past(&server, 9).await).await;
    assert_eq!((listed.len(), unknown.len()), (1, 0));
}

#[tokio::test]
async fn a_bucket_that_kept_no_versions_is_refused() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    server.put(BUCKET, "a", "1", at(1));
    let error = list(&past(&server, 9).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("has never kept versions"),
        "{error}"
    );
    assert_eq!(server.count("ListObjectVersions"), 0);
}

#[tokio::test]
async fn holes_are_named_and_the_rest_is_listed() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    server.put(BUCKET, "b", "1", at(2));
    let names = |items: Vec<Listed>| {
        let names = items.into_iter().map(|item| match item {
            Listed::Entry(entry) => entry.key.as_str().to_owned(),
            Listed::Skipped(skipped) => format!("{}: {}", skipped.name, skipped.detail),
        });
        names.collect::<Vec<_>>()
    };
    server.set_versioning(BUCKET, Some("Suspended"));
    let listed = names(list(&past(&server, 9).await).await.unwrap());
    assert_eq!(listed.len(), 3);
    assert!(listed[0].contains("versioning is suspended"), "{listed:?}");
    assert_eq!(listed[1..], ["a", "b"]);
    // What it writes now may replace what had no id before.
    server.put(BUCKET, "b", "2", at(20));
    let listed = names(list(&past(&server, 9).await).await.unwrap());
    assert_eq!(listed[1], "a");
    assert!(
        listed[2].starts_with("b: what it has without a version id"),
        "{listed:?}"
    );

    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    let rule = |expiration: &str| {
        format!(
            "<Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
             <NoncurrentVersionExpiration>{expiration}</NoncurrentVersionExpiration></Rule>"
        )
    };
    for (expiration, said) in [
        ("<NoncurrentDays>1</NoncurrentDays>", Some("after 1 days")),
        ("<NoncurrentDays>36500</NoncurrentDays>", None),
        (
            "<NoncurrentDays>36500</NoncurrentDays><NewerNoncurrentVersions>5\
             </NewerNoncurrentVersions>",
            Some("only a number of old versions"),
        ),
    ] {
        server.set_lifecycle(BUCKET, Some(&rule(expiration)));
        let listed = names(list(&past(&server, 9).await).await.unwrap());
        assert_eq!(listed.len(), 1 + usize::from(said.is_some()), "{listed:?}");
        if let Some(said) = said {
            assert!(listed[0].contains(said), "{listed:?}");
        }
    }
}

#[tokio::test]
async fn a_lifecycle_that_may_not_be_read_is_said_once_and_no_hole() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    let denied = Action::error(403, "AccessDenied");
    server.inject(
        Fault::on("GetBucketLifecycleConfiguration")
            .always()
            .act(denied.clone()),
    );
    let store = past(&server, 9).await;
    for _ in 0..2 {
        assert_eq!(list(&store).await.unwrap().len(), 1);
    }
    let notes = store.past_notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("s3:GetLifecycleConfiguration"),
        "{notes:?}"
    );
    // Of the versioning it is one: nothing tells whether versions are kept.
    server.inject(Fault::on("GetBucketVersioning").always().act(denied));
    let listed = list(&store).await.unwrap();
    assert!(matches!(&listed[0], Listed::Skipped(hole) if hole.cause == SkipCause::History));
}

#[tokio::test]
async fn a_server_that_cannot_tell_now_is_an_error_and_no_hole() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    for (status, is_hole) in [(503, false), (500, false), (501, true), (405, true)] {
        server.clear_faults();
        let answer = Action::error(status, "Whatever");
        server.inject(Fault::on("GetBucketVersioning").always().act(answer));
        let listed = list(&past(&server, 9).await).await;
        assert_eq!(listed.is_ok(), is_hole, "{status}");
    }
}

#[tokio::test]
async fn a_lifecycle_that_cannot_be_read_now_is_an_error() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    for (status, is_said) in [(503, false), (500, false), (501, true), (403, true)] {
        server.clear_faults();
        let answer = Action::error(status, "Whatever");
        server.inject(
            Fault::on("GetBucketLifecycleConfiguration")
                .always()
                .act(answer),
        );
        let store = past(&server, 9).await;
        assert_eq!(list(&store).await.is_ok(), is_said, "{status}");
        assert_eq!(store.past_notes().len(), usize::from(is_said), "{status}");
    }
}

/// What was deleted before has left no trace.
#[tokio::test]
async fn a_moment_before_versions_were_kept_is_a_hole() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    server.put(BUCKET, "a", "1", at(1));
    server.put(BUCKET, "deleted", "1", at(1));
    server.remove(BUCKET, "deleted");
    server.set_versioning(BUCKET, Some("Enabled"));
    let is_hole =
        |item: &Listed| matches!(item, Listed::Skipped(hole) if hole.cause == SkipCause::History);
    let listed = list(&past(&server, 9).await).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(is_hole(&listed[1]), "{listed:?}");
    // Since this one versions are kept.
    server.put(BUCKET, "b", "1", at(10));
    let listed = list(&past(&server, 20).await).await.unwrap();
    assert!(!listed.iter().any(is_hole), "{listed:?}");
    assert!(
        list(&past(&server, 9).await)
            .await
            .unwrap()
            .iter()
            .any(is_hole)
    );
}

#[tokio::test]
async fn a_hole_is_one_of_each_range_of_keys() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    server.put(BUCKET, "z", "1", at(1));
    server.set_versioning(BUCKET, Some("Suspended"));
    let store = past(&server, 9).await;
    for range in KeyRange::split(["m".to_owned(), "t".to_owned()]) {
        let listing = store.list_range(&Default::default(), &range).await;
        let listed: Vec<Listed> = listing.entries.try_collect().await.unwrap();
        assert!(listed.iter().any(is_hole), "{range}: {listed:?}");
    }
}

#[tokio::test]
async fn a_moment_that_has_not_come_or_has_nothing_is_refused() {
    let server = versioned(Config {
        check_skew: false,
        ..Config::with_bucket(BUCKET)
    });
    server.put(BUCKET, "a", "1", at(10));
    let error = list(&past(&server, 9).await).await.unwrap_err().to_string();
    assert!(
        error.contains("has nothing of 2026-01-01T00:00:09Z or before"),
        "{error}"
    );
    assert!(error.contains("is of 2026-01-01T00:00:10Z"), "{error}");
    // By the clock of the server.
    server.set_clock(at(100));
    assert_eq!(list(&past(&server, 50).await).await.unwrap().len(), 1);
    let error = list(&past(&server, 5000).await)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("that is in the future: it is 2026-01-01T00:01:4"),
        "{error}"
    );
    let directory = crate::S3Options {
        location: "name--usw2-az1--x-s3".parse().unwrap(),
        at: Some(at(1)),
        ..crate::S3Options::new(BUCKET.parse().unwrap())
    };
    let error = S3Store::connect_as(directory, None).await.unwrap_err();
    assert!(error.to_string().contains("directory bucket"), "{error}");
}

#[tokio::test]
async fn a_server_without_the_listing_is_named_as_such() {
    for (body, status) in [
        ("<Error><Code>NotImplemented</Code></Error>", 501),
        ("<!DOCTYPE html><html><body>no</body></html>", 200),
        ("<ListBucketResult></ListBucketResult>", 200),
    ] {
        let server = versioned(Config::with_bucket(BUCKET));
        server.inject(edit(move |answer| {
            answer.status = status;
            answer.body = body.as_bytes().to_vec();
        }));
        let error = list(&past(&server, 9).await).await.unwrap_err().to_string();
        assert!(
            error.contains("cannot list the versions of 's3://bucket/'"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn reads_and_looks_are_of_the_version_that_was_listed() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "first", at(1));
    server.put(BUCKET, "a", "other", at(5));
    let store = past(&server, 2).await;
    let Some(Listed::Entry(entry)) = list(&store).await.unwrap().pop() else {
        panic!("an entry");
    };
    let oldest = server.versions(BUCKET)["a"][0].clone();
    assert_eq!(entry.revision.as_ref().unwrap().as_str(), oldest.id());
    assert_eq!(content(&store, &entry).await.unwrap(), b"first");
    assert!(store.digest(&entry).await.unwrap().is_some());
    let found = store.stat(&Key::new("a").unwrap()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&entry));
    assert_eq!(store.stat(&Key::new("b").unwrap()).await.unwrap(), None);
    let reads = server
        .log()
        .into_iter()
        .filter(|it| it.operation != "ListObjectVersions");
    let reads = reads.filter(|it| it.key.is_some());
    for read in reads {
        assert!(
            read.query.contains(&format!("versionId={}", oldest.id())),
            "{read}"
        );
    }
    // Once it has expired, it is not replaced by another one.
    server.expire(BUCKET, "a", oldest.id());
    let error = content(&store, &entry).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    // A server that ignores the version is noticed.
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "first", at(1));
    let store = past(&server, 2).await;
    server.inject(Fault::on("GetObject").always().act(Action::edit(|answer| {
        answer
            .headers
            .insert("x-amz-version-id", "other".parse().unwrap());
    })));
    let Some(Listed::Entry(entry)) = list(&store).await.unwrap().pop() else {
        panic!("an entry");
    };
    let error = content(&store, &entry).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
}

#[tokio::test]
async fn a_page_costs_one_request_and_is_all_that_is_held() {
    let server = versioned(Config::with_bucket(BUCKET));
    for version in 0..10 {
        for key in 0..1_000 {
            server.put(BUCKET, &format!("k{key:04}"), "x", at(version));
        }
    }
    let store = past(&server, 5).await;
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
