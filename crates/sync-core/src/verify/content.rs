//! Tells whether two entries have the same content, by their checksums.
//!
//! A checksum that a store keeps is trusted; otherwise the entry is read,
//! part by part, within a budget of memory.

use futures::future::try_join;

use crate::budget::Budget;
use crate::execute::{MIN_PART_SIZE, parts};
use crate::{
    checksum::{Crc64, Crc64Hasher},
    entry::Entry,
    error::Result,
    store::{Store, read_bytes},
};

/// Whether `a` in `a_store` and `b` in `b_store` have the same bytes.
pub(crate) async fn same_content(
    a_store: &dyn Store,
    a: &Entry,
    b_store: &dyn Store,
    b: &Entry,
    budget: &Budget,
) -> Result<bool> {
    if a.size != b.size {
        return Ok(false);
    }
    let (a, b) = try_join(checksum(a_store, a, budget), checksum(b_store, b, budget)).await?;
    Ok(a == b)
}

/// The sum of the whole entry.
async fn checksum(store: &dyn Store, entry: &Entry, budget: &Budget) -> Result<Crc64> {
    let stored = store.digest(entry).await?;
    if let Some(stored) = stored.and_then(|digest| digest.as_crc64()) {
        return Ok(stored);
    }
    let mut sum = Crc64Hasher::default();
    for range in parts(entry.size, MIN_PART_SIZE) {
        let len = range.end - range.start;
        let _permit = budget.acquire(usize::MAX, len).await;
        sum.update(&read_bytes(store, entry, range).await?);
    }
    Ok(sum.finish())
}
