//! Tells whether two entries have the same content, by their checksums.
//!
//! A checksum that a store keeps is trusted; otherwise the entry is read,
//! part by part, within a budget of memory.

use futures::future::{TryFutureExt, try_join};

use crate::budget::Budget;
use crate::execute::{MIN_PART_SIZE, parts};
use crate::{
    checksum::{Crc64, Crc64Hasher},
    entry::Entry,
    error::{Result, StoreError},
    listing::Side,
    store::{Store, read_bytes},
};

/// Whether `source` in `source_store` and `target` in `target_store` have the same bytes; an
/// error comes with the side that could not be read.
pub(crate) async fn same_content(
    source_store: &dyn Store,
    source: &Entry,
    target_store: &dyn Store,
    target: &Entry,
    budget: &Budget,
) -> Result<bool, (Side, StoreError)> {
    if source.size != target.size {
        return Ok(false);
    }
    let of_source = checksum(source_store, source, budget).map_err(|error| (Side::Source, error));
    let of_target = checksum(target_store, target, budget).map_err(|error| (Side::Target, error));
    let (source, target) = try_join(of_source, of_target).await?;
    Ok(source == target)
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
