//! Pages that contradict themselves or answer another request: the listing is
//! the truth or an error, whatever a page says about itself.

use proptest::prelude::*;
use s3_endpoint::{Action, Answer, Config, Fault};
use sync_core::ErrorKind;

use super::list::names;
use super::{BUCKET, Fixture};
use crate::list::Tuning;

const KEYS: [&str; 5] = ["a", "b", "c/d", "e", "f"];

/// Five keys in three pages, below a prefix that has neighbours.
async fn fixture(tuning: Tuning) -> Fixture {
    let config = Config {
        page_size: 2,
        ..Config::with_bucket(BUCKET)
    };
    let mut fixture = Fixture::with(config, |options| {
        options.location = "bucket/p".parse().unwrap();
        options.max_attempts = 1;
    })
    .await;
    for key in KEYS {
        fixture.server.put(BUCKET, &format!("p/{key}"), "x", None);
    }
    for key in ["o/x", "q/x"] {
        fixture.server.put(BUCKET, key, "x", None);
    }
    fixture.store = fixture.store.tuned(tuning);
    fixture
}

/// What becomes of a page.
#[derive(Debug, Clone)]
enum Change {
    /// An element says something else, or is added to say it.
    Set(&'static str, &'static str),
    /// An element comes a second time.
    Double(&'static str, &'static str),
    Remove(&'static str),
    /// Any element is added, in front of all others.
    Insert(&'static str),
    /// An entry is missing.
    Drop(usize),
    /// An entry comes twice.
    Repeat(usize),
    /// The root element has another name.
    Root(&'static str),
    /// Something follows the root element.
    Follow(&'static str),
    Status(u16),
}

impl Change {
    fn apply(&self, answer: &mut Answer) {
        let body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
        let body = match *self {
            Self::Set(name, value) => insert(&remove(&body, name), &element(name, value)),
            Self::Double(name, value) => insert(&body, &element(name, value)),
            Self::Remove(name) => remove(&body, name),
            Self::Insert(text) => insert(&body, text),
            Self::Drop(n) => {
                let (start, end) = entry(&body, n);
                format!("{}{}", &body[..start], &body[end..])
            }
            Self::Repeat(n) => {
                let (start, end) = entry(&body, n);
                format!("{}{}", &body[..end], &body[start..])
            }
            Self::Root(name) => body.replace("ListBucketResult", name),
            Self::Follow(text) => body + text,
            Self::Status(status) => {
                answer.status = status;
                body
            }
        };
        answer.body = body.into_bytes();
    }
}

fn element(name: &str, value: &str) -> String {
    format!("<{name}>{value}</{name}>")
}

/// Adds `text` in front of all that is in the root element.
fn insert(body: &str, text: &str) -> String {
    let root = body.find("<ListBucketResult").unwrap();
    let inner = root + body[root..].find('>').unwrap() + 1;
    format!("{}{text}{}", &body[..inner], &body[inner..])
}

fn remove(body: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let Some((before, rest)) = body.split_once(&open) else {
        return body.to_owned();
    };
    let (_, after) = rest.split_once(&close).unwrap();
    format!("{before}{after}")
}

/// Where an entry of a page stands; there is one on each.
fn entry(body: &str, n: usize) -> (usize, usize) {
    let starts: Vec<_> = body.match_indices("<Contents>").collect();
    let start = starts[n % starts.len()].0;
    let close = "</Contents>";
    (
        start,
        start + body[start..].find(close).unwrap() + close.len(),
    )
}

const NAMES: [&str; 14] = [
    "Name",
    "Prefix",
    "Delimiter",
    "StartAfter",
    "ContinuationToken",
    "NextContinuationToken",
    "IsTruncated",
    "KeyCount",
    "MaxKeys",
    "EncodingType",
    "Marker",
    "NextMarker",
    "Region",
    "VersionIdMarker",
];

const VALUES: [&str; 20] = [
    "",
    " ",
    "true",
    "false",
    "True",
    "0",
    "1",
    "2",
    "5",
    "-1",
    "1000",
    "1001",
    "99999999999",
    "bucket",
    "p",
    "p/",
    "q/",
    "/",
    "url",
    "p/e",
];

fn change() -> impl Strategy<Value = Change> {
    let name = || proptest::sample::select(NAMES.to_vec());
    let value = || proptest::sample::select(VALUES.to_vec());
    let inserted = [
        "<CommonPrefixes><Prefix>p/c/</Prefix></CommonPrefixes>",
        "<CommonPrefixes/>",
        "<Error><Code>InternalError</Code></Error>",
        "<Version><Key>p/z</Key></Version>",
        "<DeleteMarker><Key>p/b</Key></DeleteMarker>",
        "<Contents/>",
        "<!-- a remark --><?and more?>",
        "<Owner><IsTruncated>false</IsTruncated></Owner>",
    ];
    let follows = [
        "\n",
        "<!-- a remark -->",
        "x",
        "\0",
        "<a/>",
        "<ListBucketResult/>",
        "<Error><Code>InternalError</Code></Error>",
    ];
    prop_oneof![
        4 => (name(), value()).prop_map(|(name, value)| Change::Set(name, value)),
        2 => (name(), value()).prop_map(|(name, value)| Change::Double(name, value)),
        2 => name().prop_map(Change::Remove),
        1 => proptest::sample::select(inserted.to_vec()).prop_map(Change::Insert),
        1 => (0..2_usize).prop_map(Change::Drop),
        1 => (0..2_usize).prop_map(Change::Repeat),
        1 => proptest::sample::select(vec!["ListVersionsResult", "ListPartsResult", "html", "Error"])
            .prop_map(Change::Root),
        1 => proptest::sample::select(follows.to_vec()).prop_map(Change::Follow),
        1 => proptest::sample::select(vec![201, 202, 203, 204, 206, 207, 226, 299, 304])
            .prop_map(Change::Status),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// One thing is changed on one page, so what the rest of the page says is
    /// the truth.
    #[test]
    fn a_listing_of_changed_pages_is_the_truth_or_an_error(
        change in change(),
        nth in 1..4_u64,
        is_eager: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let tuning = if is_eager {
                Tuning { pages_first: 1, late_pages: 0, segment_pages: 1, ..Tuning::default() }
            } else {
                Tuning::default()
            };
            let fixture = fixture(tuning).await;
            let told = format!("{change:?} on page {nth}");
            let edit = Action::edit(move |answer| change.apply(answer));
            fixture.server.inject(Fault::on("ListObjectsV2").nth(nth).act(edit));
            if let Ok(listed) = fixture.list().await {
                assert_eq!(names(&listed), KEYS, "{told}");
            }
        });
    }
}

/// The error of a listing whose second page is changed.
async fn error(change: Change) -> String {
    let fixture = fixture(Tuning::default()).await;
    let told = format!("{change:?}");
    let edit = Action::edit(move |answer| change.apply(answer));
    fixture
        .server
        .inject(Fault::on("ListObjectsV2").nth(2).act(edit));
    let error = fixture.list().await.expect_err(&told);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{told}: {error}");
    error.to_string()
}

#[tokio::test]
async fn the_error_says_what_contradicts_what() {
    let cases = [
        (
            Change::Set("IsTruncated", "false"),
            "IsTruncated is not true",
        ),
        (Change::Remove("IsTruncated"), "IsTruncated is not true"),
        (
            Change::Remove("NextContinuationToken"),
            "there is no NextContinuationToken",
        ),
        (
            Change::Set("KeyCount", "3"),
            "KeyCount is 3, but it has 2 keys",
        ),
        (Change::Drop(0), "KeyCount is 2, but it has 1 key"),
        (
            Change::Insert("<CommonPrefixes><Prefix>p/c/</Prefix></CommonPrefixes>"),
            "CommonPrefixes",
        ),
        (
            Change::Set("Prefix", "q/"),
            "Prefix is 'q/' instead of 'p/'",
        ),
        (Change::Set("Prefix", ""), "Prefix is '' instead of 'p/'"),
        (Change::Set("Delimiter", "/"), "Delimiter is '/'"),
        (Change::Set("StartAfter", "p/b"), "StartAfter is 'p/b'"),
        (
            Change::Set("ContinuationToken", "x"),
            "ContinuationToken is 'x'",
        ),
        (
            Change::Set("Name", "other"),
            "Name is 'other' instead of 'bucket'",
        ),
        (
            Change::Set("MaxKeys", "1001"),
            "MaxKeys is '1001' instead of '1000'",
        ),
        (Change::Set("MaxKeys", "0"), "MaxKeys is '0'"),
        (Change::Set("MaxKeys", "1"), "has 2 keys, and at most 1"),
        (
            Change::Set("EncodingType", "base64"),
            "EncodingType is not 'url'",
        ),
        (
            Change::Double("IsTruncated", "false"),
            "IsTruncated more than once",
        ),
        (Change::Status(206), "status 206"),
        (Change::Status(203), "status 203"),
        (
            Change::Follow("<ListBucketResult/>"),
            "something follows its end",
        ),
        (
            Change::Root("ListVersionsResult"),
            "not that of an S3 server",
        ),
    ];
    for (change, expected) in cases {
        let told = format!("{change:?}");
        let error = error(change).await;
        assert!(error.contains(expected), "{told}: {error}");
    }
}

/// What servers leave out, or write otherwise, is no contradiction.
#[tokio::test]
async fn pages_of_servers_that_say_less_are_believed() {
    let fixture = fixture(Tuning::default()).await;
    let changes = [
        Change::Remove("Name"),
        Change::Remove("Prefix"),
        Change::Remove("KeyCount"),
        Change::Remove("MaxKeys"),
        Change::Remove("ContinuationToken"),
        Change::Set("MaxKeys", "2"),
        Change::Set("Prefix", "p%2F"),
        Change::Set("Delimiter", ""),
        Change::Set("StartAfter", ""),
        Change::Set("ContinuationToken", ""),
        Change::Set("Marker", ""),
        Change::Set("EncodingType", "URL"),
        Change::Insert("<Region>here</Region>"),
        Change::Follow("\n"),
    ];
    for change in changes {
        fixture.server.clear_faults();
        let told = format!("{change:?}");
        let edit = Action::edit(move |answer| change.apply(answer));
        fixture
            .server
            .inject(Fault::on("ListObjectsV2").always().act(edit));
        let listed = fixture.list().await;
        assert_eq!(names(&listed.expect(&told)), KEYS, "{told}");
    }
}

/// What the last page leaves out, too.
#[tokio::test]
async fn the_last_page_need_not_say_that_it_is_the_last() {
    let fixture = fixture(Tuning::default()).await;
    for change in [
        Change::Remove("IsTruncated"),
        Change::Set("IsTruncated", "False"),
        Change::Set("NextContinuationToken", ""),
    ] {
        fixture.server.clear_faults();
        let edit = Action::edit(move |answer| change.apply(answer));
        fixture
            .server
            .inject(Fault::on("ListObjectsV2").nth(3).act(edit));
        assert_eq!(names(&fixture.list().await.unwrap()), KEYS);
    }
}
