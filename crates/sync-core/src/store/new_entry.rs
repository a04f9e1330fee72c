//! What a store is asked to write.

use chrono::{DateTime, Utc};

use crate::times::later;
use crate::{entry::Entry, key::Key};

/// An entry that is to be written: no revision, since the write makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Path below the root or the prefix.
    pub key: Key,
    /// Length in bytes.
    pub size: u64,
    /// Last modification of the source, UTC. A store that can set times gives
    /// it to what it writes.
    pub modified: DateTime<Utc>,
    /// The latest time at which the source may have been changed, UTC: later
    /// than `modified` where times are coarse ([`Entry::lag`]).
    pub changed: DateTime<Utc>,
}

impl From<&Entry> for NewEntry {
    /// A copy of `source`.
    fn from(source: &Entry) -> Self {
        Self {
            key: source.key.clone(),
            size: source.size,
            modified: source.modified,
            changed: later(source.modified, source.lag()),
        }
    }
}
