//! Reading: an entry comes back as it was written, and no other version does.

use std::ops::Range;

use super::subject::{Subject, assert_fails, content, key};
use crate::{
    checksum::Digest,
    entry::Entry,
    error::{ErrorKind, Result},
};

pub(super) async fn an_entry_comes_back_as_it_was_written(subject: Subject<'_>) {
    for (name, body) in [("empty", &b""[..]), ("dir/sub/small", b"hello")] {
        let entry = subject.create(name, body).await;
        assert_eq!(entry.key.as_str(), name);
        assert_eq!(entry.size, body.len() as u64);
        assert_eq!(subject.body(name).await, body);
        let listed = subject.list().await;
        let [listed] = &listed[..] else {
            panic!("one entry was written: {listed:?}");
        };
        assert!(listed.is_same_version(&entry), "{listed:?} {entry:?}");
        assert!(subject.store.is_unchanged(listed, &entry).await);
        assert_eq!(
            subject
                .read(listed, 0..entry.size)
                .await
                .expect("the content is read"),
            body
        );
        subject.clear().await;
    }
}

pub(super) async fn a_key_without_an_entry_has_none(subject: Subject<'_>) {
    subject.create("dir/file", b"1").await;
    for name in ["nothing", "dir", "dir/file2", "dir/other/file"] {
        assert_eq!(subject.find(name).await, None, "{name}");
        assert!(
            subject
                .store
                .lacks(&key(name))
                .await
                .expect("the look succeeds"),
            "{name}"
        );
        let relisted = subject.store.relist(&key(name)).await;
        assert_eq!(relisted.expect("the look succeeds"), None, "{name}");
    }
    assert!(
        !subject
            .store
            .lacks(&key("dir/file"))
            .await
            .expect("the look succeeds")
    );
}

pub(super) async fn a_digest_is_that_of_the_content(subject: Subject<'_>) {
    let small = subject.create("small", b"hello").await;
    let body = content(subject.can.part_size + 1);
    let absent = crate::store::Expected::Absent;
    subject
        .write("parts", &body, &absent)
        .await
        .expect("the entry is written");
    let large = subject.stat("parts").await;
    for (entry, body) in [(&small, &b"hello"[..]), (&large, &body)] {
        if let Some(digest) = subject
            .store
            .digest(entry)
            .await
            .expect("the look succeeds")
        {
            assert_eq!(digest, Digest::of(digest.algorithm(), body));
        }
    }
    subject.replace(&small, b"other content").await;
    // A store that keeps no sums need not ask.
    if let Some(digest) = subject.store.digest(&small).await.transpose() {
        assert_fails(digest, ErrorKind::Changed);
    }
}

/// Asks the store itself: `read_bytes` would find a wrong length.
pub(super) async fn ranges_are_exact(subject: Subject<'_>) {
    async fn chunks(
        subject: Subject<'_>,
        entry: &Entry,
        range: Range<u64>,
    ) -> Result<bytes::Bytes> {
        subject.store.read(entry, range).await?.bytes().await
    }
    let entry = subject.create("ranges", b"0123456789").await;
    for range in [0..0, 0..1, 3..7, 9..10, 10..10, 0..10] {
        let body = chunks(subject, &entry, range.clone())
            .await
            .expect("the content is read");
        let wanted = &b"0123456789"[range.start as usize..range.end as usize];
        assert_eq!(body, wanted, "{range:?}");
    }
    let empty = subject.create("empty", b"").await;
    assert_eq!(
        chunks(subject, &empty, 0..0)
            .await
            .expect("the content is read"),
        ""
    );
}

pub(super) async fn another_version_is_never_read(subject: Subject<'_>) {
    let old = subject.create("a", b"old").await;
    let mut now = subject.replace(&old, b"newer").await;
    assert_fails(subject.read(&old, 0..3).await, ErrorKind::Changed);
    if subject.can.revisions {
        let other = subject.replace(&now, b"other").await;
        assert!(!subject.store.is_unchanged(&now, &other).await);
        assert_fails(subject.read(&now, 0..5).await, ErrorKind::Changed);
        now = other;
    }
    subject.clear().await;
    let error = subject.read(&now, 0..5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let names_key = error.to_string().contains("'a'");
    assert!(names_key, "the error names the key: {error}");
}
