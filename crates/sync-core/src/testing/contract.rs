//! What every store must do, as [`Store`]'s documentation says.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;

use crate::{
    checksum::{Crc64, Digest},
    entry::{Entry, Listed},
    error::ErrorKind,
    key::Key,
    store::{Expected, NewEntry, Store, read_bytes},
};

/// Checks `store` against the contract of [`Store`]; it must be empty and is
/// left empty. Entries of more than one part are cut at `part_size` bytes,
/// which must be a size that the store takes.
///
/// # Panics
/// If the store breaks the contract.
pub async fn contract(store: &dyn Store, part_size: u64) {
    assert!(!store.location().is_empty());
    assert!(list(store).await.is_empty(), "the store must be empty");
    an_entry_comes_back_as_it_was_written(store).await;
    ranges_are_exact(store).await;
    listing_is_in_byte_order(store).await;
    another_version_is_never_read(store).await;
    another_version_is_never_overwritten(store).await;
    another_version_is_never_deleted(store).await;
    deleting_what_is_gone_succeeds(store).await;
    parts_come_in_any_order(store, part_size).await;
    an_aborted_write_leaves_nothing(store, part_size).await;
    assert!(list(store).await.is_empty(), "everything was deleted");
}

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

/// A time in the past with a fraction of a second.
fn time() -> DateTime<Utc> {
    "2023-04-05T06:07:08.123456789Z".parse().unwrap()
}

fn new(name: &str, size: u64) -> NewEntry {
    NewEntry {
        key: key(name),
        size,
        modified: time(),
        changed: time(),
    }
}

async fn list(store: &dyn Store) -> Vec<Entry> {
    let listing = store.list(&Arc::default()).await;
    let items: Vec<Listed> = listing.entries.try_collect().await.unwrap();
    let entry = |item| match item {
        Listed::Entry(entry) => entry,
        Listed::Skipped(skipped) => panic!("skipped {skipped:?}"),
    };
    items.into_iter().map(entry).collect()
}

async fn put(
    store: &dyn Store,
    name: &str,
    body: &'static [u8],
    expected: Expected,
) -> crate::error::Result<()> {
    let entry = new(name, body.len() as u64);
    let checksum = Crc64::of(body);
    store
        .put(&entry, Bytes::from_static(body), checksum, &expected)
        .await
}

async fn create(store: &dyn Store, name: &str, body: &'static [u8]) -> Entry {
    put(store, name, body, Expected::Absent).await.unwrap();
    stat(store, name).await
}

async fn stat(store: &dyn Store, name: &str) -> Entry {
    store
        .stat(&key(name))
        .await
        .unwrap()
        .expect("it was written")
}

async fn delete(store: &dyn Store, entry: Entry) {
    for result in store.delete(&[entry]).await {
        result.unwrap();
    }
}

async fn an_entry_comes_back_as_it_was_written(store: &dyn Store) {
    for (name, body) in [("empty", &b""[..]), ("dir/sub/small", b"hello")] {
        let entry = create(store, name, body).await;
        assert_eq!(entry.size, body.len() as u64);
        assert_eq!(
            read_bytes(store, &entry, 0..entry.size).await.unwrap(),
            body
        );
        if let Some(digest) = store.digest(&entry).await.unwrap() {
            assert_eq!(digest, Digest::of(digest.algorithm(), body));
        }
        let listed = list(store).await;
        assert_eq!(listed.len(), 1);
        assert!(listed[0].is_same_version(&entry), "{listed:?} {entry:?}");
        delete(store, entry).await;
    }
    assert_eq!(store.stat(&key("nothing")).await.unwrap(), None);
}

async fn ranges_are_exact(store: &dyn Store) {
    let entry = create(store, "ranges", b"0123456789").await;
    for range in [0..0, 0..1, 3..7, 9..10, 0..10] {
        let body = read_bytes(store, &entry, range.clone()).await.unwrap();
        assert_eq!(
            body,
            &b"0123456789"[range.start as usize..range.end as usize]
        );
    }
    delete(store, entry).await;
}

async fn listing_is_in_byte_order(store: &dyn Store) {
    let mut names = [
        "a/x", "a-b/y", "a.txt", "b", "B", "a b", "é", "a/x.y", "a0", "a/b/c",
    ];
    for name in names {
        create(store, name, b"1").await;
    }
    names.sort_unstable();
    let listed = list(store).await;
    let keys: Vec<&str> = listed.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(keys, names);
    for result in store.delete(&listed).await {
        result.unwrap();
    }
}

async fn another_version_is_never_read(store: &dyn Store) {
    let old = create(store, "a", b"old").await;
    put(store, "a", b"newer", old.clone().into_expected())
        .await
        .unwrap();
    let error = read_bytes(store, &old, 0..3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    let new = stat(store, "a").await;
    delete(store, new.clone()).await;
    let error = read_bytes(store, &new, 0..5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("'a'"), "{error}");
}

async fn another_version_is_never_overwritten(store: &dyn Store) {
    let first = create(store, "a", b"first").await;
    let error = put(store, "a", b"other", Expected::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    put(store, "a", b"second.", first.clone().into_expected())
        .await
        .unwrap();
    let error = put(store, "a", b"third", first.into_expected())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    let second = stat(store, "a").await;
    assert_eq!(
        read_bytes(store, &second, 0..7).await.unwrap(),
        &b"second."[..]
    );
    delete(store, second).await;
}

async fn another_version_is_never_deleted(store: &dyn Store) {
    let old = create(store, "a", b"old").await;
    put(store, "a", b"newer", old.clone().into_expected())
        .await
        .unwrap();
    let other = create(store, "b", b"1").await;
    let results = store.delete(&[old, other]).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::Changed);
    assert!(results[1].is_ok());
    let new = stat(store, "a").await;
    delete(store, new).await;
}

async fn deleting_what_is_gone_succeeds(store: &dyn Store) {
    let entry = create(store, "a", b"1").await;
    delete(store, entry.clone()).await;
    delete(store, entry).await;
    assert!(store.delete(&[]).await.is_empty());
}

async fn parts_come_in_any_order(store: &dyn Store, part_size: u64) {
    let body: Vec<u8> = (0..part_size * 2 + 5).map(|n| (n % 251) as u8).collect();
    let body = Bytes::from(body);
    let entry = new("dir/parts", body.len() as u64);
    let writer = store
        .write(&entry, part_size, &Expected::Absent)
        .await
        .unwrap();
    for offset in [part_size, part_size * 2, 0] {
        let end = entry.size.min(offset + part_size);
        let part = body.slice(offset as usize..end as usize);
        let checksum = Crc64::of(&part);
        let written = writer.part(offset, part.into()).await.unwrap();
        assert_eq!(written, checksum);
        assert_eq!(
            store.stat(&entry.key).await.unwrap(),
            None,
            "not before the commit"
        );
    }
    writer.commit(Crc64::of(&body)).await.unwrap();
    let written = stat(store, "dir/parts").await;
    assert_eq!(
        read_bytes(store, &written, 0..entry.size).await.unwrap(),
        body
    );
    delete(store, written).await;
}

async fn an_aborted_write_leaves_nothing(store: &dyn Store, part_size: u64) {
    let entry = new("aborted", part_size + 1);
    let writer = store
        .write(&entry, part_size, &Expected::Absent)
        .await
        .unwrap();
    let last = Bytes::from_static(b"x");
    writer.part(part_size, last.into()).await.unwrap();
    writer.abort().await;
    assert_eq!(store.stat(&entry.key).await.unwrap(), None);
}

impl Entry {
    fn into_expected(self) -> Expected {
        Expected::Version(self)
    }
}
