//! Reads: broken, stalled, damaged and replaced bodies.

use std::ops::Range;
use std::time::{Duration, Instant};

use s3_endpoint::{Action, Fault};
use sync_core::store::read_bytes;
use sync_core::{ErrorKind, Result};

use super::{BUCKET, Fixture, bytes, hint_of};
use crate::Conditions;

const LEN: usize = 3_000_000;

async fn read(fixture: &Fixture, range: Range<u64>) -> Result<bytes::Bytes> {
    let entry = fixture.stat("a").await.unwrap();
    read_bytes(&fixture.store, &entry, range).await
}

#[tokio::test]
async fn a_broken_body_is_continued_where_it_stopped() {
    for range in [0..LEN as u64, 100..LEN as u64 - 100] {
        let fixture = Fixture::with_options(|options| options.max_attempts = 4).await;
        fixture.object("a", bytes(LEN)).await;
        fixture.server.inject(
            Fault::on("GetObject")
                .times(3)
                .act(Action::CutBodyAfter(700_000)),
        );
        fixture.server.clear_log();
        let body = read(&fixture, range.clone()).await.unwrap();
        assert_eq!(
            body,
            bytes(LEN).slice(range.start as usize..range.end as usize)
        );
        let gets: Vec<_> = fixture
            .server
            .log()
            .into_iter()
            .filter(|e| e.operation == "GetObject")
            .collect();
        assert_eq!(gets.len(), 4);
        assert!(gets.iter().all(|get| get.header("if-match").is_some()));
        assert!(gets[1..].iter().all(|get| get.range.is_some()));
        assert_eq!(gets[0].range.is_none(), range.start == 0);
    }
}

#[tokio::test]
async fn a_body_that_always_breaks_ends_in_an_error() {
    let fixture = Fixture::new().await;
    fixture.object("a", bytes(LEN)).await;
    fixture.server.inject(
        Fault::on("GetObject")
            .always()
            .act(Action::CutBodyAfter(1000)),
    );
    let error = read(&fixture, 0..LEN as u64).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("cannot download 'a': the transfer broke after"),
        "{text}"
    );
}

#[tokio::test]
async fn a_flipped_bit_is_seen_and_the_object_read_again() {
    for (times, kind) in [(1, None), (2, None), (3, Some(ErrorKind::Corrupt))] {
        let fixture = Fixture::new().await;
        fixture.object("a", bytes(LEN)).await;
        fixture.server.inject(
            Fault::on("GetObject")
                .times(times)
                .act(Action::FlipBit { offset: 5 }),
        );
        match (read(&fixture, 0..LEN as u64).await, kind) {
            (Ok(body), None) => assert_eq!(body, bytes(LEN)),
            (Err(error), Some(kind)) => assert_eq!(error.kind(), kind, "{error}"),
            (result, _) => panic!("{times}: {:?}", result.map(|body| body.len())),
        }
    }
}

/// The SDK checks neither part of such a body; we check the whole.
#[tokio::test]
async fn a_flipped_bit_in_a_continued_body_is_seen_too() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 10).await;
    fixture.object("a", bytes(LEN)).await;
    fixture
        .server
        .inject(Fault::on("GetObject").act(Action::CutBodyAfter(1_000_000)));
    fixture.server.inject(
        Fault::on("GetObject")
            .nth(2)
            .act(Action::FlipBit { offset: 5 }),
    );
    assert_eq!(read(&fixture, 0..LEN as u64).await.unwrap(), bytes(LEN));
    assert_eq!(fixture.server.count("GetObject"), 3);
}

#[tokio::test]
async fn an_object_with_another_sum_is_read_again_from_its_start() {
    let fixture = Fixture::with_options(|options| {
        options.max_attempts = 4;
        options.checksums = crate::Checksums::Crc32;
    })
    .await;
    fixture
        .put("a", bytes(LEN), sync_core::Expected::Absent)
        .await
        .unwrap();
    fixture
        .server
        .inject(Fault::on("GetObject").act(Action::CutBodyAfter(1_000_000)));
    fixture.server.clear_log();
    assert_eq!(read(&fixture, 0..LEN as u64).await.unwrap(), bytes(LEN));
    assert!(
        fixture
            .server
            .log()
            .iter()
            .all(|entry| entry.range.is_none())
    );
}

#[tokio::test]
async fn an_object_replaced_midway_is_never_mixed() {
    for conditions in [Conditions::Server, Conditions::Client] {
        let fixture = Fixture::with_options(|options| options.conditions = conditions).await;
        let entry = fixture.object("a", bytes(LEN)).await;
        fixture
            .server
            .inject(Fault::on("GetObject").act(Action::CutBodyAfter(1_000_000)));
        let replace = Action::run(|state| state.put(BUCKET, "a", vec![7; LEN], None));
        fixture
            .server
            .inject(Fault::on("GetObject").nth(2).act(replace));
        let error = read_bytes(&fixture.store, &entry, 0..LEN as u64)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    }
}

#[tokio::test]
async fn what_is_gone_or_new_is_told() {
    for conditions in [Conditions::Server, Conditions::Client] {
        let fixture = Fixture::with_options(|options| options.conditions = conditions).await;
        for (body, range) in [("old", 0..3), ("old", 1..2), ("", 0..0)] {
            let entry = fixture.object("a", body).await;
            fixture.server.put(BUCKET, "a", "new", None);
            let error = read_bytes(&fixture.store, &entry, range.clone())
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
            fixture.server.put(BUCKET, "a", "x", None);
            let error = read_bytes(&fixture.store, &entry, range.clone())
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "shrunk: {error}");
            fixture.server.remove(BUCKET, "a");
            let error = read_bytes(&fixture.store, &entry, range).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        }
    }
}

#[tokio::test]
async fn a_server_that_ignores_ranges_gives_no_wrong_bytes() {
    let fixture = Fixture::new().await;
    fixture.object("a", bytes(1000)).await;
    let whole = bytes(1000);
    fixture.server.inject(
        Fault::on("GetObject")
            .always()
            .act(Action::edit(move |answer| {
                answer.status = 200;
                answer.headers.remove("content-range");
                answer.body = whole.to_vec();
            })),
    );
    let error = read(&fixture, 10..20).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(read(&fixture, 0..1000).await.unwrap(), bytes(1000));
}

#[tokio::test]
async fn ranges_beyond_the_end_are_refused_without_a_request() {
    let fixture = Fixture::new().await;
    let entry = fixture.object("a", "hello").await;
    fixture.server.clear_log();
    assert!(read_bytes(&fixture.store, &entry, 0..6).await.is_err());
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 3..2;
    assert!(read_bytes(&fixture.store, &entry, reversed).await.is_err());
    assert!(fixture.server.log().is_empty());
}

#[tokio::test]
async fn an_archived_object_says_what_to_do() {
    let fixture = Fixture::new().await;
    let entry = fixture.object("a", "hello").await;
    fixture.server.set_storage_class(BUCKET, "a", "GLACIER");
    let error = read_bytes(&fixture.store, &entry, 0..5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archived, "{error}");
    assert!(hint_of(&error).contains("restore"), "{error}");
}

#[tokio::test]
#[ignore = "takes half a minute: the grace of the stalled-stream protection"]
async fn a_body_that_stalls_is_continued() {
    let fixture = Fixture::new().await;
    fixture.object("a", bytes(LEN)).await;
    fixture
        .server
        .inject(Fault::on("GetObject").act(Action::StallBody {
            after: 1_000_000,
            pause: Duration::from_secs(600),
        }));
    let start = Instant::now();
    assert_eq!(read(&fixture, 0..LEN as u64).await.unwrap(), bytes(LEN));
    assert_eq!(fixture.server.count("GetObject"), 2);
    assert!(start.elapsed() < Duration::from_secs(40));
}

#[tokio::test]
#[ignore = "takes two minutes: twice the time in which a body must move"]
async fn a_body_that_drips_ends_in_an_error() {
    let fixture = Fixture::new().await;
    fixture.object("a", bytes(LEN)).await;
    fixture
        .server
        .inject(Fault::on("GetObject").always().act(Action::Trickle {
            bytes: 10,
            every: Duration::from_secs(1),
        }));
    let error = read(&fixture, 0..LEN as u64).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}
