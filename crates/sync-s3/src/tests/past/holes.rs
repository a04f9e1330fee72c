//! Where a history may have holes, that is said, and it is never absence.

use futures::TryStreamExt as _;
use s3_endpoint::{Action, Config, Endpoint, Fault};
use sync_core::{ErrorKind, KeyRange, Listed, Store as _, entry::SkipCause};

use super::super::BUCKET;
use super::{at, is_hole, list, past, versioned};
use crate::S3Store;

#[tokio::test]
async fn a_bucket_that_kept_no_versions_is_refused() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    server.put(BUCKET, "a", "1", at(1));
    let error = list(&past(&server, 9).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(
        error.to_string().contains("has never kept versions"),
        "{error}"
    );
    assert_eq!(server.count("ListObjectVersions"), 0);
}

#[tokio::test]
async fn holes_are_named_and_the_rest_is_listed() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    server.put(BUCKET, "b", "1", at(2));
    let names = |items: Vec<Listed>| {
        let names = items.into_iter().map(|item| match item {
            Listed::Entry(entry) => entry.key.as_str().to_owned(),
            Listed::Skipped(skipped) => format!("{}: {}", skipped.name, skipped.detail),
        });
        names.collect::<Vec<_>>()
    };
    server.set_versioning(BUCKET, Some("Suspended"));
    let listed = names(list(&past(&server, 9).await).await.unwrap());
    assert_eq!(listed.len(), 3);
    assert!(listed[0].contains("versioning is suspended"), "{listed:?}");
    assert_eq!(listed[1..], ["a", "b"]);
    // What it writes now may replace what had no id before.
    server.put(BUCKET, "b", "2", at(20));
    let listed = names(list(&past(&server, 9).await).await.unwrap());
    assert_eq!(listed[1], "a");
    assert!(
        listed[2].starts_with("b: what it has without a version id"),
        "{listed:?}"
    );

    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    let rule = |what: &str| {
        format!(
            "<Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>{what}\
             </Rule>"
        )
    };
    let old =
        |inner: &str| format!("<NoncurrentVersionExpiration>{inner}</NoncurrentVersionExpiration>");
    let all = "<Expiration><Days>9</Days><ExpiredObjectAllVersions>true\
               </ExpiredObjectAllVersions></Expiration>";
    let deleted = "<DelMarkerExpiration><Days>9</Days></DelMarkerExpiration>";
    for (expiration, said) in [
        (
            old("<NoncurrentDays>1</NoncurrentDays>"),
            Some("after 1 days"),
        ),
        (old("<NoncurrentDays>36500</NoncurrentDays>"), None),
        (
            old(
                "<NoncurrentDays>36500</NoncurrentDays><NewerNoncurrentVersions>5\
                 </NewerNoncurrentVersions>",
            ),
            Some("only a number of old versions"),
        ),
        ("<Expiration><Days>9</Days></Expiration>".to_owned(), None),
        (all.to_owned(), Some("with all of their versions")),
        (deleted.to_owned(), Some("after 9 days")),
    ] {
        server.set_lifecycle(BUCKET, Some(&rule(&expiration)));
        let listed = names(list(&past(&server, 9).await).await.unwrap());
        assert_eq!(listed.len(), 1 + usize::from(said.is_some()), "{listed:?}");
        if let Some(said) = said {
            assert!(listed[0].contains(said), "{listed:?}");
        }
    }
}

#[tokio::test]
async fn a_lifecycle_that_may_not_be_read_is_said_once_and_no_hole() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    let denied = Action::error(403, "AccessDenied");
    server.inject(
        Fault::on("GetBucketLifecycleConfiguration")
            .always()
            .act(denied.clone()),
    );
    let store = past(&server, 9).await;
    for _ in 0..2 {
        assert_eq!(list(&store).await.unwrap().len(), 1);
    }
    let notes = store.past_notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("s3:GetLifecycleConfiguration"),
        "{notes:?}"
    );
    // Of the versioning it is one: nothing tells whether versions are kept.
    server.inject(Fault::on("GetBucketVersioning").always().act(denied));
    let listed = list(&store).await.unwrap();
    assert!(matches!(&listed[0], Listed::Skipped(hole) if hole.cause == SkipCause::History));
}

#[tokio::test]
async fn a_server_that_cannot_tell_now_is_an_error_and_no_hole() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    for (status, is_hole) in [(503, false), (500, false), (501, true), (405, true)] {
        server.clear_faults();
        let answer = Action::error(status, "Whatever");
        server.inject(Fault::on("GetBucketVersioning").always().act(answer));
        let listed = list(&past(&server, 9).await).await;
        assert_eq!(listed.is_ok(), is_hole, "{status}");
    }
}

#[tokio::test]
async fn a_lifecycle_that_cannot_be_read_now_is_an_error() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    for (status, is_said) in [(503, false), (500, false), (501, true), (403, true)] {
        server.clear_faults();
        let answer = Action::error(status, "Whatever");
        server.inject(
            Fault::on("GetBucketLifecycleConfiguration")
                .always()
                .act(answer),
        );
        let store = past(&server, 9).await;
        assert_eq!(list(&store).await.is_ok(), is_said, "{status}");
        assert_eq!(store.past_notes().len(), usize::from(is_said), "{status}");
    }
}

/// What was deleted before has left no trace.
#[tokio::test]
async fn a_moment_before_versions_were_kept_is_a_hole() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    server.put(BUCKET, "a", "1", at(1));
    server.put(BUCKET, "deleted", "1", at(1));
    server.remove(BUCKET, "deleted");
    server.set_versioning(BUCKET, Some("Enabled"));
    let is_hole =
        |item: &Listed| matches!(item, Listed::Skipped(hole) if hole.cause == SkipCause::History);
    let listed = list(&past(&server, 9).await).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(is_hole(&listed[1]), "{listed:?}");
    // Since this one versions are kept.
    server.put(BUCKET, "b", "1", at(10));
    let listed = list(&past(&server, 20).await).await.unwrap();
    assert!(!listed.iter().any(is_hole), "{listed:?}");
    assert!(
        list(&past(&server, 9).await)
            .await
            .unwrap()
            .iter()
            .any(is_hole)
    );
}

#[tokio::test]
async fn a_hole_is_one_of_each_range_of_keys() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "1", at(1));
    server.put(BUCKET, "z", "1", at(1));
    server.set_versioning(BUCKET, Some("Suspended"));
    let store = past(&server, 9).await;
    for range in KeyRange::split(["m".to_owned(), "t".to_owned()]) {
        let listing = store.list_range(&Default::default(), &range).await;
        let listed: Vec<Listed> = listing.entries.try_collect().await.unwrap();
        assert!(listed.iter().any(is_hole), "{range}: {listed:?}");
    }
}

#[tokio::test]
async fn a_moment_that_has_not_come_or_has_nothing_is_refused() {
    let server = versioned(Config {
        check_skew: false,
        ..Config::with_bucket(BUCKET)
    });
    server.put(BUCKET, "a", "1", at(10));
    let error = list(&past(&server, 9).await).await.unwrap_err().to_string();
    assert!(
        error.contains("has nothing of 2026-01-01T00:00:09Z or before"),
        "{error}"
    );
    assert!(error.contains("is of 2026-01-01T00:00:10Z"), "{error}");
    // By the clock of the server.
    server.set_clock(at(100));
    assert_eq!(list(&past(&server, 50).await).await.unwrap().len(), 1);
    let error = list(&past(&server, 5000).await)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("that is in the future: it is 2026-01-01T00:01:4"),
        "{error}"
    );
    let directory = crate::S3Options {
        location: "name--usw2-az1--x-s3".parse().unwrap(),
        at: Some(at(1)),
        ..crate::S3Options::new(BUCKET.parse().unwrap())
    };
    let error = S3Store::connect_as(directory, None).await.unwrap_err();
    assert!(error.to_string().contains("directory bucket"), "{error}");
}
