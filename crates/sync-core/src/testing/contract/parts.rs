//! Writing in parts: invisible until the commit, whole afterwards.

use bytes::Bytes;
use futures::future::try_join_all;
use futures::stream;

use super::subject::{Subject, assert_fails, content};
use crate::{
    checksum::Crc64,
    error::{ErrorKind, StoreError},
    store::{Chunks, Expected},
};

const NAME: &str = "dir/parts";

pub(super) async fn parts_come_in_any_order(subject: Subject<'_>) {
    let body = content(subject.can.part_size * 2 + 5);
    let writer = subject
        .begin(NAME, body.len() as u64, &Expected::Absent)
        .await;
    let parts = subject.cut(&body);
    for (offset, part) in [1, 2, 0].map(|n: usize| parts[n].clone()) {
        writer
            .part(offset, part.into())
            .await
            .expect("a part is written");
    }
    writer
        .commit(Crc64::of(&body))
        .await
        .expect("the commit succeeds");
    assert_eq!(subject.body(NAME).await, body);
}

pub(super) async fn parts_come_concurrently(subject: Subject<'_>) {
    let body = content(subject.can.part_size * 2 + 5);
    let writer = subject
        .begin(NAME, body.len() as u64, &Expected::Absent)
        .await;
    let parts = subject.cut(&body).into_iter().rev();
    let parts = parts.map(|(offset, part)| writer.part(offset, part.into()));
    try_join_all(parts).await.expect("the parts are written");
    writer
        .commit(Crc64::of(&body))
        .await
        .expect("the commit succeeds");
    assert_eq!(subject.body(NAME).await, body);
}

pub(super) async fn a_part_returns_the_sum_of_what_it_wrote(subject: Subject<'_>) {
    let body = content(subject.can.part_size + 5);
    let writer = subject
        .begin(NAME, body.len() as u64, &Expected::Absent)
        .await;
    for (offset, part) in subject.cut(&body) {
        let (sum, mut first) = (Crc64::of(&part), part);
        let rest = first.split_off(first.len() / 2);
        let chunks = Chunks::new(stream::iter([Ok(first), Ok(Bytes::new()), Ok(rest)]));
        assert_eq!(
            writer
                .part(offset, chunks)
                .await
                .expect("a part is written"),
            sum
        );
    }
    writer
        .commit(Crc64::of(&body))
        .await
        .expect("the commit succeeds");
    assert_eq!(subject.body(NAME).await, body);

    let failing = subject.begin("failed", 5, &Expected::Absent).await;
    let error = StoreError::new(ErrorKind::Archived, "the source broke off");
    let chunks = Chunks::new(stream::iter([Ok(Bytes::from_static(b"abc")), Err(error)]));
    assert_fails(failing.part(0, chunks).await, ErrorKind::Archived);
    failing.abort().await;
}

pub(super) async fn nothing_is_visible_before_the_commit(subject: Subject<'_>) {
    let old = subject.create("old", b"old").await;
    let body = content(subject.can.part_size + 5);
    let len = body.len() as u64;
    let new = subject.begin(NAME, len, &Expected::Absent).await;
    let over = subject.begin("old", len, &Expected::Version(old)).await;
    for (offset, part) in subject.cut(&body) {
        for writer in [&new, &over] {
            writer
                .part(offset, part.clone().into())
                .await
                .expect("a part is written");
        }
        assert_eq!(subject.find(NAME).await, None);
        assert_eq!(subject.body("old").await, "old");
        assert_eq!(subject.list().await.len(), 1, "only 'old' is listed");
    }
    new.commit(Crc64::of(&body))
        .await
        .expect("the commit succeeds");
    over.commit(Crc64::of(&body))
        .await
        .expect("the commit succeeds");
    assert_eq!(subject.body(NAME).await, body);
    assert_eq!(subject.body("old").await, body);
}

pub(super) async fn an_aborted_write_leaves_nothing(subject: Subject<'_>) {
    let part = subject.can.part_size;
    let writer = subject.begin(NAME, part + 1, &Expected::Absent).await;
    let last = Bytes::from_static(b"x");
    writer
        .part(part, last.into())
        .await
        .expect("a part is written");
    writer.abort().await;
    assert_eq!(subject.find(NAME).await, None);
}

pub(super) async fn a_dropped_writer_stays_invisible(subject: Subject<'_>) {
    let body = content(subject.can.part_size + 1);
    let writer = subject.fill(NAME, &body, &Expected::Absent).await;
    drop(writer);
    assert_eq!(subject.find(NAME).await, None);
    assert!(subject.list().await.is_empty());
    subject.create(NAME, b"later").await;
    assert_eq!(subject.body(NAME).await, "later");
}

pub(super) async fn a_commit_with_a_wrong_checksum_is_corrupt(subject: Subject<'_>) {
    let body = content(subject.can.part_size + 1);
    let writer = subject.fill(NAME, &body, &Expected::Absent).await;
    let committed = writer.commit(Crc64::of(b"other")).await;
    assert_fails(committed, ErrorKind::Corrupt);
    assert_eq!(subject.find(NAME).await, None, "nothing is visible then");
}

pub(super) async fn a_commit_without_all_parts_is_corrupt(subject: Subject<'_>) {
    let body = content(subject.can.part_size * 2 + 1);
    let parts = subject.cut(&body);
    for missing in 0..parts.len() {
        let writer = subject
            .begin(NAME, body.len() as u64, &Expected::Absent)
            .await;
        for (n, (offset, part)) in parts.iter().enumerate() {
            if n != missing {
                writer
                    .part(*offset, part.clone().into())
                    .await
                    .expect("a part is written");
            }
        }
        let committed = writer.commit(Crc64::of(&body)).await;
        assert_fails(committed, ErrorKind::Corrupt);
        assert_eq!(subject.find(NAME).await, None, "nothing is visible then");
    }
}

pub(super) async fn a_commit_over_another_version_is_refused(subject: Subject<'_>) {
    let body = content(subject.can.part_size + 1);
    let fill = async |name: &str, expected: &Expected| subject.fill(name, &body, expected).await;
    let old = subject.create("changed", b"old").await;
    let appeared = fill("appeared", &Expected::Absent).await;
    let changed = fill("changed", &Expected::Version(old.clone())).await;
    subject.create("appeared", b"1").await;
    subject.replace(&old, b"newer").await;
    for writer in [appeared, changed] {
        let committed = writer.commit(Crc64::of(&body)).await;
        assert_fails(committed, ErrorKind::Changed);
    }
    assert_eq!(subject.body("appeared").await, "1");
    assert_eq!(subject.body("changed").await, "newer");
}
