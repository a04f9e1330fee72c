//! The keys that a run is restricted to: sorted, each once, in a spool where they are many.
//!
//! A list names keys, and directories for all keys below them. It is read in the order of
//! keys, as a listing is; so a listing is restricted to it by joining the two
//! (`listing/only.rs`), and a store that can look at single keys lists nothing else
//! (`pieces`).

mod builder;
mod item;
mod not_found;
mod pieces;
mod records;

use std::fmt;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::spool::Spool;

pub use builder::KeyListBuilder;
pub use item::KeyListItem;
pub use not_found::NotFound;
pub(crate) use pieces::unreadable;
pub use pieces::{Piece, list_pieces};

/// Keys, and directories of which all keys are meant. Cheap to clone.
///
/// ```
/// use std::sync::Arc;
/// use sync_core::key_list::{KeyListBuilder, KeyListItem};
/// use sync_core::spool::MemorySpools;
///
/// let mut builder = KeyListBuilder::new(Arc::new(MemorySpools), 1 << 20);
/// for name in ["b", "a/", "a/x", "b"] {
///     builder.add(&KeyListItem::parse(name)?)?;
/// }
/// let list = builder.finish()?;
/// assert_eq!((list.summary().keys, list.summary().directories), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KeyList(Arc<Kept>);

struct Kept {
    spool: Box<dyn Spool>,
    index: Index,
    summary: KeyListSummary,
}

/// Some of the items with their offsets in the spool, among them the first.
type Index = Vec<(Box<str>, u64)>;

/// How much a key list names, as plain data: a saved plan carries it, so that a reader knows
/// that the plan speaks of nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyListSummary {
    /// Keys.
    pub keys: u64,
    /// Directories of which all keys are meant.
    pub directories: u64,
    /// The CRC64NVME of all items, each followed by a NUL: two lists of one sum are the same.
    pub crc64: String,
}

impl KeyList {
    /// How much it names.
    #[must_use]
    pub fn summary(&self) -> &KeyListSummary {
        &self.0.summary
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.index.is_empty()
    }

    /// The items in the order of keys; none of them is below another one.
    ///
    /// # Errors
    /// Those of reading them.
    pub fn items(
        &self,
    ) -> io::Result<impl Iterator<Item = io::Result<KeyListItem>> + Send + use<>> {
        let items = records::read(self.0.spool.reader()?);
        Ok(items.map(|text| KeyListItem::of_text(text?)))
    }

    /// Whether it names `name`, which need not be a key.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn names(&self, name: &str) -> io::Result<bool> {
        let (before, _) = self.around(name)?;
        Ok(before.is_some_and(|item| {
            item == name || item::is_directory(&item) && name.starts_with(&item)
        }))
    }

    /// Whether it names `name`, or something below it.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn concerns(&self, name: &str) -> io::Result<bool> {
        if self.names(name)? {
            return Ok(true);
        }
        let below = format!("{name}/");
        let (before, after) = self.around(&below)?;
        let is_below = |item: Option<String>| item.is_some_and(|item| item.starts_with(&below));
        Ok(is_below(before) || is_below(after))
    }

    /// The last item up to `name`, and the first one after it.
    fn around(&self, name: &str) -> io::Result<(Option<String>, Option<String>)> {
        let index = &self.0.index;
        let block = index.partition_point(|(first, _)| **first <= *name);
        let offset = block.checked_sub(1).map_or(0, |block| index[block].1);
        let mut last = None;
        for text in records::read(self.0.spool.reader_at(offset)?) {
            let text = text?;
            if *text > *name {
                return Ok((last, Some(text)));
            }
            last = Some(text);
        }
        Ok((last, None))
    }
}

impl fmt::Debug for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyList").field(self.summary()).finish()
    }
}

#[cfg(test)]
mod tests;
