//! Listings that are read at several places at once: the same entries in the
//! same order as one page after the other, whatever the server does.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use proptest::prelude::*;
use s3_endpoint::{Action, Config, Fault, ListOrder, max_in_flight};
use sync_core::{ErrorKind, Store as _};

use super::list::names;
use super::{BUCKET, EAGER, Fixture};
use crate::list::Tuning;
use crate::{Choice, S3Store};

const ORDERS: [ListOrder; 3] = [
    ListOrder::Bytes,
    ListOrder::DirectoryWise,
    ListOrder::Shuffled(7),
];

async fn fixture(config: Config, location: &str, keys: &[String], tuning: Tuning) -> Fixture {
    let config = Config {
        buckets: vec![BUCKET.to_owned()],
        ..config
    };
    let mut fixture = Fixture::with(config, |options| {
        options.location = location.parse().unwrap();
    })
    .await;
    for key in keys {
        fixture.server.put(BUCKET, key, "x", None);
    }
    fixture.store = fixture.store.tuned(tuning);
    fixture
}

async fn listed(store: &S3Store) -> Vec<String> {
    let items: Vec<_> = store
        .list(&Default::default())
        .await
        .entries
        .try_collect()
        .await
        .unwrap();
    names(&items).into_iter().map(str::to_owned).collect()
}

/// What the server lists one page after the other.
async fn one_by_one(fixture: &Fixture, location: &str) -> Vec<String> {
    let store = super::store(&fixture.server, |options| {
        options.location = location.parse().unwrap();
    })
    .await;
    listed(&store).await
}

/// Requests that begin a segment, or name directories.
fn beginnings(fixture: &Fixture) -> (usize, usize) {
    let log = fixture.server.log();
    let with = |what: &str| {
        let is_with = |query: &&str| query.contains(what);
        log.iter()
            .map(|entry| entry.query.as_str())
            .filter(is_with)
            .count()
    };
    // All others ask for as many keys as a page may have.
    (
        with("max-keys=1") - with("max-keys=1000"),
        with("delimiter="),
    )
}

fn tree(directories: usize, files: usize) -> Vec<String> {
    let file = |n: usize| format!("d{:04}/f{:03}", n / files, n % files);
    (0..directories * files).map(file).collect()
}

fn shapes() -> Vec<(&'static str, Vec<String>)> {
    let nested = |n: usize| format!("{}/{:02}/{:02}/f{}", n / 200, n / 20 % 10, n / 5 % 4, n % 5);
    let mixed = |n: usize| match n % 4 {
        0 => format!("m{:03}", n / 8),
        1 => format!("m{:03}/x{n}", n / 8),
        2 => format!("m{:03}-/x{n}", n / 8),
        _ => format!("m{:03}.txt/a/b/c{n}", n / 8),
    };
    let odd = |n: usize| {
        let pieces = [
            "a", "a-b", "a.b", "a b", "a!", "é", "😀", "\u{ffff}", "\u{1}", "%2F", "+", "~",
        ];
        let piece = |n: usize| pieces[n % pieces.len()];
        format!("{}/{}/{n}", piece(n), piece(n / 12))
    };
    vec![
        ("few large directories", tree(4, 100)),
        ("directories of a page", tree(40, 10)),
        ("tiny directories", tree(400, 1)),
        ("one directory", tree(1, 400)),
        ("nested", (0..800).map(nested).collect()),
        ("files beside directories", (0..400).map(mixed).collect()),
        ("odd names", (0..400).map(odd).collect()),
        (
            "placeholders and empty names",
            (0..300)
                .map(|n| format!("{:02}/{}", n / 10, ["", "/", "x", "//y"][n % 4]))
                .collect(),
        ),
    ]
}

#[tokio::test]
async fn a_cut_listing_is_that_of_one_page_after_the_other() {
    let mut cuts = 0;
    for (what, keys) in shapes() {
        for order in ORDERS {
            for location in ["bucket", "bucket/p"] {
                let prefix = location.strip_prefix("bucket").unwrap().replace('/', "");
                let base = if prefix.is_empty() {
                    prefix
                } else {
                    prefix + "/"
                };
                let mut keys: Vec<String> = keys.iter().map(|key| base.clone() + key).collect();
                // Neighbours of the prefix are none of ours.
                keys.extend(["o/x", "p-x", "p0", "q/x"].map(|key| base.clone() + key));
                if !base.is_empty() {
                    keys.extend(["o/x", "p-x", "p0", "q/x"].map(str::to_owned));
                }
                let config = Config {
                    page_size: 10,
                    list_order: order,
                    ..Config::default()
                };
                let fixture = fixture(config, location, &keys, EAGER).await;
                let found = listed(&fixture.store).await;
                assert_eq!(
                    found,
                    one_by_one(&fixture, location).await,
                    "{what} {order:?}"
                );
                match order {
                    ListOrder::Bytes => {
                        assert!(found.is_sorted());
                        cuts += beginnings(&fixture).0;
                    }
                    ListOrder::DirectoryWise => {}
                    // The first page shows that no cut would be of use.
                    ListOrder::Shuffled(_) => assert_eq!(beginnings(&fixture), (0, 0)),
                }
            }
        }
    }
    // How many there are depends on time, too.
    assert!(cuts >= 40, "{cuts}");
}

/// A server that walks directories, in a bucket whose first part does not
/// show it. Its common prefixes come sorted, so they don't show it either.
#[tokio::test]
async fn an_order_that_shows_late_is_kept() {
    for keys_aside in [1, 5, 12] {
        let mut keys = tree(120, 10);
        for n in 30..120 {
            keys.extend((0..keys_aside).map(|file| format!("d{n:04}-/f{file:03}")));
            keys.push(format!("d{n:04}.txt"));
        }
        let config = Config {
            page_size: 10,
            list_order: ListOrder::DirectoryWise,
            ..Config::default()
        };
        let fixture = fixture(config, "bucket", &keys, EAGER).await;
        let sort = Action::edit(|answer| {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let mut pieces: Vec<_> = body.split("<CommonPrefixes>").collect();
            if pieces.len() > 2 {
                let head = pieces.remove(0);
                let end = "</CommonPrefixes>";
                let tail = pieces[pieces.len() - 1].split_once(end).unwrap().1;
                let names = pieces.iter().map(|piece| piece.split_once(end).unwrap().0);
                let mut names: Vec<_> = names.collect();
                names.sort_unstable();
                let names = names
                    .iter()
                    .map(|name| format!("<CommonPrefixes>{name}{end}"));
                answer.body = format!("{head}{}{tail}", names.collect::<String>()).into_bytes();
            }
        });
        fixture
            .server
            .inject(Fault::on("ListObjectsV2").always().act(sort));
        let found = listed(&fixture.store).await;
        assert!(beginnings(&fixture).0 >= 4);
        assert!(!found.is_sorted());
        assert_eq!(found, one_by_one(&fixture, "bucket").await);
    }
}

fn name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ab0]",
        "[ab][-.!/0]?[ab]?",
        Just("\u{1}".to_owned()),
        Just("é\u{ffff}".to_owned()),
        Just("😀".to_owned()),
        "[ -~]",
    ];
    proptest::collection::vec(piece, 1..4).prop_map(|pieces| pieces.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_key_comes_once_and_in_order(
        keys in proptest::collection::btree_set(name(), 0..150),
        page_size in 1..6_usize,
        segment_pages in 1..4_usize,
        streams in 1..9_usize,
        pages in 4..20_usize,
        order in proptest::sample::select(ORDERS.to_vec()),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let keys: Vec<String> = keys.into_iter().collect();
            let config = Config { page_size, list_order: order, ..Config::default() };
            let tuning = Tuning { streams, pages, segment_pages, ..EAGER };
            let fixture = fixture(config, "bucket", &keys, tuning).await;
            let found = listed(&fixture.store).await;
            if order == ListOrder::Bytes {
                assert_eq!(found, keys);
            } else {
                assert_eq!(found, one_by_one(&fixture, "bucket").await);
            }
            assert!(max_in_flight(&fixture.server.log(), None) <= streams);
        });
    }
}

#[tokio::test]
async fn pages_that_come_late_are_asked_for_at_once_and_hardly_more_often() {
    for (what, keys) in [
        ("pages", tree(200, 50)),
        ("several pages", tree(40, 250)),
        ("parts of a page", tree(660, 15)),
        (
            "one directory",
            (0..10_000).map(|n| format!("d/f{n:05}")).collect(),
        ),
        (
            "no directory",
            (0..10_000_u32)
                .map(|n| format!("{:08x}", n * 400_009))
                .collect(),
        ),
    ] {
        let config = Config {
            page_size: 50,
            latency: Duration::from_millis(50),
            ..Config::default()
        };
        let fixture = fixture(config, "bucket", &keys, Tuning::default()).await;
        assert_eq!(listed(&fixture.store).await, keys);
        let least = keys.len().div_ceil(50);
        let requests = fixture.server.count("ListObjectsV2");
        let (segments, directories) = beginnings(&fixture);
        let told = format!("{what}: {requests} for {least}, {segments} and {directories}");
        println!("{told}");
        let at_once = max_in_flight(&fixture.server.log(), None);
        assert!(requests as usize <= least * 6 / 5 + 10, "{told}");
        assert!((8..=16).contains(&at_once), "{at_once} at once; {told}");
    }
}

#[tokio::test]
async fn pages_that_come_in_time_are_asked_for_one_after_the_other() {
    let keys = tree(200, 10);
    let config = Config {
        page_size: 10,
        ..Config::default()
    };
    // As much as a loaded machine may take.
    let tuning = Tuning {
        late: Duration::from_millis(500),
        ..Tuning::default()
    };
    let fixture = fixture(config, "bucket", &keys, tuning).await;
    assert_eq!(listed(&fixture.store).await, keys);
    assert_eq!(fixture.server.count("ListObjectsV2"), 200);
    assert_eq!(max_in_flight(&fixture.server.log(), None), 1);
}

/// A consumer that is slower than the server needs no pages ahead.
#[tokio::test]
async fn a_slow_consumer_is_not_overtaken() {
    let config = Config {
        page_size: 10,
        latency: Duration::from_millis(30),
        ..Config::default()
    };
    let fixture = fixture(config, "bucket", &tree(24, 10), Tuning::default()).await;
    let mut listing = fixture
        .store
        .list(&Default::default())
        .await
        .entries
        .enumerate();
    while let Some((n, item)) = listing.next().await {
        item.unwrap();
        if n % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(45)).await;
        }
    }
    assert_eq!(fixture.server.count("ListObjectsV2"), 24);
}

#[tokio::test]
async fn no_more_pages_are_held_than_agreed_and_none_is_asked_for_after_the_end() {
    let tuning = Tuning { pages: 12, ..EAGER };
    let config = Config {
        page_size: 10,
        ..Config::default()
    };
    let fixture = fixture(config, "bucket", &tree(200, 10), tuning).await;
    let mut listing = fixture.store.list(&Default::default()).await.entries;
    let mut taken = 0;
    for goal in [1, 101, 102, 500] {
        while taken < goal {
            listing.next().await.unwrap().unwrap();
            taken += 1;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (segments, directories) = beginnings(&fixture);
        let requests = fixture.server.count("ListObjectsV2") as usize - directories;
        // Those that were worked on, the one in work, one that waits, and those
        // that are held. Where segments meet, two pages make one.
        let seams = segments.min(taken / 20 + 1) * 2;
        assert!(
            requests <= taken.div_ceil(10) + seams + 1 + 12,
            "{requests} after {taken}"
        );
    }
    drop(listing);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = fixture.server.count("ListObjectsV2");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fixture.server.count("ListObjectsV2"), before);
}

/// What a server may answer to the request that begins a segment.
fn on_beginnings(lie: impl Fn(String) -> String + Send + Sync + 'static) -> Fault {
    Fault::on("ListObjectsV2")
        .always()
        .act(Action::edit(move |answer| {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            if body.contains("<MaxKeys>1<") {
                answer.body = lie(body).into_bytes();
            }
        }))
}

/// Puts `to` in place of what stands between `open` and the next tag.
fn with(body: &str, open: &str, to: &str) -> String {
    match body.split_once(open) {
        Some((before, rest)) => {
            let (_, after) = rest.split_once('<').unwrap();
            format!("{before}{open}{to}<{after}")
        }
        None => body.to_owned(),
    }
}

#[tokio::test]
async fn a_server_that_does_not_begin_after_a_cut_is_read_on_without_loss() {
    type Lie = fn(String) -> String;
    let lies: [(&str, Lie); 7] = [
        ("the first key of all", |body| {
            with(&body, "<Key>", "d0000/f000")
        }),
        ("a later key", |body| with(&body, "<Key>", "d0150/f003")),
        ("another key nearby", |body| {
            body.replace("f000</Key>", "f001</Key>")
        }),
        ("none", |body| {
            let (before, rest) = body.split_once("<Contents>").unwrap();
            let (_, after) = rest.split_once("</Contents>").unwrap();
            format!("{before}{after}")
        }),
        ("two keys", |body| {
            let (start, end) = (
                body.find("<Contents>").unwrap(),
                body.find("</Contents>").unwrap(),
            );
            let contents = &body[start..end + "</Contents>".len()];
            let second = contents.replace("f000<", "f001<");
            body.replace(contents, &format!("{contents}{second}"))
        }),
        ("no token", |body| {
            with(&body, "<NextContinuationToken>", "")
        }),
        ("no answer of a server", |_| {
            "<Error><Code>NotImplemented</Code></Error>".to_owned()
        }),
    ];
    for (what, lie) in lies {
        let config = Config {
            page_size: 10,
            ..Config::default()
        };
        let keys = tree(200, 10);
        let fixture = fixture(config, "bucket", &keys, EAGER).await;
        fixture.server.inject(on_beginnings(lie));
        assert_eq!(listed(&fixture.store).await, keys, "{what}");
        let (segments, _) = beginnings(&fixture);
        assert!((1..=100).contains(&segments), "{what}: {segments}");
    }
}

/// One page after the other, nobody would notice.
#[tokio::test]
async fn a_listing_that_ends_before_a_key_that_was_seen_is_an_error() {
    let config = Config {
        page_size: 10,
        ..Config::default()
    };
    let fixture = fixture(config, "bucket", &tree(20, 100), EAGER).await;
    let end = Action::edit(|answer| {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if body.contains("d0009/f050") {
            let body = with(&body, "<NextContinuationToken>", "");
            answer.body = body
                .replace("<IsTruncated>true", "<IsTruncated>false")
                .into_bytes();
        }
    });
    fixture
        .server
        .inject(Fault::on("ListObjectsV2").always().act(end));
    let items: Vec<_> = fixture
        .store
        .list(&Default::default())
        .await
        .entries
        .collect()
        .await;
    let error = items.last().unwrap().as_ref().unwrap_err().to_string();
    assert!(error.contains("ends the listing before"), "{error}");
}

#[tokio::test]
async fn directories_that_are_named_in_an_odd_way_are_no_cuts() {
    type Lie = fn(String) -> String;
    let lies: [(&str, Lie); 4] = [
        ("backwards", |body| {
            let mut pieces: Vec<_> = body.split("<CommonPrefixes>").collect();
            let (head, last) = (pieces.remove(0), pieces.pop().unwrap());
            let (last, tail) = last.split_once("</CommonPrefixes>").unwrap();
            let last = format!("{last}</CommonPrefixes>");
            pieces.push(&last);
            pieces.reverse();
            format!(
                "{head}<CommonPrefixes>{}{tail}",
                pieces.join("<CommonPrefixes>")
            )
        }),
        ("elsewhere", |body| body.replace("<Prefix>p/", "<Prefix>q/")),
        ("without an end", |body| {
            body.replace("/</Prefix></Comm", "</Prefix></Comm")
        }),
        ("an error", |_| {
            "<Error><Code>NotImplemented</Code></Error>".to_owned()
        }),
    ];
    for (what, lie) in lies {
        let config = Config {
            page_size: 10,
            ..Config::default()
        };
        let keys = tree(100, 10);
        let full: Vec<String> = keys.iter().map(|key| format!("p/{key}")).collect();
        let fixture = fixture(config, "bucket/p", &full, EAGER).await;
        fixture
            .server
            .inject(
                Fault::on("ListObjectsV2")
                    .always()
                    .act(Action::edit(move |answer| {
                        let body = String::from_utf8_lossy(&answer.body).into_owned();
                        if body.contains("<Delimiter>") {
                            answer.body = lie(body).into_bytes();
                        }
                    })),
            );
        assert_eq!(listed(&fixture.store).await, keys, "{what}");
        assert_eq!(beginnings(&fixture), (0, 1), "{what}");
        // Nothing else was asked for more than once.
        assert!(fixture.server.count("ListObjectsV2") <= 101 + 2, "{what}");
    }
}

#[tokio::test]
async fn a_page_that_fails_in_a_later_segment_ends_the_listing_at_its_place() {
    let keys = tree(200, 10);
    for (at, code, kind) in [
        (403, "AccessDenied", ErrorKind::Denied),
        (503, "SlowDown", ErrorKind::Throttled),
    ] {
        let config = Config {
            page_size: 10,
            ..Config::default()
        };
        let fixture = fixture(config, "bucket", &keys, EAGER).await;
        let fail = Action::edit(move |answer| {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            if body.contains("<Key>d0061/f005") {
                answer.status = at;
                answer.body = format!("<Error><Code>{code}</Code></Error>").into_bytes();
            }
        });
        fixture
            .server
            .inject(Fault::on("ListObjectsV2").always().act(fail));
        let items: Vec<_> = fixture
            .store
            .list(&Default::default())
            .await
            .entries
            .collect()
            .await;
        let mut items = items;
        let error = items.pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), kind);
        let before: Vec<_> = items.into_iter().map(Result::unwrap).collect();
        assert!((600..=615).contains(&before.len()), "{}", before.len());
        assert_eq!(names(&before), keys[..before.len()]);
    }
}

/// What was there all the time is listed, once and in order.
#[tokio::test]
async fn a_bucket_that_changes_meanwhile_is_listed_in_order() {
    for round in 0..5 {
        let config = Config {
            page_size: 10,
            latency: Duration::from_millis(2),
            ..Config::default()
        };
        let keys = tree(100, 10);
        let fixture = fixture(config, "bucket", &keys, EAGER).await;
        let changes = std::sync::atomic::AtomicUsize::new(round);
        // First keys of directories are where segments meet.
        let change = Action::run(move |state| {
            let n = changes.fetch_add(7, std::sync::atomic::Ordering::Relaxed);
            let directory = n * 37 % 100;
            state.remove(BUCKET, &format!("d{directory:04}/f000"));
            state.put(BUCKET, &format!("d{:04}/a{n}", n * 53 % 100), "x", None);
        });
        fixture
            .server
            .inject(Fault::on("ListObjectsV2").always().act(change));
        let found = listed(&fixture.store).await;
        assert!(found.is_sorted_by(|a, b| a < b));
        let stays = |key: &&String| !key.ends_with("f000");
        for key in keys.iter().filter(stays) {
            assert!(found.binary_search(key).is_ok(), "{key}");
        }
    }
}

/// A server that walks a tree, and omits what is less in bytes than the name after which it
/// begins. Of such a server it was said that it lists in byte order.
#[tokio::test]
async fn no_key_is_lost_where_the_order_was_said_wrongly() {
    let omits_what_is_less = Fault::on("ListObjectsV2")
        .always()
        .act(Action::edit(|answer| {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            if let Some(after) = between(&body, "<StartAfter>", "</StartAfter>") {
                answer.body = without_keys_before(&body, after).into_bytes();
            }
        }));
    let mut split = 0;
    for odd in 10..50 {
        let mut keys = tree(80, 9);
        keys.push(format!("d{odd:04}-x"));
        keys.sort_unstable();
        let config = Config {
            page_size: 10,
            list_order: ListOrder::DirectoryWise,
            buckets: vec![BUCKET.to_owned()],
            ..Config::default()
        };
        let mut fixture = Fixture::with(config, |options| {
            options.lists_in_order = Choice::Always;
        })
        .await;
        for key in &keys {
            fixture.server.put(BUCKET, key, "x", None);
        }
        fixture.server.inject(omits_what_is_less.clone());
        fixture.store = fixture.store.tuned(EAGER);
        let mut found = listed(&fixture.store).await;
        found.sort_unstable();
        assert_eq!(found, keys, "with d{odd:04}-x");
        split += beginnings(&fixture).0;
    }
    assert!(split > 100, "it was split");
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(between, _)| between)
}

fn without_keys_before(body: &str, after: &str) -> String {
    let decoded = |name: &str| name.replace("%2F", "/");
    let (mut kept, mut keys) = (String::new(), 0);
    for (number, piece) in body.split("<Contents>").enumerate() {
        let (object, rest) = piece.split_once("</Contents>").unwrap_or(("", piece));
        let key = between(object, "<Key>", "</Key>").map(decoded);
        if number > 0 && key.is_none_or(|key| key > decoded(after)) {
            kept += &format!("<Contents>{object}</Contents>");
            keys += 1;
        }
        kept += rest;
    }
    with(&kept, "<KeyCount>", &keys.to_string())
}
