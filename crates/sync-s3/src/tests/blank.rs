//! Keys of nothing but white space, which the SDK takes for missing ones.

use std::sync::Arc;

use sync_core::NewEntry;
use sync_core::store::read_bytes;
use sync_core::{Entry, Expected, Listed, Store as _, checksum::Crc64};

use super::journal::Memory;
use super::{Fixture, bytes, entry};
use crate::UploadJournal as _;

const BLANK: [&str; 10] = [
    " ", "   ", "\t", "\n", "\r", "\u{b}", "\u{a0}", "\u{3000}", "\u{2028}", "\u{85}",
];

async fn only(fixture: &Fixture) -> Entry {
    let mut listed = fixture.list().await.unwrap();
    assert_eq!(listed.len(), 1);
    match listed.pop() {
        Some(Listed::Entry(entry)) => entry,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_blank_key_goes_up_comes_down_and_is_deleted() {
    for name in BLANK {
        let fixture = Fixture::new().await;
        fixture.put(name, "hello", Expected::Absent).await.unwrap();
        assert_eq!(fixture.body(name).unwrap(), "hello", "{name:?}");
        let listed = only(&fixture).await;
        assert_eq!(listed.key.as_str(), name);
        let found = fixture.stat(name).await.unwrap();
        assert_eq!(found.size, 5);
        assert_eq!(
            read_bytes(&fixture.store, &listed, 0..5).await.unwrap(),
            "hello"
        );
        assert_eq!(
            read_bytes(&fixture.store, &listed, 1..3).await.unwrap(),
            "el"
        );
        let replaced = Expected::Version(listed.clone());
        fixture.put(name, "again", replaced).await.unwrap();
        let listed = only(&fixture).await;
        let deleted = fixture.store.delete(&[listed]).await;
        assert!(deleted[0].is_ok(), "{name:?}: {deleted:?}");
        assert!(fixture.body(name).is_none(), "{name:?}");
    }
}

/// Keys of one run, beside others, in batches of deletions.
#[tokio::test]
async fn blank_keys_are_deleted_beside_others() {
    let fixture = Fixture::new().await;
    for name in BLANK.iter().chain(&["a", " b", "c "]) {
        fixture.put(name, "x", Expected::Absent).await.unwrap();
    }
    let listed = fixture.list().await.unwrap();
    let entries = listed.into_iter().map(|item| match item {
        Listed::Entry(entry) => entry,
        Listed::Skipped(skipped) => panic!("{skipped:?}"),
    });
    let entries: Vec<Entry> = entries.collect();
    assert_eq!(entries.len(), BLANK.len() + 3);
    let deleted = fixture.store.delete(&entries).await;
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    assert!(fixture.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_blank_key_goes_up_in_parts_is_resumed_and_aborted() {
    const PART: usize = 5 << 20;
    let journal = Arc::new(Memory::default());
    let of_store = Arc::clone(&journal);
    let fixture = Fixture::with_options(|options| options.journal = Some(of_store)).await;
    let body = bytes(PART + 9);
    let large = NewEntry::from(&entry("\u{3000}", body.len()));
    let parts = [body.slice(..PART), body.slice(PART..)];
    for ends in [false, true] {
        let begun = fixture.store.write(&large, PART as u64, &Expected::Absent);
        let writer = begun.await.unwrap();
        let sent = if ends { 2 } else { 1 };
        for (n, part) in parts.iter().enumerate().take(sent) {
            writer
                .part((n * PART) as u64, part.clone().into())
                .await
                .unwrap();
        }
        if ends {
            writer.commit(Crc64::of(&body)).await.unwrap();
        } else {
            // As if it had been killed.
            std::mem::forget(writer);
            assert_eq!(journal.pending().unwrap()[0].key, "\u{3000}");
        }
    }
    assert_eq!(fixture.server.count("ListParts"), 1);
    assert_eq!(fixture.store.resumed_bytes(), PART as u64);
    assert_eq!(fixture.body("\u{3000}").unwrap(), body);

    let small = NewEntry::from(&entry("\t", 9));
    let begun = fixture.store.write(&small, PART as u64, &Expected::Absent);
    std::mem::forget(begun.await.unwrap());
    assert_eq!(fixture.store.abort_left_uploads().await.aborted, 1);
    assert_eq!(fixture.server.open_uploads(super::BUCKET), []);
}
