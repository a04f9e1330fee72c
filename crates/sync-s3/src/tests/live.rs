//! The same over a real server, on request:
//!
//! ```text
//! SYNC_S3_URL=http://127.0.0.1:8333 SYNC_S3_BUCKET=bucket AWS_ACCESS_KEY_ID=… \
//!     cargo test -p sync-s3 -- --ignored --nocapture live
//! ```
//!
//! The bucket must exist; what is below `sync-s3-live/` in it is deleted. What
//! must hold everywhere is asserted; what servers differ in is printed.

use futures::TryStreamExt as _;
use sync_core::NewEntry;
use sync_core::store::read_bytes;
use sync_core::{Entry, Expected, Key, Listed, Result, Store as _, checksum::Crc64};

use super::{bytes, entry, key};
use crate::{S3Options, S3Store};

const PART: usize = 5 * 1024 * 1024;

async fn store() -> S3Store {
    let bucket = std::env::var("SYNC_S3_BUCKET").unwrap();
    let mut options = S3Options::new(format!("{bucket}/sync-s3-live").parse().unwrap());
    options.endpoint_url = std::env::var("SYNC_S3_URL").ok();
    options.max_attempts = 3;
    if std::env::var_os("SYNC_S3_NO_CONDITIONAL").is_some() {
        options.conditions = crate::Conditions::Client;
    }
    match std::env::var("SYNC_S3_CHECKSUM").as_deref() {
        Ok("none") => options.checksums = crate::Checksums::None,
        Ok("crc32") => options.checksums = crate::Checksums::Crc32,
        _ => {}
    }
    S3Store::connect(options).await.unwrap()
}

async fn entries(store: &S3Store) -> Vec<Entry> {
    let items: Vec<Listed> = store
        .list(&Default::default())
        .await
        .entries
        .try_collect()
        .await
        .unwrap();
    items
        .into_iter()
        .filter_map(|item| match item {
            Listed::Entry(entry) => Some(entry),
            Listed::Skipped(skipped) => {
                println!("  skipped {skipped:?}");
                None
            }
        })
        .collect()
}

async fn put(store: &S3Store, name: &str, body: &'static [u8], expected: Expected) -> Result<()> {
    let entry = entry(name, body.len());
    store
        .put(
            &NewEntry::from(&entry),
            body.into(),
            Crc64::of(body),
            &expected,
        )
        .await
}

fn show<T: std::fmt::Debug>(what: &str, result: &Result<T>) {
    match result {
        Ok(value) => println!("{what}: Ok({value:?})"),
        Err(error) => println!("{what}: {:?}: {error}", error.kind()),
    }
}

#[tokio::test]
#[ignore = "needs a server"]
async fn live() {
    let store = store().await;
    let old = entries(&store).await;
    store.delete(&old).await;
    let listing = store.list(&Default::default()).await;
    println!("clock: {:?}", listing.clock_offset);

    odd_keys(&store).await;
    conditions(&store).await;
    parts(&store).await;
    deletions(&store).await;
    assert!(entries(&store).await.is_empty());
}

async fn odd_keys(store: &S3Store) {
    let names = [
        "plain",
        "a b+c",
        "%2F%",
        "ä/e\u{301}/😀",
        "<&>\"'",
        "?x#y",
        "…",
        "a\nb",
        "a\tb",
        "\u{1}",
        "a\r\nb",
        "a-b/y",
        "a.txt",
        "a/x",
        "empty",
    ];
    let mut written = Vec::new();
    for name in names {
        let body: &[u8] = if name == "empty" { b"" } else { b"hello" };
        match put(store, name, body, Expected::Absent).await {
            Ok(()) => written.push(name),
            Err(error) => println!("refused {name:?}: {error}"),
        }
    }
    let mut listed = entries(store).await;
    let keys: Vec<_> = listed
        .iter()
        .map(|entry| entry.key.as_str().to_owned())
        .collect();
    println!("in order: {}", keys.is_sorted());
    written.sort_unstable();
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(
        listed
            .iter()
            .map(|entry| entry.key.as_str())
            .collect::<Vec<_>>(),
        written
    );
    println!("{:?}", listed[0]);
    for entry in &listed {
        let found = store.stat(&entry.key).await.unwrap().unwrap();
        let body = read_bytes(store, entry, 0..entry.size).await.unwrap();
        assert_eq!(body.len() as u64, entry.size);
        assert_eq!(found.size, entry.size);
        assert_eq!(found.revision, entry.revision);
        if entry.size == 5 {
            assert_eq!(read_bytes(store, entry, 1..3).await.unwrap(), "el");
        }
    }
    let plain = store
        .stat(&Key::new("plain").unwrap())
        .await
        .unwrap()
        .unwrap();
    println!("checksum kept: {:?}", store.digest(&plain).await.unwrap());
    for result in store.delete(&listed).await {
        result.unwrap();
    }
}

async fn conditions(store: &S3Store) {
    put(store, "a", b"first", Expected::Absent).await.unwrap();
    let first = store.stat(&key("a")).await.unwrap().unwrap();
    show(
        "put absent over something",
        &put(store, "a", b"other", Expected::Absent).await,
    );
    show(
        "put over the version seen",
        &put(store, "a", b"second.", Expected::Version(first.clone())).await,
    );
    show(
        "put over another version",
        &put(store, "a", b"third", Expected::Version(first.clone())).await,
    );
    show(
        "read of another version",
        &read_bytes(store, &first, 0..5).await,
    );
    show(
        "delete of another version",
        &store.delete(std::slice::from_ref(&first)).await.remove(0),
    );
    let now = store.stat(&key("a")).await.unwrap();
    println!("  left: {now:?}");
    if let Some(now) = now {
        store
            .delete(std::slice::from_ref(&now))
            .await
            .remove(0)
            .unwrap();
        show(
            "put over a version that is gone",
            &put(store, "a", b"x", Expected::Version(now)).await,
        );
    }
    for entry in entries(store).await {
        store.delete(&[entry]).await.remove(0).unwrap();
    }
    show("read of nothing", &read_bytes(store, &first, 0..5).await);
}

async fn parts(store: &S3Store) {
    let body = bytes(PART * 2 + 7);
    let entry = entry("parts", body.len());
    let writer = store
        .write(&NewEntry::from(&entry), PART as u64, &Expected::Absent)
        .await
        .unwrap();
    for start in [PART * 2, 0, PART] {
        let part = body.slice(start..body.len().min(start + PART));
        writer.part(start as u64, part.into()).await.unwrap();
    }
    writer.commit(Crc64::of(&body)).await.unwrap();
    let written = store.stat(&entry.key).await.unwrap().unwrap();
    println!("{written:?}");
    assert_eq!(
        read_bytes(store, &written, 0..entry.size).await.unwrap(),
        body
    );

    let writer = store
        .write(&NewEntry::from(&entry), PART as u64, &Expected::Absent)
        .await
        .unwrap();
    for start in [0, PART, PART * 2] {
        let part = body.slice(start..body.len().min(start + PART));
        writer.part(start as u64, part.into()).await.unwrap();
    }
    show(
        "complete absent over something",
        &writer.commit(Crc64::of(&body)).await,
    );
    for entry in entries(store).await {
        store.delete(&[entry]).await.remove(0).unwrap();
    }
}

async fn deletions(store: &S3Store) {
    for name in ["a", "b", "n\nl", "n\nm"] {
        let _ = put(store, name, b"1", Expected::Absent).await;
    }
    let seen = entries(store).await;
    for entry in &seen {
        show(
            "replaced",
            &put(
                store,
                entry.key.as_str(),
                b"22",
                Expected::Version(entry.clone()),
            )
            .await,
        );
    }
    for (entry, result) in seen.iter().zip(store.delete(&seen).await) {
        show(&format!("delete replaced {:?}", entry.key), &result);
    }
    let left = entries(store).await;
    println!("left: {}", left.len());
    for result in store.delete(&left).await {
        result.unwrap();
    }
    for result in store.delete(&left).await {
        result.unwrap();
    }
}
