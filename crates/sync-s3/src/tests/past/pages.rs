//! Pages of versions that contradict themselves, repeat or lack something.

use s3_endpoint::{Config, Endpoint, Fault};
use sync_core::ErrorKind;

use super::super::BUCKET;
use super::{at, contents, edit, list, past, versioned};

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

/// All versions, and on another page all markers.
#[tokio::test]
async fn versions_of_a_key_that_are_apart_by_pages_are_an_error() {
    let line = |kind: &str, key: &str, second: i64| {
        let modified = at(second).format("%Y-%m-%dT%H:%M:%SZ");
        format!(
            "<{kind}><Key>{key}</Key><VersionId>{kind}{key}</VersionId><IsLatest>false</IsLatest>\
             <LastModified>{modified}</LastModified><Size>1</Size></{kind}>"
        )
    };
    let page = |inner: String| format!("<ListVersionsResult>{inner}</ListVersionsResult>");
    let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>x</NextKeyMarker>\
                <NextVersionIdMarker>y</NextVersionIdMarker>";
    let pages = [
        page(line("Version", "a", 1) + &line("Version", "b", 1) + more),
        page(line("DeleteMarker", "a", 2)),
    ];
    let server = versioned(Config::with_bucket(BUCKET));
    let next = std::sync::atomic::AtomicUsize::new(0);
    server.inject(edit(move |answer| {
        let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        answer.status = 200;
        answer.body = pages[at % pages.len()].clone().into_bytes();
    }));
    let error = list(&past(&server, 9).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("lists 'a' where no order"),
        "{error}"
    );
}
