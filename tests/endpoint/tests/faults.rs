//! Every fault, as a client suffers it.

use std::time::Instant;

use aws_sdk_s3::primitives::AggregatedBytes;

use super::*;
use crate::{Action, Fault, max_in_flight};

fn with_object(body: impl Into<bytes::Bytes>) -> (Endpoint, Client) {
    let endpoint = start();
    endpoint.put(BUCKET, "k", body, None);
    let client = client(&endpoint);
    (endpoint, client)
}

async fn get(client: &Client) -> Result<Vec<u8>, String> {
    let got = client.get_object().bucket(BUCKET).key("k").send().await;
    let got = got.map_err(|error| {
        ProvideErrorMetadata::code(&error)
            .unwrap_or("none")
            .to_owned()
    })?;
    got.body
        .collect()
        .await
        .map(AggregatedBytes::to_vec)
        .map_err(|_| "broken body".to_owned())
}

#[tokio::test]
async fn errors_come_with_headers_and_then_stop() {
    let (endpoint, client) = with_object("x");
    let headers = vec![("retry-after".to_owned(), "7".to_owned())];
    let slow_down = Action::Error {
        status: 503,
        code: "SlowDown".into(),
        message: "Please <reduce>".into(),
        headers,
    };
    let hits = endpoint.inject(Fault::on("GetObject").times(2).act(slow_down));
    let error = client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        error.raw_response().unwrap().headers().get("retry-after"),
        Some("7")
    );
    assert_eq!(error.message(), Some("Please <reduce>"));
    assert_eq!(get(&client).await, Err("SlowDown".into()));
    assert_eq!(get(&client).await, Ok(b"x".to_vec()));
    assert_eq!(hits.count(), 2);
    assert_eq!(endpoint.log()[0].faults, ["Error"]);
}

#[tokio::test]
async fn an_error_for_an_upload_is_read_by_its_sender() {
    let (endpoint, client) = with_object("x");
    endpoint.inject(Fault::on("PutObject").act(Action::error(503, "SlowDown")));
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body(noise(8 << 20)))
        .send()
        .await;
    assert_eq!(failure(put), (503, "SlowDown".into()));
    assert_eq!(endpoint.log()[0].bytes_in, 8 << 20);
    assert_eq!(endpoint.object(BUCKET, "k").unwrap().body(), "x");
}

#[tokio::test]
async fn bodies_are_cut_after_exactly_so_many_bytes() {
    let (endpoint, client) = with_object(noise(3 << 20));
    for cut in [0, 1, (1 << 20) + 5] {
        endpoint.inject(Fault::on("GetObject").act(Action::CutBodyAfter(cut)));
        let got = client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap();
        let mut stream = got.body;
        let mut received = 0;
        let end = loop {
            match stream.next().await {
                Some(Ok(bytes)) => received += bytes.len() as u64,
                end => break end,
            }
        };
        assert!(matches!(end, Some(Err(_))));
        assert_eq!(received, cut);
    }
    let sent: Vec<_> = endpoint.log().iter().map(|entry| entry.bytes_out).collect();
    assert_eq!(sent, [0, 1, (1 << 20) + 5]);
}

#[tokio::test]
async fn resets_and_lost_answers_differ_in_what_was_done() {
    let (endpoint, client) = with_object("x");
    let put = |key: &str| {
        client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body("y"))
            .send()
    };
    endpoint.inject(Fault::on("PutObject").act(Action::Reset));
    assert_eq!(failure(put("reset").await).0, 0);
    endpoint.inject(Fault::on("PutObject").act(Action::LoseAnswer));
    assert_eq!(failure(put("lost").await).0, 0);
    assert!(endpoint.object(BUCKET, "reset").is_none());
    assert!(endpoint.object(BUCKET, "lost").is_some());
    assert_eq!(endpoint.log()[1].status, None);
    put("later").await.unwrap();
}

#[tokio::test]
async fn stalls_pauses_and_drops_take_their_time() {
    let (endpoint, client) = with_object("0123456789");
    let pause = Duration::from_millis(200);
    let slow = [
        Action::Stall(pause),
        Action::StallBody { after: 3, pause },
        Action::Trickle {
            bytes: 3,
            every: pause / 3,
        },
    ];
    for action in slow {
        let name = action.name();
        endpoint.inject(Fault::on("GetObject").act(action));
        let begun = Instant::now();
        assert_eq!(get(&client).await, Ok(b"0123456789".to_vec()), "{name}");
        assert!(begun.elapsed() >= pause, "{name}");
    }
}

#[tokio::test]
async fn flipped_bits_are_caught_by_checksums() {
    let (endpoint, client) = with_object("abc");
    endpoint.inject(Fault::on("GetObject").act(Action::FlipBit { offset: 1 }));
    let got = client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert!(
        got.body.collect().await.is_err(),
        "the SDK compares checksums by itself"
    );
    endpoint.inject(Fault::on("PutObject").act(Action::FlipReceivedBit { offset: 1 }));
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body("xyz"))
        .send()
        .await;
    assert_eq!(failure(put), (400, "XAmzContentSHA256Mismatch".into()));
    endpoint.inject(Fault::on("PutObject").act(Action::FlipReceivedBit { offset: 1 }));
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body("xyz"));
    let put = put.customize().disable_payload_signing().send().await;
    assert_eq!(failure(put), (400, "BadDigest".into()));
    assert_eq!(endpoint.object(BUCKET, "k").unwrap().body(), "abc");
}

#[tokio::test]
async fn a_function_runs_between_two_requests() {
    let (endpoint, client) = with_object("old");
    let replace = Action::run(|state| state.put(BUCKET, "k", "new", None));
    endpoint.inject(Fault::on("GetObject").nth(2).act(replace));
    assert_eq!(get(&client).await, Ok(b"old".to_vec()));
    assert_eq!(get(&client).await, Ok(b"new".to_vec()));
}

#[tokio::test]
async fn a_success_can_hold_an_error() {
    let (endpoint, client) = with_object("x");
    let action = Action::OkWithErrorBody {
        code: "InternalError".into(),
        message: "sorry".into(),
    };
    endpoint.inject(Fault::on("CopyObject").act(action));
    let copy = client
        .copy_object()
        .bucket(BUCKET)
        .key("copy")
        .copy_source("bucket/k")
        .send()
        .await;
    assert_eq!(failure(copy), (200, "InternalError".into()));
    assert!(endpoint.object(BUCKET, "copy").is_none());
}

#[tokio::test]
async fn an_answer_can_be_edited() {
    let (endpoint, client) = with_object("x");
    let twice = Action::edit(|answer| {
        let text = String::from_utf8(answer.body.clone()).unwrap();
        answer.body = text
            .replace("<Key>k</Key>", "<Key>edited</Key>")
            .into_bytes();
    });
    endpoint.inject(Fault::on("ListObjectsV2").act(twice));
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(page.contents()[0].key(), Some("edited"));
}

#[tokio::test]
async fn requests_in_flight_are_counted() {
    let (endpoint, client) = with_object("x");
    endpoint.inject(
        Fault::on("GetObject")
            .always()
            .act(Action::Stall(Duration::from_millis(200))),
    );
    let (first, second) = tokio::join!(get(&client), get(&client));
    assert_eq!((first.is_ok(), second.is_ok()), (true, true));
    get(&client).await.unwrap();
    assert_eq!(max_in_flight(&endpoint.log(), Some("GetObject")), 2);
}

#[test]
fn stopping_does_not_wait_for_a_stalled_request() {
    let (endpoint, client) = with_object("x");
    endpoint.inject(
        Fault::any()
            .always()
            .act(Action::Stall(Duration::from_secs(3600))),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let request = runtime.spawn(async move { get(&client).await });
    let limit = Duration::from_secs(30);
    endpoint.wait_for("GetObject", 1, limit).unwrap();
    let begun = Instant::now();
    drop(endpoint);
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(runtime.block_on(request).unwrap().is_err());
}
