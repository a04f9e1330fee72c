//! Entries that reach over the end of a key range: `a` is before `a/b` in the order of
//! keys, with others between them, and what becomes of one depends on the other
//! (`tree.rs`). Ranges must not part them.
//!
//! Keys below `name` are after a boundary that `name` is not after only if the boundary is
//! `name` itself, or goes on after it with a byte up to `/`. So a few looks tell.

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::{error::Result, key::Key, key_range::KeyRange, store::Store};

/// Boundaries that are looked at side by side.
const LOOKS: usize = 16;

/// Ranges that [`make_plan`](super::make_plan) can plan one by one, with about these names, in
/// ascending order, between them: a boundary that something in `source` or `target` reaches over
/// is moved behind all that is below that.
///
/// # Errors
/// Those of looking at the few names that may reach over a boundary.
pub async fn key_ranges(
    source: &dyn Store,
    target: &dyn Store,
    boundaries: impl IntoIterator<Item = String>,
) -> Result<Vec<KeyRange>> {
    let moved = stream::iter(boundaries)
        .map(|boundary| free_boundary([source, target], boundary))
        .buffered(LOOKS);
    let mut boundaries: Vec<String> = moved.try_collect().await?;
    boundaries.sort_unstable();
    boundaries.dedup();
    Ok(KeyRange::split(boundaries))
}

/// `boundary`, or the next name after it that nothing reaches over.
async fn free_boundary(stores: [&dyn Store; 2], mut boundary: String) -> Result<String> {
    while let Some(above) = straddling(stores, &boundary).await? {
        // The byte after `/`.
        boundary = format!("{above}0");
    }
    Ok(boundary)
}

/// What reaches over `boundary` in one of the stores: an entry, or something that a listing
/// skips and that may hide entries. The highest, if there are several.
pub(super) async fn straddling(stores: [&dyn Store; 2], boundary: &str) -> Result<Option<Key>> {
    for key in candidates(boundary) {
        for store in stores {
            if store.has_at(&key).await? {
                return Ok(Some(key));
            }
        }
    }
    Ok(None)
}

/// The keys that may reach over `boundary`.
fn candidates(boundary: &str) -> impl Iterator<Item = Key> {
    let bytes = boundary.as_bytes();
    let ends = (1..=bytes.len()).filter(|end| bytes.get(*end).is_none_or(|byte| *byte <= b'/'));
    ends.filter_map(|end| Key::new(boundary.get(..end)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_names_can_reach_over_a_boundary() {
        for (boundary, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("ab", &["ab"]),
            ("a/b", &["a", "a/b"]),
            ("a-b/é.x", &["a", "a-b", "a-b/é", "a-b/é.x"]),
            ("a/", &["a"]),
            ("a0", &["a0"]),
        ] {
            let found: Vec<_> = candidates(boundary).map(String::from).collect();
            assert_eq!(found, expected, "{boundary}");
        }
    }
}
