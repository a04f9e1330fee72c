//! Servers that know only the first version of listings.

use s3_endpoint::{Action, Config, Fault};

use super::list::names;
use super::{BUCKET, Fixture};

/// As a server answers that takes no notice of `list-type=2`: it knows neither
/// tokens nor keys to begin after.
pub(super) fn ignores_the_second_version(names_next: bool) -> Fault {
    Fault::on("ListObjectsV2")
        .always()
        .act(Action::edit(move |answer| {
            let mut body = String::from_utf8(std::mem::take(&mut answer.body)).unwrap();
            for name in [
                "KeyCount",
                "NextContinuationToken",
                "ContinuationToken",
                "StartAfter",
            ] {
                let (open, close) = (format!("<{name}>"), format!("</{name}>"));
                if let Some((before, rest)) = body.split_once(&open) {
                    let (_, after) = rest.split_once(&close).unwrap();
                    body = format!("{before}{after}");
                }
            }
            let marker = if names_next {
                "<NextMarker>p/a</NextMarker>"
            } else {
                "<Marker/>"
            };
            body = body.replacen("<Contents>", &format!("{marker}<Contents>"), 1);
            answer.body = body.into_bytes();
        }))
}

async fn fixture(location: &str, keys: &[String]) -> Fixture {
    let config = Config {
        page_size: 3,
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |options| {
        options.location = location.parse().unwrap();
    })
    .await;
    for key in keys {
        fixture.server.put(BUCKET, key, "x", None);
    }
    fixture
}

fn odd_keys(prefix: &str) -> Vec<String> {
    let mut keys: Vec<String> = [
        "a",
        "a b",
        "a+b",
        "a&b=c",
        "a/x",
        "a%2Fb",
        "\u{e4}",
        "\u{1f600}",
        "b\n",
        "z/z",
        "zz",
    ]
    .iter()
    .map(|key| format!("{prefix}{key}"))
    .collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn a_server_of_the_first_version_is_asked_in_its_words() {
    for (location, prefix) in [("bucket", ""), ("bucket/p \u{e4}+", "p \u{e4}+/")] {
        for names_next in [true, false] {
            let keys = odd_keys(prefix);
            let fixture = fixture(location, &keys).await;
            fixture
                .server
                .inject(ignores_the_second_version(names_next));
            for _ in 0..2 {
                let listed = fixture.list().await.unwrap();
                let listed: Vec<_> = names(&listed)
                    .iter()
                    .map(|name| format!("{prefix}{name}"))
                    .collect();
                assert_eq!(listed, keys);
            }
            // Found out once; from then on each page takes one request.
            assert_eq!(fixture.server.count("ListObjectsV2"), 1);
            assert_eq!(fixture.server.count("ListObjects"), 8);
        }
    }
}

/// What a page of the first version says about itself is compared as well.
#[tokio::test]
async fn a_page_of_the_first_version_that_contradicts_itself_is_an_error() {
    for (from, to, told) in [
        ("<Marker>", "<Marker>x", "StartAfter is 'x"),
        (
            "<IsTruncated>true",
            "<NextMarker>p/c</NextMarker><IsTruncated>false",
            "IsTruncated",
        ),
        ("<MaxKeys>1000", "<MaxKeys>5000", "MaxKeys"),
        (
            "<Contents>",
            "<CommonPrefixes/><Contents>",
            "CommonPrefixes",
        ),
    ] {
        let fixture = fixture("bucket", &odd_keys("")).await;
        fixture.server.inject(ignores_the_second_version(false));
        let change = Action::edit(move |answer| {
            let body = String::from_utf8(answer.body.clone()).unwrap();
            assert!(body.contains(from), "{body}");
            answer.body = body.replacen(from, to, 1).into_bytes();
        });
        fixture
            .server
            .inject(Fault::on("ListObjects").nth(2).act(change));
        let error = fixture.list().await.unwrap_err().to_string();
        assert!(error.contains(told), "{from}: {error}");
    }
}

/// A server that ignores markers, too, would begin again for ever.
#[tokio::test]
async fn a_server_that_ignores_markers_ends_in_an_error() {
    let fixture = fixture("bucket", &odd_keys("")).await;
    fixture.server.inject(ignores_the_second_version(false));
    let first = Action::edit(|answer| {
        let page = |key| {
            format!(
                "<Contents><Key>{key}</Key><Size>1</Size>\
             <LastModified>2024-01-01T00:00:00Z</LastModified></Contents>"
            )
        };
        answer.body = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated>{}{}</ListBucketResult>",
            page("a"),
            page("b")
        )
        .into_bytes();
    });
    fixture
        .server
        .inject(Fault::on("ListObjects").always().act(first));
    let error = fixture.list().await.unwrap_err().to_string();
    assert!(error.contains("repeats"), "{error}");
}

/// A server that answers in another version in the middle has lost its place.
#[tokio::test]
async fn the_version_does_not_change_in_the_middle() {
    let fixture = fixture("bucket", &odd_keys("")).await;
    let change = Action::edit(|answer| {
        let body = String::from_utf8(answer.body.clone()).unwrap();
        let (head, rest) = body.split_once("<Contents>").unwrap();
        let head = head
            .replace("KeyCount", "Other")
            .replace("ContinuationToken", "Another");
        answer.body = format!("{head}<Marker/><Contents>{rest}").into_bytes();
    });
    fixture
        .server
        .inject(Fault::on("ListObjectsV2").nth(2).act(change));
    let error = fixture.list().await.unwrap_err().to_string();
    assert!(error.contains("first version of listings"), "{error}");
}
