//! Listings: paging, odd keys, and servers that lie.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use s3_endpoint::{Action, Config, Fault, ListOrder};
use sync_core::{ErrorKind, Listed, Store as _, entry::SkipCause};

use super::{BUCKET, Fixture, store};

pub(super) fn names(items: &[Listed]) -> Vec<&str> {
    items
        .iter()
        .map(|item| match item {
            Listed::Entry(entry) => entry.key.as_str(),
            Listed::Skipped(skipped) => skipped.name.as_str(),
        })
        .collect()
}

#[tokio::test]
async fn pages_follow_each_other_and_end() {
    for (count, pages) in [(0, 1), (9, 1), (10, 1), (11, 2), (35, 4)] {
        let config = Config {
            page_size: 10,
            ..Config::with_bucket(BUCKET)
        };
        let fixture = Fixture::with(config, |_| {}).await;
        let keys: Vec<String> = (0..count).map(|n| format!("{n:05}")).collect();
        for key in &keys {
            fixture.server.put(BUCKET, key, "x", None);
        }
        assert_eq!(names(&fixture.list().await.unwrap()), keys);
        assert_eq!(fixture.server.count("ListObjectsV2"), pages);
    }
}

#[tokio::test]
async fn the_order_of_the_server_is_kept() {
    let config = Config {
        list_order: ListOrder::DirectoryWise,
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |_| {}).await;
    for key in ["a-b/y", "a/x"] {
        fixture.server.put(BUCKET, key, "x", None);
    }
    assert_eq!(names(&fixture.list().await.unwrap()), ["a/x", "a-b/y"]);
}

#[tokio::test]
async fn odd_keys_come_as_they_are() {
    let fixture = Fixture::new().await;
    let mut keys = [
        "a b", "a+b", "a%2Fb", "%", "%zz", "ä", "e\u{301}", "😀", "a\nb", "a\r\nb", "\u{1}",
        "\u{1f}", "<&>\"'", "a\\b", "\u{ffff}", "?x=1#y", " lead", "trail ", "a\u{7f}", "..a",
    ];
    for key in keys {
        fixture.server.put(BUCKET, key, "x", None);
    }
    keys.sort_unstable();
    let listed = fixture.list().await.unwrap();
    assert_eq!(names(&listed), keys);
    assert!(listed.iter().all(|item| matches!(item, Listed::Entry(_))));
}

#[tokio::test]
async fn keys_that_are_no_path_are_named_and_placeholders_are_told_apart() {
    let fixture =
        Fixture::with_options(|options| options.location = "bucket/p".parse().unwrap()).await;
    let cases = [
        ("p/", "", SkipCause::Placeholder),
        ("p/dir/", "dir/", SkipCause::Placeholder),
        ("p/full/", "full/", SkipCause::UnmappableKey),
        ("p//x", "/x", SkipCause::UnmappableKey),
        ("p/a//b", "a//b", SkipCause::UnmappableKey),
        ("p/a/./b", "a/./b", SkipCause::UnmappableKey),
        ("p/../x", "../x", SkipCause::UnmappableKey),
    ];
    for (key, _, cause) in cases {
        let body = if cause == SkipCause::Placeholder {
            ""
        } else {
            "x"
        };
        fixture.server.put(BUCKET, key, body, None);
    }
    let listed = fixture.list().await.unwrap();
    assert_eq!(listed.len(), cases.len());
    for (key, name, cause) in cases {
        let found = listed.iter().any(|item| {
            matches!(item, Listed::Skipped(skipped) if skipped.name == name && skipped.cause == cause)
        });
        assert!(found, "{key}: {listed:?}");
    }
}

/// Each of these must end in an error, and soon.
#[tokio::test]
async fn a_server_that_lies_is_not_believed() {
    let lies: [(&str, &str, &str); 6] = [
        (
            "<NextContinuationToken>",
            "<NextGone>",
            "there is no NextContinuationToken",
        ),
        ("<Size>1</Size>", "", "without a size"),
        ("<Size>1</Size>", "<Size>-1</Size>", "without a size"),
        ("<LastModified>", "<Gone>", "without a size or a time"),
        ("<Key>p/", "<Key>q/", "outside of the prefix"),
        ("<Key>", "<Gone>", "without a key"),
    ];
    for (from, to, told) in lies {
        let config = Config {
            page_size: 2,
            ..Config::with_bucket(BUCKET)
        };
        let fixture = Fixture::with(config, |options| {
            options.location = "bucket/p".parse().unwrap();
        })
        .await;
        for n in 0..5 {
            fixture.server.put(BUCKET, &format!("p/{n}"), "x", None);
        }
        let close = from.replace('<', "</");
        let to_close = to.replace('<', "</");
        fixture.server.inject(
            Fault::on("ListObjectsV2")
                .nth(2)
                .act(Action::edit(move |answer| {
                    let body = String::from_utf8(answer.body.clone()).unwrap();
                    let body = body.replace(from, to).replace(&close, &to_close);
                    answer.body = body.into_bytes();
                })),
        );
        let mut stream = fixture.store.list(&Default::default()).await.entries;
        let mut last = None;
        let mut entries = 0;
        while let Some(item) = stream.next().await {
            assert!(last.is_none(), "the error must be the last item");
            match item {
                Ok(_) => entries += 1,
                Err(error) => last = Some(error),
            }
        }
        let error = last.expect("an error must end it").to_string();
        assert!(entries < 5, "{from}");
        assert!(error.contains(told), "{from}: {error}");
        assert!(error.starts_with("cannot list 's3://bucket/p/'"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_comes_again_ends_the_listing_with_an_error() {
    let config = Config {
        page_size: 2,
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |_| {}).await;
    for n in 0..20 {
        fixture.server.put(BUCKET, &n.to_string(), "x", None);
    }
    let first = std::sync::OnceLock::new();
    let repeat = Action::edit(move |answer| {
        let body = String::from_utf8(answer.body.clone()).unwrap();
        let (before, rest) = body.split_once("<NextContinuationToken>").unwrap();
        let (token, after) = rest.split_once("</NextContinuationToken>").unwrap();
        let token: &String = first.get_or_init(|| token.to_owned());
        let token = format!("<NextContinuationToken>{token}</NextContinuationToken>");
        answer.body = [before, &token, after].concat().into_bytes();
    });
    fixture
        .server
        .inject(Fault::on("ListObjectsV2").always().act(repeat));
    let soon = Duration::from_secs(10);
    let listed = tokio::time::timeout(soon, fixture.list()).await;
    let error = listed.expect("it must end").unwrap_err();
    assert!(error.to_string().contains("continuation token"), "{error}");
    assert_eq!(fixture.server.count("ListObjectsV2"), 2);
}

#[tokio::test]
async fn an_error_midway_ends_the_listing_as_an_error() {
    for (action, kind) in [
        (Action::error(403, "AccessDenied"), ErrorKind::Denied),
        (Action::error(503, "SlowDown"), ErrorKind::Throttled),
        (Action::Reset, ErrorKind::Unavailable),
        (Action::CutBodyAfter(100), ErrorKind::Unavailable),
    ] {
        let config = Config {
            page_size: 2,
            ..Config::with_bucket(BUCKET)
        };
        let fixture = Fixture::with(config, |_| {}).await;
        for n in 0..6 {
            fixture.server.put(BUCKET, &n.to_string(), "x", None);
        }
        fixture
            .server
            .inject(Fault::on("ListObjectsV2").nth(2).always().act(action));
        let items: Vec<_> = fixture
            .store
            .list(&Default::default())
            .await
            .entries
            .collect()
            .await;
        assert_eq!(items.len(), 3);
        assert_eq!(items[2].as_ref().unwrap_err().kind(), kind, "{items:?}");
    }
}

#[tokio::test]
async fn the_next_page_is_asked_for_early_but_not_the_one_after_it() {
    let config = Config {
        page_size: 1,
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |_| {}).await;
    for n in 0..9 {
        fixture.server.put(BUCKET, &n.to_string(), "x", None);
    }
    let selection = Default::default();
    let begin = fixture.store.list(&selection);
    assert!(fixture.server.log().is_empty(), "not before it is polled");
    let mut listing = begin.await.entries;
    listing.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fixture.server.count("ListObjectsV2"), 2);
    listing.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fixture.server.count("ListObjectsV2"), 3);
    drop(listing);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fixture.server.count("ListObjectsV2"), 3);
}

#[tokio::test]
async fn the_clock_is_known_when_a_listing_has_begun() {
    let fixture = Fixture::new().await;
    fixture.server.put(BUCKET, "a", "x", None);
    let listing = fixture.store.list(&Default::default()).await;
    assert_eq!(
        listing.clock_offset.map(|offset| offset.num_seconds()),
        Some(0)
    );

    for hours in [-1, 1] {
        let offset = chrono::TimeDelta::hours(hours);
        fixture.server.set_clock_offset(offset);
        let store = store(&fixture.server, |_| {}).await;
        let listing = store.list(&Default::default()).await;
        let measured = listing.clock_offset.unwrap();
        assert!(
            (measured - offset).num_milliseconds().abs() <= 1_100,
            "{measured}"
        );
        assert!(
            measured >= offset - chrono::TimeDelta::milliseconds(5),
            "{measured}"
        );
    }
}

/// 1,000,000 entries later this matters; the bound is loose.
#[tokio::test]
#[ignore = "a measurement"]
async fn what_an_entry_costs() {
    let fixture = Fixture::new().await;
    for n in 0..200_000 {
        fixture
            .server
            .put(BUCKET, &format!("dir{:04}/file {n:08}", n / 100), "", None);
    }
    let start = Instant::now();
    let mut count = 0;
    let mut listing = fixture.store.list(&Default::default()).await.entries;
    while let Some(item) = listing.next().await {
        item.unwrap();
        count += 1;
    }
    println!("{count} entries in {:?}", start.elapsed());
}
