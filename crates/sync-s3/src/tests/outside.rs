//! Values from outside that no server should send: an error or nothing, never
//! a panic, in whatever header or element they stand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use s3_endpoint::{Action, Answer, Fault};
use sync_core::NewEntry;
use sync_core::store::read_bytes;
use sync_core::{Expected, Listed, Store as _, checksum::Crc64};

use super::list::names;
use super::{BUCKET, Fixture, bytes, entry};

const HEADERS: [&str; 20] = [
    "content-encoding",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "retry-after",
    "x-amz-archive-status",
    "x-amz-bucket-region",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha256",
    "x-amz-checksum-type",
    "x-amz-delete-marker",
    "x-amz-expiration",
    "x-amz-missing-meta",
    "x-amz-mp-parts-count",
    "x-amz-object-lock-retain-until-date",
    "x-amz-restore",
    "x-amz-version-id",
];

const ELEMENTS: [&str; 12] = [
    "Size",
    "LastModified",
    "ETag",
    "Key",
    "KeyCount",
    "MaxKeys",
    "PartNumber",
    "NextPartNumberMarker",
    "MaxParts",
    "ChecksumCRC64NVME",
    "UploadId",
    "Code",
];

const VALUES: [&str; 32] = [
    "",
    " ",
    "-1",
    "0",
    "1e400",
    "NaN",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "-9223372036854775809",
    "Sat, 31 Dec 2016 23:59:60 GMT",
    "Mon, 01 Jan 0001 00:00:00 GMT",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:60.999 GMT",
    "Fri, 31 Feb 2024 00:00:00 GMT",
    "Thu, 01 Jan 1970 00:00:00.9999999999999 GMT",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:60.999999999Z",
    "9999-12-31T23:59:60.999999999-23:59",
    "9999-12-31T23:59:59.999999999-23:59",
    "0000-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00Z",
    "+262142-12-31T23:59:59Z",
    "-262143-01-01T00:00:00Z",
    "2024-13-45T99:99:99Z",
    "bytes 0-18446744073709551615/18446744073709551615",
    "bytes 18446744073709551615-0/0",
    "bytes -1--1/-1",
    "bytes 5-4/*",
    "\"",
    "é\u{ffff}",
];

/// Puts `value` wherever it fits: into a header, and into all elements of a name.
fn spoil(answer: &mut Answer, header: &'static str, element: &str, value: &[u8]) {
    if let Ok(value) = value.try_into() {
        answer.headers.insert(header, value);
    }
    if let (Ok(body), Ok(value)) = (
        std::str::from_utf8(&answer.body),
        std::str::from_utf8(value),
    ) {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let mut pieces = body.split(&open);
        let mut spoiled = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (_, rest) = piece.split_once(&close).unwrap_or(("", piece));
            spoiled += &format!("{open}{value}{close}{rest}");
        }
        answer.body = spoiled.into_bytes();
    }
}

/// One of each kind of request.
async fn everything(fixture: &Fixture) {
    let listed = fixture.list().await;
    if let Err(error) = &listed {
        // What is said of a task that panicked.
        assert!(!error.to_string().contains("was interrupted"), "{error}");
    }
    let there = entry("there", 2_000);
    let _ = fixture.store.stat(&there.key).await;
    let _ = fixture.store.digest(&there).await;
    let entries = listed.into_iter().flatten();
    let entries = entries.filter_map(|item| match item {
        Listed::Entry(entry) => Some(entry),
        Listed::Skipped(_) => None,
    });
    for entry in entries.chain([there]) {
        for range in [0..entry.size.min(2_000), 5..entry.size.clamp(5, 100)] {
            let _ = read_bytes(&fixture.store, &entry, range).await;
        }
    }
    let _ = fixture.put("new", "hello", Expected::Absent).await;
    let body = bytes(10);
    let large = entry("large", 10);
    let begun = fixture
        .store
        .write(&NewEntry::from(&large), 5, &Expected::Absent)
        .await;
    if let Ok(writer) = begun {
        for start in [0, 5] {
            let part = body.slice(start..start + 5);
            let _ = writer.part(start as u64, part.into()).await;
        }
        let _ = writer.commit(Crc64::of(&body)).await;
    }
    let _ = fixture.store.versioning().await;
    let _ = fixture.store.delete(&[entry("there", 2_000)]).await;
}

async fn fixture() -> Fixture {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    fixture.server.put(BUCKET, "there", bytes(2_000), None);
    fixture
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_value_from_outside_panics(
        header in proptest::sample::select(HEADERS.to_vec()),
        element in proptest::sample::select(ELEMENTS.to_vec()),
        value in prop_oneof![
            4 => proptest::sample::select(VALUES.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..20),
            1 => any::<i128>().prop_map(|number| number.to_string().into_bytes()),
        ],
        error: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fixture = fixture().await;
            let status = if error { Some(403) } else { None };
            let edit = Action::edit(move |answer| {
                answer.status = status.unwrap_or(answer.status);
                spoil(answer, header, element, &value);
            });
            fixture.server.inject(Fault::any().always().act(edit));
            everything(&fixture).await;
        });
    }
}

/// The same of what listings say, each value for itself.
#[tokio::test]
async fn every_odd_time_and_size_is_survived() {
    let fixture = fixture().await;
    let spoiled = Arc::new(AtomicUsize::new(0));
    for element in ["Size", "LastModified", "ETag", "KeyCount"] {
        for value in VALUES {
            fixture.server.clear_faults();
            let count = Arc::clone(&spoiled);
            let edit = Action::edit(move |answer| {
                count.fetch_add(1, Ordering::Relaxed);
                spoil(answer, "x-none", element, value.as_bytes());
            });
            fixture.server.inject(Fault::on("ListObjectsV2").act(edit));
            if let Err(error) = fixture.list().await {
                let told = format!("{element} {value}: {error}");
                assert!(!told.contains("was interrupted"), "{told}");
            }
        }
    }
    assert_eq!(spoiled.load(Ordering::Relaxed), 4 * VALUES.len());
}

/// The SDK panics at such an `Expires`.
#[tokio::test]
async fn headers_that_are_no_text_are_survived() {
    for header in HEADERS {
        let fixture = fixture().await;
        let edit = Action::edit(move |answer| spoil(answer, header, "None", b"\x80"));
        fixture.server.inject(Fault::any().always().act(edit));
        everything(&fixture).await;
    }
}

/// Numbers and times in the headers that are read here.
#[tokio::test]
async fn headers_that_say_what_cannot_be_are_survived() {
    for header in [
        "content-range",
        "date",
        "last-modified",
        "x-amz-mp-parts-count",
    ] {
        for value in VALUES {
            let fixture = fixture().await;
            let edit = Action::edit(move |answer| {
                spoil(answer, header, "None", value.as_bytes());
            });
            fixture
                .server
                .inject(Fault::on("GetObject").always().act(edit.clone()));
            fixture
                .server
                .inject(Fault::on("HeadObject").always().act(edit));
            let there = fixture.list().await.unwrap().remove(0);
            let Listed::Entry(there) = there else {
                panic!("{there:?}");
            };
            let _ = fixture.store.stat(&there.key).await;
            let _ = read_bytes(&fixture.store, &there, 0..there.size).await;
            let _ = read_bytes(&fixture.store, &there, 5..10).await;
        }
    }
}

/// A leap second is the second after it, as file systems count.
#[tokio::test]
async fn a_leap_second_is_a_time() {
    for (time, same) in [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60.750Z", "2017-01-01T00:00:00.750Z"),
        ("2016-12-31T23:59:59.750Z", "2016-12-31T23:59:59.750Z"),
    ] {
        let fixture = fixture().await;
        let edit = Action::edit(move |answer| {
            spoil(answer, "x-none", "LastModified", time.as_bytes());
        });
        fixture.server.inject(Fault::on("ListObjectsV2").act(edit));
        let listed = fixture.list().await.unwrap();
        assert_eq!(names(&listed), ["there"]);
        let Listed::Entry(entry) = &listed[0] else {
            panic!("{listed:?}");
        };
        assert_eq!(
            entry.modified,
            same.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
        );
    }
}

/// What no object can be is named, and the rest is listed.
#[tokio::test]
async fn an_object_larger_than_any_is_named_and_not_listed() {
    for (size, is_listed) in [
        ("53687091200000", true),
        ("53687091200001", false),
        ("9223372036854775807", false),
    ] {
        let fixture = fixture().await;
        fixture.server.put(BUCKET, "other", "x", None);
        let edit = Action::edit(move |answer| {
            let body = String::from_utf8(answer.body.clone()).unwrap();
            let body = body.replace("<Size>2000<", &format!("<Size>{size}<"));
            answer.body = body.into_bytes();
        });
        fixture.server.inject(Fault::on("ListObjectsV2").act(edit));
        let listed = fixture.list().await.unwrap();
        assert_eq!(names(&listed), ["other", "there"]);
        match &listed[1] {
            Listed::Entry(_) => assert!(is_listed, "{size}"),
            Listed::Skipped(skipped) => {
                assert!(!is_listed, "{size}");
                assert!(skipped.cause.hides_content());
                assert!(skipped.detail.contains("48.8 TiB"), "{}", skipped.detail);
            }
        }
    }
}
