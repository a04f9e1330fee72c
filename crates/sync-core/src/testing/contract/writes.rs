//! Writing in one piece: under the condition that was given, and verified.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;

use super::subject::{Subject, assert_fails, content, new, time};
use crate::{
    checksum::Crc64,
    error::{ErrorKind, StoreError},
    store::Expected,
};

/// Races are lost by chance, so they are run several times.
const RACES: usize = 8;

pub(super) async fn another_version_is_never_overwritten(subject: Subject<'_>) {
    let first = subject.create("a", b"first").await;
    let absent = subject.put("a", b"other", &Expected::Absent).await;
    assert_fails(absent, ErrorKind::Changed);
    let mut stale = first.clone();
    let mut body = &b"second."[..];
    let second = subject.replace(&first, body).await;
    if subject.can.revisions {
        (stale, body) = (second.clone(), b"another");
        subject.replace(&second, body).await;
    }
    let late = subject.put("a", b"third", &Expected::Version(stale)).await;
    assert_fails(late, ErrorKind::Changed);
    assert_eq!(subject.body("a").await, body);
}

pub(super) async fn a_version_that_is_gone_is_written_anew(subject: Subject<'_>) {
    let gone = subject.create("a", b"gone").await;
    subject.clear().await;
    let expected = Expected::Version(gone);
    subject
        .put("a", b"anew", &expected)
        .await
        .expect("the entry is written");
    assert_eq!(subject.body("a").await, "anew");
}

pub(super) async fn a_wrong_checksum_is_corrupt(subject: Subject<'_>) {
    let (entry, body) = (new("a", 5), Bytes::from_static(b"hello"));
    let (wrong, absent) = (Crc64::of(b"other"), Expected::Absent);
    let put = subject.store.put(&entry, body, wrong, &absent).await;
    assert_fails(put, ErrorKind::Corrupt);
    assert_eq!(subject.find("a").await, None, "nothing is visible then");
}

/// A store that cannot set the time shows the same one wherever it is asked.
pub(super) async fn the_modification_time_is_kept(subject: Subject<'_>) {
    subject.create("put", b"1").await;
    let body = content(subject.can.part_size + 1);
    let absent = Expected::Absent;
    subject
        .write("parts", &body, &absent)
        .await
        .expect("the entry is written");
    for listed in subject.list().await {
        let stat = subject.stat(listed.key.as_str()).await;
        assert!(listed.is_same_version(&stat), "{listed:?} {stat:?}");
        let Some(unit) = subject.can.time_unit else {
            continue;
        };
        for entry in [listed, stat] {
            let lost = time() - entry.modified;
            let is_kept = lost >= chrono::TimeDelta::zero() && lost < unit;
            assert!(is_kept, "{} instead of {}", entry.modified, time());
        }
    }
}

pub(super) async fn concurrent_writers_leave_one_whole_content(subject: Subject<'_>) {
    for _ in 0..RACES {
        let bodies: Vec<Bytes> = (1..5).map(|n| vec![n; n.into()].into()).collect();
        let write = |(n, body): (usize, &Bytes)| {
            let body = body.clone();
            async move {
                match n % 2 {
                    0 => subject.put("a", &body, &Expected::Absent).await,
                    _ => subject.write("a", &body, &Expected::Absent).await,
                }
            }
            .boxed()
        };
        let results = join_all(bodies.iter().enumerate().map(write)).await;
        let there = subject.body("a").await;
        let written = bodies.iter().position(|body| *body == there);
        let written = written.expect("it is the content of one writer");
        assert!(results[written].is_ok(), "a writer that failed wrote it");
        let failed = results.iter().filter_map(|result| result.as_ref().err());
        let kinds: Vec<ErrorKind> = failed.map(StoreError::kind).collect();
        assert!(
            kinds.iter().all(|kind| *kind == ErrorKind::Changed),
            "{kinds:?}"
        );
        if subject.can.conditional_write {
            assert_eq!(kinds.len(), 3, "one writer replaced what another wrote");
        }
        subject.clear().await;
    }
}
