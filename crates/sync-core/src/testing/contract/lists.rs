//! Listing: complete and in order, or an error.

use std::sync::Arc;

use futures::StreamExt;

use super::subject::Subject;

/// The clause that needs a store whose listing fails.
pub(super) const FAILING: &str = "an_error_is_the_last_item_of_a_listing";

pub(super) async fn a_listing_is_complete_and_in_byte_order(subject: Subject<'_>) {
    let mut names = vec![
        "a/x", "a-b/y", "a.txt", "b", "a b", "é", "a/x.y", "a0", "a/b/c",
    ];
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

pub(super) async fn an_error_is_the_last_item_of_a_listing(subject: Subject<'_>) {
    let listing = subject.store.list(&Arc::default()).await;
    let items: Vec<_> = listing.entries.collect().await;
    let Some((last, before)) = items.split_last() else {
        panic!("a listing that fails ends with an error");
    };
    assert!(last.is_err(), "it ended as if it were complete: {items:?}");
    assert!(before.iter().all(Result::is_ok), "it continued: {items:?}");
}
