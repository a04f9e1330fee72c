//! Listing pages as a hostile or broken server might send them: whatever the
//! bytes, the listing ends, nothing panics, and what was cut never looks whole.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{EncodingType, Object};
use proptest::prelude::*;
use s3_endpoint::{Action, Fault};
use sync_core::{ErrorKind, Key, Listed, StoreError};

use super::{BUCKET, Fixture};
use crate::list::entries::entries;
use crate::list::{Version, page};

/// Names that come near to what matters: separators, dots, escapes, the prefix.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "p/[a./%+0-9\\\\ \u{1}ä]{0,12}",
        "(p|q|\\.\\.)?[/a.]{0,8}",
        any::<String>(),
    ]
}

fn object() -> impl Strategy<Value = Object> {
    let time = prop_oneof![Just(0), any::<i64>(), -62_167_219_200..253_402_300_800_i64];
    let nanos = 0..1_000_000_000_u32;
    let time = (time, nanos).prop_map(|(secs, nanos)| DateTime::from_secs_and_nanos(secs, nanos));
    let parts = (
        proptest::option::weighted(0.95, name()),
        proptest::option::weighted(0.95, any::<i64>()),
        proptest::option::weighted(0.95, time),
        proptest::option::of(any::<String>()),
    );
    parts.prop_map(|(key, size, time, etag)| {
        Object::builder()
            .set_key(key)
            .set_size(size)
            .set_last_modified(time)
            .set_e_tag(etag)
            .build()
    })
}

proptest! {
    #[test]
    fn a_page_gives_entries_below_the_prefix_or_says_why_not(
        objects in proptest::collection::vec(object(), 0..8),
        encoded: bool,
    ) {
        let sent = objects.len();
        let page = ListObjectsV2Output::builder()
            .set_contents(Some(objects))
            .set_encoding_type(encoded.then_some(EncodingType::Url))
            .build();
        let items = entries(page, "p/", |failure| {
            StoreError::new(failure.kind(), "cannot list")
        });
        let broken = items.iter().any(Result::is_err);
        prop_assert_eq!(broken, items.last().is_some_and(Result::is_err));
        // Nothing vanishes: each object is an entry, named, or the error.
        prop_assert!(broken || items.len() == sent);
        for item in items.into_iter().flatten() {
            if let Listed::Entry(entry) = item {
                prop_assert_eq!(Key::new(entry.key.as_str()), Ok(entry.key.clone()));
            }
        }
    }
}

/// A bucket of three objects, and the bytes of its only page.
async fn three() -> (Fixture, Vec<u8>) {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    for key in ["a", "b/c", "d e"] {
        fixture.server.put(BUCKET, key, "hello", None);
    }
    let page = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&page);
    let keep = Action::edit(move |answer| *copy.lock().unwrap() = answer.body.clone());
    fixture.server.inject(Fault::on("ListObjectsV2").act(keep));
    assert_eq!(fixture.list().await.unwrap().len(), 3);
    let page = page.lock().unwrap().clone();
    (fixture, page)
}

async fn list_instead(fixture: &Fixture, page: Vec<u8>) -> Result<Vec<Listed>, StoreError> {
    fixture.server.clear_faults();
    let replace = Action::edit(move |answer| answer.body = page.clone());
    fixture
        .server
        .inject(Fault::on("ListObjectsV2").act(replace));
    fixture.list().await
}

/// A proxy that cuts an answer and mends its length.
#[tokio::test]
async fn a_page_that_was_cut_anywhere_is_an_error() {
    let (fixture, page) = three().await;
    let text = String::from_utf8(page.clone()).unwrap();
    let end = text.find("</ListBucketResult>").unwrap();
    for len in 0..end {
        let listed = list_instead(&fixture, page[..len].to_vec()).await;
        let error = listed.expect_err(&format!("cut after {}", &text[..len]));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}

/// Each time under another token, so that no token comes twice.
#[tokio::test]
async fn pages_that_come_again_and_again_end_the_listing() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    for key in ["a", "b", "c", "d"] {
        fixture.server.put(BUCKET, key, "hello", None);
    }
    let pages = Arc::new(Mutex::new(0));
    let repeat = Action::edit(move |answer| {
        let mut count = pages.lock().unwrap();
        *count += 1;
        let (from, to) = if *count % 2 == 0 {
            ("a", "b")
        } else {
            ("c", "d")
        };
        let object = |key: &str| {
            format!(
                "<Contents><Key>{key}</Key><Size>5</Size>\
                 <LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            )
        };
        let page = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>{}{}\
             <NextContinuationToken>{count}</NextContinuationToken></ListBucketResult>",
            object(from),
            object(to)
        );
        // The server does not know such a token.
        answer.status = 200;
        answer.body = page.into_bytes();
    });
    fixture
        .server
        .inject(Fault::on("ListObjectsV2").always().act(repeat));
    let error = fixture.list().await.unwrap_err().to_string();
    assert!(error.contains("repeats a page"), "{error}");
}

/// Bytes changed, dropped and doubled at random: an error or a listing, in
/// finite time. What a flipped letter in a name says, no client can tell.
#[tokio::test]
async fn a_page_of_damaged_bytes_ends_in_an_error_or_a_listing() {
    let (fixture, page) = three().await;
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = move |sides: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice % sides as u64).unwrap()
    };
    let (mut listings, mut errors) = (0, 0);
    for _ in 0..500 {
        let mut page = page.clone();
        for _ in 0..=roll(3) {
            let at = roll(page.len());
            match roll(4) {
                0 => page[at] = u8::try_from(roll(256)).unwrap(),
                1 => drop(page.drain(at..page.len().min(at + 1 + roll(30)))),
                2 => page.insert(at, b"<>&\"/\0\xff%"[roll(8)]),
                _ => {
                    let piece = page[at..page.len().min(at + 200)].to_vec();
                    page.splice(at..at, piece);
                }
            }
        }
        match list_instead(&fixture, page).await {
            Ok(_) => listings += 1,
            Err(_) => errors += 1,
        }
    }
    assert!(listings > 0 && errors > 0, "{listings} and {errors}");
}

/// Ways to write a text in XML. CDATA is not among them: the SDK ends a text
/// there.
fn written(text: &str, how: u8) -> String {
    let each = |write: &dyn Fn(char) -> String| text.chars().map(write).collect::<String>();
    let named = |c: char| match c {
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&apos;".to_owned(),
        c if c.is_control() => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    match how {
        0 => each(&named),
        _ => each(&|c| format!("&#x{:X};", u32::from(c))),
    }
}

fn document(objects: &[Object], how: u8) -> String {
    let element = |name: &str, text: Option<String>| {
        let text = text.map(|text| written(&text, how));
        text.map_or(String::new(), |text| format!("<{name}>{text}</{name}>"))
    };
    let contents = objects.iter().map(|object| {
        let time = object.last_modified.and_then(|time| {
            time.fmt(aws_sdk_s3::primitives::DateTimeFormat::DateTime)
                .ok()
        });
        let parts = [
            element("Key", object.key.clone()),
            element("LastModified", time),
            element("ETag", object.e_tag.clone()),
            element("Size", object.size.map(|size| size.to_string())),
        ];
        format!("\n<Contents>{}</Contents>", parts.concat())
    });
    let more = if how == 0 { "false" } else { "true" };
    let token = element("NextContinuationToken", Some("<&>".to_owned()));
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{more}</IsTruncated>{token}\
         <EncodingType>url</EncodingType>{}</ListBucketResult>",
        contents.collect::<String>()
    )
}

/// What the SDK makes of an answer.
async fn sdk_reads(fixture: &Fixture, answer: Vec<u8>) -> Option<ListObjectsV2Output> {
    fixture.server.clear_faults();
    let replace = Action::edit(move |real| real.body = answer.clone());
    fixture
        .server
        .inject(Fault::on("ListObjectsV2").act(replace));
    let request = fixture.store.bucket.client.list_objects_v2().bucket(BUCKET);
    request.send().await.ok()
}

fn assert_same_page(ours: &ListObjectsV2Output, sdk: &ListObjectsV2Output, text: &str) {
    assert_eq!(ours.contents(), sdk.contents(), "{text}");
    assert_eq!(ours.is_truncated(), sdk.is_truncated(), "{text}");
    assert_eq!(
        ours.next_continuation_token(),
        sdk.next_continuation_token(),
        "{text}"
    );
    assert_eq!(ours.encoding_type(), sdk.encoding_type(), "{text}");
}

/// A page of any names, however they are written.
#[tokio::test]
async fn a_page_is_read_as_the_sdk_reads_it() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let fixture = Fixture::new().await;
    let mut runner = TestRunner::deterministic();
    let objects = proptest::collection::vec(object(), 0..8);
    let mut compared = 0;
    for n in 0..200_u8 {
        let objects = objects.new_tree(&mut runner).unwrap().current();
        let text = document(&objects, n % 2);
        let sdk = sdk_reads(&fixture, text.clone().into_bytes()).await;
        // The SDK refuses a page for a time that it cannot read.
        let Some(sdk) = sdk else { continue };
        assert_same_page(
            &page(text.as_bytes(), Version::Second).unwrap(),
            &sdk,
            &text,
        );
        compared += sdk.contents().len();
    }
    assert!(compared > 100, "{compared}");
}

#[tokio::test]
async fn a_page_that_was_cut_once_is_asked_for_again() {
    let fixture = Fixture::new().await;
    fixture.server.put(BUCKET, "a", "hello", None);
    let cut = Action::edit(|answer| {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let contents = text.find("<Contents>").unwrap();
        answer.body.truncate(contents);
    });
    fixture.server.inject(Fault::on("ListObjectsV2").act(cut));
    assert_eq!(fixture.list().await.unwrap().len(), 1);
    assert_eq!(fixture.server.count("ListObjectsV2"), 2);
}
