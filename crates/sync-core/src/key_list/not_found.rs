//! Names of a key list that neither side has.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::KeyListSummary;

/// Names that are kept, of however many there are.
const NAMED: usize = 5;

/// Names of a key list that neither side has: no entry, no directory, and nothing that a
/// listing skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFound {
    /// How many.
    pub names: u64,
    /// The first of them, in the order of keys.
    pub first: Vec<String>,
}

impl NotFound {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names == 0
    }

    /// Whether these are all names of a list that names something.
    #[must_use]
    pub fn is_all_of(&self, list: &KeyListSummary) -> bool {
        self.names > 0 && self.names == list.keys + list.directories
    }

    /// Adds `name`, which may come after others that follow it.
    pub(crate) fn add(&mut self, name: &str) {
        self.names += 1;
        let at = self.first.partition_point(|first| **first < *name);
        if at < NAMED {
            self.first.insert(at, name.to_owned());
            self.first.truncate(NAMED);
        }
    }
}

impl AddAssign<&NotFound> for NotFound {
    fn add_assign(&mut self, other: &Self) {
        self.names += other.names;
        let more = NAMED.saturating_sub(self.first.len());
        self.first.extend(other.first.iter().take(more).cloned());
    }
}
