//! Deleting: only what was seen, with an answer for each entry.

use futures::future::join;

use super::subject::{Subject, assert_fails};
use crate::{
    error::{ErrorKind, StoreError},
    store::Expected,
};

/// Races are lost by chance, so they are run several times.
const RACES: usize = 8;

pub(super) async fn another_version_is_never_deleted(subject: Subject<'_>) {
    let old = subject.create("a", b"old").await;
    let mut versions = vec![old.clone()];
    let mut body = &b"newer"[..];
    let newer = subject.replace(&old, body).await;
    if subject.can.revisions {
        body = b"other";
        subject.replace(&newer, body).await;
        versions.push(newer);
    }
    for version in versions {
        let [result] = subject
            .store
            .delete(&[version])
            .await
            .try_into()
            .expect("one result comes for each entry");
        assert_fails(result, ErrorKind::Changed);
        assert_eq!(subject.body("a").await, body);
    }
}

/// What is written while a deletion is under way is there afterwards: it was
/// written behind the deletion, or it is another version.
pub(super) async fn what_is_written_meanwhile_is_not_deleted(subject: Subject<'_>) {
    for _ in 0..RACES {
        let old = subject.create("a", b"old").await;
        let (expected, seen) = (Expected::Version(old.clone()), [old]);
        let write = subject.put("a", b"newer", &expected);
        let (deleted, written) = join(subject.store.delete(&seen), write).await;
        let [deleted] = deleted.try_into().expect("one result comes for each entry");
        for result in [&deleted, &written] {
            let kind = result.as_ref().err().map(StoreError::kind);
            assert!(matches!(kind, None | Some(ErrorKind::Changed)), "{kind:?}");
        }
        if subject.can.conditional_delete && written.is_ok() {
            assert_eq!(subject.body("a").await, "newer");
        }
        subject.clear().await;
    }
}

pub(super) async fn deleting_what_is_gone_succeeds(subject: Subject<'_>) {
    let entry = subject.create("a", b"1").await;
    for _ in 0..2 {
        let results = subject.store.delete(std::slice::from_ref(&entry)).await;
        let [result] = results.try_into().expect("one result comes for each entry");
        result.expect("the deletion succeeds");
        assert_eq!(subject.find("a").await, None);
    }
}

pub(super) async fn each_deletion_has_its_own_result(subject: Subject<'_>) {
    let old = subject.create("a", b"old").await;
    subject.replace(&old, b"newer").await;
    let gone = subject.create("c", b"1").await;
    let mut seen = vec![gone.clone()];
    for result in subject.store.delete(&[gone]).await {
        result.expect("the deletion succeeds");
    }
    // In no order, and what fails is neither first nor last.
    seen.push(subject.create("d", b"1").await);
    seen.push(old);
    seen.push(subject.create("b", b"1").await);
    let results = subject.store.delete(&seen).await;
    let kinds = results.iter().map(|result| result.as_ref().err());
    let kinds: Vec<_> = kinds.map(|error| error.map(StoreError::kind)).collect();
    assert_eq!(kinds, [None, None, Some(ErrorKind::Changed), None]);
    let left = subject.list().await;
    let left: Vec<&str> = left.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(left, ["a"]);
    assert!(subject.store.delete(&[]).await.is_empty());
}
