//! Mocks, which panic at every call that is not expected.

use futures::stream::{self, StreamExt};
use sync_core::{
    Entry, ErrorKind, Listed, StoreError,
    execute::{ExecuteOptions, OnSourceChange},
    store::MockStore,
};

/// A store that can only be listed, and only once.
pub(crate) fn mock(entries: &[Entry]) -> MockStore {
    let mut store = MockStore::new();
    let entries = entries.to_vec();
    store.expect_list().times(1).returning(move || {
        let items: Vec<_> = entries.iter().cloned().map(Listed::Entry).map(Ok).collect();
        stream::iter(items).boxed()
    });
    store.expect_location().returning(|| "mock".to_owned());
    store.expect_clock_offset().returning(|| None);
    store.expect_accepts().returning(|_| Ok(()));
    store.expect_folds_names().return_const(false);
    store.expect_present().returning(|| None);
    store.expect_clock_jump().returning(|| None);
    store.expect_parallelism().return_const(usize::MAX);
    store.expect_may_write().returning(|_| Ok(()));
    store.expect_has_grown().return_const(false);
    store
        .expect_is_unchanged()
        .returning(Entry::is_same_version);
    store
}

pub(crate) fn error<T>(kind: ErrorKind) -> Result<T, StoreError> {
    Err(StoreError::new(kind, "on request"))
}

/// One transfer after the other, in parts of 8 bytes.
pub(crate) fn one_by_one() -> ExecuteOptions {
    ExecuteOptions {
        concurrency: 1,
        memory: 64,
        part_size: 8,
        on_source_change: OnSourceChange::CopyLatest,
        ..ExecuteOptions::default()
    }
}
