//! Directories that the selection leaves out are passed over, where it can be
//! told what follows them.
//!
//! That needs a server that lists in the order of the bytes, surely: one that
//! walks a tree has keys after a directory that are less in bytes, and they
//! would look as if they were gone. Amazon promises that order for all but
//! directory buckets (API Reference, "ListObjectsV2"); of other servers
//! nobody knows.

use std::sync::Arc;

use sync_core::Selection;

/// Which directories are passed over.
#[derive(Debug)]
pub(crate) struct LeftOut {
    selection: Arc<Selection>,
    is_ordered: bool,
}

impl LeftOut {
    /// What `selection` leaves out of a server whose order is known, or not.
    pub(crate) fn new(selection: Arc<Selection>, is_ordered: bool) -> Self {
        Self {
            selection,
            is_ordered,
        }
    }

    /// The highest directory above the key `name` that is passed over.
    pub(crate) fn above<'n>(&self, name: &'n str) -> Option<&'n str> {
        if !self.is_ordered {
            return None;
        }
        let mut directories = name.match_indices('/').map(|(end, _)| &name[..end]);
        directories.find(|directory| self.selection.prunes(directory))
    }
}

/// What all keys below `directory` precede, and no other key that follows them
/// equals.
pub(crate) fn end(directory: &str) -> String {
    format!("{directory}/{}", char::MAX)
}
