//! Tells whether two entries have the same content, by their checksums.
//!
//! A checksum that a store keeps is trusted; otherwise the entry is read,
//! part by part, within a budget of memory.

use futures::future::try_join;

use crate::budget::Budget;
use crate::parts::{MIN_PART_SIZE, parts};
use crate::{Crc64, Entry, ErrorKind, Result, Store, StoreError};

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
    if let Some(known) = known_checksum(store, entry).await? {
        return Ok(known);
    }
    let mut sum = Crc64::EMPTY;
    for range in parts(entry.size, MIN_PART_SIZE) {
        let len = range.end - range.start;
        let _permit = budget.acquire(usize::MAX, len).await;
        let bytes = store.read(entry, range).await?;
        sum = sum.then(Crc64::of(&bytes), len);
    }
    Ok(sum)
}

/// The sum that the store keeps of `entry`, if it does.
///
/// # Errors
/// `NotFound` or `Changed` when that version is no longer there.
pub(crate) async fn known_checksum<S: Store + ?Sized>(
    store: &S,
    entry: &Entry,
) -> Result<Option<Crc64>> {
    let gone = |kind, what| {
        let message = format!("'{}' {what} since it was listed", entry.key);
        StoreError::new(kind, message)
    };
    let now = store.stat(&entry.key).await?;
    let now = now.ok_or_else(|| gone(ErrorKind::NotFound, "has vanished"))?;
    if !store.is_unchanged(entry, &now).await {
        return Err(gone(ErrorKind::Changed, "has changed"));
    }
    Ok(now.checksum)
}
