//! Objects kept with a content coding, and servers that decode them on the way.

use s3_endpoint::{Action, Fault};
use sync_core::store::read_bytes;
use sync_core::{Entry, ErrorKind, Result};

use super::{Fixture, bytes, hint_of};

const STORED: usize = 1_000;

/// What the server makes of the body of a GET.
#[derive(Clone, Copy, Debug)]
enum Made {
    Longer,
    Other,
    IgnoresRange,
}

async fn read(made: Made, coding: Option<&'static str>) -> (Result<bytes::Bytes>, Fixture) {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    let entry: Entry = fixture.object("a", bytes(STORED)).await;
    fixture.server.clear_log();
    let decode = Action::edit(move |answer| match made {
        Made::Longer => answer.body = bytes(5 * STORED).to_vec(),
        Made::Other => answer.body[7] ^= 1,
        Made::IgnoresRange => {
            answer.status = 200;
            answer.headers.remove("content-range");
            answer.body = bytes(5 * STORED).to_vec();
        }
    });
    fixture
        .server
        .inject(Fault::on("GetObject").always().act(decode));
    if let Some(coding) = coding {
        let tell = Action::edit(move |answer| {
            answer
                .headers
                .insert("content-encoding", coding.parse().unwrap());
        });
        fixture
            .server
            .inject(Fault::on("HeadObject").always().act(tell));
    }
    let range = match made {
        Made::IgnoresRange => 10..entry.size,
        _ => 0..entry.size,
    };
    let result = read_bytes(&fixture.store, &entry, range).await;
    (result, fixture)
}

#[tokio::test]
async fn content_that_is_decoded_on_the_way_is_named_as_that() {
    for made in [Made::Longer, Made::Other, Made::IgnoresRange] {
        for (told, coding) in [
            ("gzip", "gzip"),
            ("br", "br"),
            ("aws-chunked, gzip", "gzip"),
        ] {
            let (result, _) = read(made, Some(told)).await;
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{made:?}: {error}");
            let text = format!("{error} {:?}", error.hint());
            assert!(
                text.contains(&format!("Content-Encoding: {coding}")),
                "{text}"
            );
            assert!(text.contains("decompression"), "{text}");
        }
    }
}

#[tokio::test]
async fn other_bytes_without_a_coding_are_not_blamed_on_one() {
    for made in [Made::Longer, Made::Other, Made::IgnoresRange] {
        for coding in [None, Some("identity"), Some("aws-chunked")] {
            let (result, _) = read(made, coding).await;
            let error = result.unwrap_err();
            assert!(!hint_of(&error).contains("decompression"));
            assert!(!error.to_string().contains("Content-Encoding"), "{error}");
        }
    }
}

/// As of Google Cloud Storage, which decodes for all who do not say that they
/// can do it themselves.
#[tokio::test]
async fn a_server_that_decodes_for_others_is_told_that_we_can() {
    let fixture = Fixture::new().await;
    let entry = fixture.object("a", bytes(STORED)).await;
    let decode = Action::edit(|answer| answer.body = bytes(5 * STORED).to_vec());
    fixture.server.inject(Fault::on("GetObject").act(decode));
    let tell = Action::edit(|answer| {
        let gzip = "gzip".parse().unwrap();
        answer.headers.insert("content-encoding", gzip);
    });
    fixture
        .server
        .inject(Fault::on("HeadObject").always().act(tell));
    fixture.server.clear_log();
    let whole = read_bytes(&fixture.store, &entry, 0..entry.size)
        .await
        .unwrap();
    assert_eq!(whole, bytes(STORED));
    let log = fixture.server.log();
    let gets = log.iter().filter(|it| it.operation == "GetObject");
    let asked: Vec<_> = gets.map(|get| get.header("accept-encoding")).collect();
    assert_eq!(asked, [Some("identity"), Some("gzip")]);
}

#[tokio::test]
async fn the_stored_bytes_are_asked_for() {
    let fixture = Fixture::new().await;
    let entry = fixture.object("a", bytes(STORED)).await;
    fixture.list().await.unwrap();
    assert_eq!(
        read_bytes(&fixture.store, &entry, 0..5)
            .await
            .unwrap()
            .len(),
        5
    );
    fixture
        .put("b", "x", sync_core::Expected::Absent)
        .await
        .unwrap();
    let log = fixture.server.log();
    assert!(log.len() >= 4);
    for request in log {
        assert_eq!(
            request.header("accept-encoding"),
            Some("identity"),
            "{request:?}"
        );
    }
}

/// As a CDN does that heeds no Accept-Encoding; and a page of somebody else.
#[tokio::test]
async fn content_that_is_encoded_on_the_way_and_other_pages_are_named_as_that() {
    for (coding, said) in [
        (Some("gzip"), "encodes it on the way"),
        (None, "not that of an S3 server"),
    ] {
        let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
        let entry: Entry = fixture.object("a", bytes(STORED)).await;
        let change = Action::edit(move |answer| {
            answer.body = bytes(STORED / 2).to_vec();
            if let Some(coding) = coding {
                answer
                    .headers
                    .insert("content-encoding", coding.parse().unwrap());
            } else {
                answer.headers.remove("etag");
                answer.headers.remove("last-modified");
            }
        });
        fixture
            .server
            .inject(Fault::on("GetObject").always().act(change));
        let result = read_bytes(&fixture.store, &entry, 0..entry.size).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
