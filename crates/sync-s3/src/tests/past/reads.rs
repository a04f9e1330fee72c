//! Every read is of the version that was listed.

use s3_endpoint::{Action, Config, Endpoint, Fault, IfMatch};
use sync_core::{Entry, ErrorKind, Key, Listed, Store as _};

use super::super::BUCKET;
use super::{at, content, list, past, versioned};
use crate::S3Store;

#[tokio::test]
async fn reads_and_looks_are_of_the_version_that_was_listed() {
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "first", at(1));
    server.put(BUCKET, "a", "other", at(5));
    let store = past(&server, 2).await;
    let Some(Listed::Entry(entry)) = list(&store).await.unwrap().pop() else {
        panic!("an entry");
    };
    let oldest = server.versions(BUCKET)["a"][0].clone();
    assert_eq!(entry.revision.as_ref().unwrap().as_str(), oldest.id());
    assert_eq!(content(&store, &entry).await.unwrap(), b"first");
    assert!(store.digest(&entry).await.unwrap().is_some());
    let found = store.stat(&Key::new("a").unwrap()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&entry));
    assert_eq!(store.stat(&Key::new("b").unwrap()).await.unwrap(), None);
    let reads = server
        .log()
        .into_iter()
        .filter(|it| it.operation != "ListObjectVersions");
    let reads = reads.filter(|it| it.key.is_some());
    for read in reads {
        assert!(
            read.query.contains(&format!("versionId={}", oldest.id())),
            "{read}"
        );
    }
    // Once it has expired, it is not replaced by another one.
    server.expire(BUCKET, "a", oldest.id());
    let error = content(&store, &entry).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    // A server that ignores the version is noticed.
    let server = versioned(Config::with_bucket(BUCKET));
    server.put(BUCKET, "a", "first", at(1));
    let store = past(&server, 2).await;
    server.inject(Fault::on("GetObject").always().act(Action::edit(|answer| {
        answer
            .headers
            .insert("x-amz-version-id", "other".parse().unwrap());
    })));
    let Some(Listed::Entry(entry)) = list(&store).await.unwrap().pop() else {
        panic!("an entry");
    };
    let error = content(&store, &entry).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
}

/// The entry of `a`, which is of the first second and has no id of its own.
async fn null_entry(server: &Endpoint, store: &S3Store) -> Entry {
    server.set_versioning(BUCKET, Some("Suspended"));
    server.put(BUCKET, "a", "first", at(1));
    let items = list(store).await.unwrap();
    let entry = items.into_iter().find_map(|item| match item {
        Listed::Entry(entry) => Some(entry),
        Listed::Skipped(_) => None,
    });
    entry.unwrap()
}

#[tokio::test]
async fn what_has_no_version_id_and_is_replaced_within_its_second_has_changed() {
    for if_match in [IfMatch::Standard, IfMatch::Never] {
        let server = versioned(Config {
            if_match,
            ..Config::with_bucket(BUCKET)
        });
        let store = past(&server, 2).await;
        let entry = null_entry(&server, &store).await;
        assert_eq!(content(&store, &entry).await.unwrap(), b"first");
        assert!(store.digest(&entry).await.unwrap().is_some());
        let found = store.stat(&entry.key).await.unwrap();
        assert_eq!(found.as_ref(), Some(&entry));
        server.put(BUCKET, "a", "other", at(1));
        let error = content(&store, &entry).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{if_match:?}");
        let error = store.digest(&entry).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Changed, "{if_match:?}");
    }
}

#[tokio::test]
async fn a_read_of_what_has_no_version_id_names_its_etag() {
    let server = versioned(Config::with_bucket(BUCKET));
    let store = past(&server, 2).await;
    let entry = null_entry(&server, &store).await;
    content(&store, &entry).await.unwrap();
    let is_conditional = |key: &str| {
        let log = server.log().into_iter();
        let mut reads =
            log.filter(|it| it.operation == "GetObject" && it.key.as_deref() == Some(key));
        reads.next_back().unwrap().conditional
    };
    assert!(is_conditional("a"));
    // One with an id never changes.
    server.set_versioning(BUCKET, Some("Enabled"));
    server.put(BUCKET, "b", "1", at(1));
    let Some(Listed::Entry(entry)) = list(&store).await.unwrap().pop() else {
        panic!("an entry");
    };
    content(&store, &entry).await.unwrap();
    assert!(!is_conditional("b"));
}
