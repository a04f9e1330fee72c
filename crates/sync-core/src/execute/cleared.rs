//! What an execution has deleted because it was in the way of a transfer.

use std::collections::HashSet;

use super::clearing::Blockers;
use crate::key::Key;
use crate::plan::Transfer;

/// What has been deleted because it was in the way: a name for each thing that
/// was, however much was below it.
#[derive(Debug, Default)]
pub(crate) struct Cleared {
    files: HashSet<String>,
    /// Everything that the plan deletes below these names.
    below: HashSet<String>,
    /// Files that are gone, since what they were in the way of is there.
    gone: HashSet<String>,
}

impl Cleared {
    /// Whether the plan's deletion of `key` is made already.
    pub(crate) fn has(&self, key: &Key) -> bool {
        let key = key.as_str();
        let is_below = || {
            let mut above = key.match_indices('/').map(|(end, _)| &key[..end]);
            above.any(|above| self.below.contains(above))
        };
        self.files.contains(key) || (!self.below.is_empty() && is_below())
    }

    /// Whether the file `key` is no longer in the way.
    pub(crate) fn has_made_way(&self, key: &Key) -> bool {
        self.has(key) || self.gone.contains(key.as_str())
    }

    /// What `blockers` were in the way of was there already.
    pub(crate) fn note_gone(&mut self, blockers: &Blockers<'_>) {
        if let Blockers::File(file) = blockers {
            self.gone.insert(file.key.as_str().to_owned());
        }
    }

    /// All `blockers` of `transfer` are deleted.
    pub(crate) fn note(&mut self, blockers: &Blockers<'_>, transfer: &Transfer) {
        match blockers {
            Blockers::File(file) => self.files.insert(file.key.as_str().to_owned()),
            Blockers::Between(..) | Blockers::From(..) => {
                self.below.insert(transfer.source.key.as_str().to_owned())
            }
        };
    }
}
