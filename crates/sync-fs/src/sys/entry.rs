//! The entry of a file.

use sync_core::{Entry, Key};

use crate::sys::meta::Meta;
use crate::sys::precision::Precision;

impl Meta {
    /// The entry of this file under `key`.
    pub(crate) fn entry(&self, key: Key, precision: Precision) -> Entry {
        let revision = self.revision(precision.device());
        let mut entry = Entry::new(key, self.size, self.modified).with_revision(revision);
        entry.coarse = precision.of_file(self);
        entry
    }
}
