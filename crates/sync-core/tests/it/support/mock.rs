//! Mocks, which panic at every call that is not expected.

use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use sync_core::{
    Entry, ErrorKind, Listed, StoreError,
    checksum::Crc64,
    execute::{ExecuteOptions, OnSourceChange},
    store::{Chunks, Listing, MockStore},
};

/// A store that can only be listed, and only once.
pub(crate) fn mock(entries: &[Entry]) -> MockStore {
    let mut store = MockStore::new();
    let entries = entries.to_vec();
    store.expect_list().times(1).returning(move |_| {
        let items: Vec<_> = entries.iter().cloned().map(Listed::Entry).map(Ok).collect();
        Listing::new(stream::iter(items).boxed())
    });
    store.expect_location().returning(|| "mock".to_owned());
    store.expect_accepts().returning(|_| Ok(()));
    store.expect_folds_names().return_const(false);
    store.expect_present().returning(|| None);
    store.expect_clock_jump().returning(|| None);
    store.expect_parallelism().return_const(usize::MAX);
    store.expect_bandwidth_delay().return_const(0_u64);
    store.expect_may_write().returning(|_| Ok(()));
    store.expect_reads_in_chunks().return_const(false);
    store.expect_writes_in_place().return_const(false);
    store.expect_has_grown().return_const(false);
    store
        .expect_is_unchanged()
        .returning(Entry::is_same_version);
    store
}

pub(crate) fn error<T>(kind: ErrorKind) -> Result<T, StoreError> {
    Err(StoreError::new(kind, "on request"))
}

/// What a read returns: all of `body` in one chunk.
pub(crate) fn chunks(body: impl Into<Bytes>) -> Result<Chunks, StoreError> {
    Ok(Chunks::from(body.into()))
}

/// Takes a part to its end, as a writer does, which then knows its sum.
pub(crate) fn take(body: Chunks) -> Result<Crc64, StoreError> {
    let body = body.bytes().now_or_never().unwrap();
    body.map(|body| Crc64::of(&body))
}

/// One transfer after the other, in parts of 8 bytes.
pub(crate) fn one_by_one() -> ExecuteOptions {
    with!(
        ExecuteOptions::default(),
        concurrency: 1,
        memory: 64,
        part_size: 8,
        on_source_change: OnSourceChange::CopyLatest,
    )
}
