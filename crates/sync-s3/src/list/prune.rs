//! Skips directories that the selection excludes, and keys outside of a range, where it is
//! known what follows them.
//!
//! That needs a server that lists in byte order: one that walks a tree has keys
//! after a directory that are less in bytes, and they would look absent. Amazon
//! promises that order for all but directory buckets (API Reference,
//! "ListObjectsV2"); the order of other servers is unknown.

use std::sync::Arc;

use sync_core::{KeyRange, Selection};

/// Which directories and keys are skipped.
#[derive(Debug)]
pub(crate) struct Pruner {
    selection: Arc<Selection>,
    /// All keys, if the order is not known.
    pub(crate) range: KeyRange,
    /// What all keys begin with, below the prefix.
    pub(crate) below: String,
    is_ordered: bool,
}

impl Pruner {
    /// Skips what `selection` excludes, and what is not in `range`, if the order of the
    /// listing is known.
    pub(crate) fn new(selection: Arc<Selection>, range: KeyRange, is_ordered: bool) -> Self {
        Self {
            selection,
            range: if is_ordered {
                range
            } else {
                KeyRange::default()
            },
            below: String::new(),
            is_ordered,
        }
    }

    /// Skips what `selection` excludes of the keys that begin with `directory`, which ends
    /// with a slash; no other is requested.
    pub(crate) fn below(selection: Arc<Selection>, directory: String, is_ordered: bool) -> Self {
        // The byte after `/`.
        let end = directory.strip_suffix('/').map(|name| format!("{name}0"));
        Self {
            below: directory,
            ..Self::new(selection, KeyRange::new(None, end), is_ordered)
        }
    }

    /// The highest directory above the key `name` that is skipped.
    pub(crate) fn pruned_parent<'n>(&self, name: &'n str) -> Option<&'n str> {
        if !self.is_ordered {
            return None;
        }
        let mut directories = name.match_indices('/').map(|(end, _)| &name[..end]);
        directories.find(|directory| self.selection.prunes(directory))
    }
}

/// A name that follows all keys below `directory` and precedes or equals no other
/// key after them.
pub(crate) fn end(directory: &str) -> String {
    format!("{directory}/{}", char::MAX)
}
