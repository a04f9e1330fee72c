//! Listing: complete and in order, or an error.

use std::sync::Arc;

use futures::StreamExt;

use super::subject::Subject;
use crate::{entry::Entry, key_range::KeyRange};

/// The clause that needs a store whose listing fails.
pub(super) const FAILING: &str = "an_error_is_the_last_item_of_a_listing";

const NAMES: [&str; 9] = [
    "a/x", "a-b/y", "a.txt", "b", "a b", "é", "a/x.y", "a0", "a/b/c",
];

pub(super) async fn a_listing_is_complete_and_in_byte_order(subject: Subject<'_>) {
    let mut names = NAMES.to_vec();
    if !subject.store.folds_names() {
        names.push("B");
    }
    for name in &names {
        subject.create(name, b"1").await;
    }
    let listed = subject.list().await;
    let mut keys: Vec<&str> = listed.iter().map(|e| e.key.as_str()).collect();
    if !subject.can.ordered {
        keys.sort_unstable();
    }
    names.sort_unstable();
    assert_eq!(keys, names);
}

pub(super) async fn ranges_laid_end_to_end_are_the_listing(subject: Subject<'_>) {
    for name in NAMES {
        subject.create(name, b"1").await;
    }
    let whole = subject.list().await;
    for boundaries in [
        &["a"][..],
        &["a/x", "a0"],
        &["A", "a-", "a.", "a/", "a/b", "b"],
        &["a-b", "a.txt", "a/b/c", "a/x", "a/x.y", "é", "é/"],
    ] {
        let mut listed = Vec::new();
        for range in KeyRange::split(boundaries.iter().map(|name| (*name).to_owned())) {
            let entries = subject.list_range(&range).await;
            let is_in_it = |entry: &Entry| range.contains(entry.key.as_str());
            assert!(entries.iter().all(is_in_it), "{range}: {entries:?}");
            listed.extend(entries);
        }
        let sorted = |mut entries: Vec<Entry>| {
            if !subject.can.ordered {
                entries.sort_by(|one, other| one.key.cmp(&other.key));
            }
            entries
        };
        assert_eq!(sorted(listed), sorted(whole.clone()), "{boundaries:?}");
    }
}

pub(super) async fn an_error_is_the_last_item_of_a_listing(subject: Subject<'_>) {
    let listing = subject.store.list(&Arc::default()).await;
    let items: Vec<_> = listing.entries.collect().await;
    let Some((last, before)) = items.split_last() else {
        panic!("a listing that fails ends with an error");
    };
    assert!(last.is_err(), "it ended as if it were complete: {items:?}");
    assert!(before.iter().all(Result::is_ok), "it continued: {items:?}");
}
