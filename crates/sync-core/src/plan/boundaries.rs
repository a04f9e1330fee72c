//! Where a plan can be divided, so that each part can be executed by itself.
//!
//! What is in the way of a transfer stands in other lines of the plan: the
//! deletion of a file comes after the transfers below its path, deletions below a
//! path come before its transfer. These belong together. Nothing else does.

use std::collections::BTreeSet;

use super::action::{Action, Blocker};
use super::header::Header;
use crate::{key::Key, listing::may_be_directory_of, rule::Direction};

/// Follows the lines of a plan, and says where it can be divided.
#[derive(Debug)]
pub struct Boundaries {
    direction: Direction,
    /// Whether anything is deleted: otherwise nothing gives way to anything.
    any_deleted: bool,
    /// New objects of a backup that later lines may lie below: a server that keeps
    /// its objects in directories may refuse them until those are deleted.
    open: Vec<Key>,
    /// Files in the way of a transfer that no line has deleted yet.
    files: BTreeSet<Key>,
    /// The first deletion below a path whose transfer has not come yet.
    below: Option<Key>,
}

impl Boundaries {
    /// Those of the plan with this header; no line has come yet.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        Self {
            direction: header.rule.direction,
            any_deleted: header.counts.deleted().entries > 0,
            open: Vec::new(),
            files: BTreeSet::new(),
            below: None,
        }
    }

    /// Whether the plan can be divided before `action`, its next line.
    pub fn is_before(&mut self, action: &Action) -> bool {
        if !self.any_deleted {
            return true;
        }
        let key = match action {
            Action::Transfer(transfer) => &transfer.source.key,
            Action::Delete(delete) => &delete.target.key,
            // Nothing is done by it.
            _ => return self.is_closed(),
        };
        while let Some(last) = self.open.last()
            && !may_be_directory_of(last.as_str(), key.as_str())
        {
            self.open.pop();
        }
        self.below.take_if(|below| !may_be_above(key, below));
        let is_boundary = self.is_closed();
        match action {
            Action::Transfer(transfer) => match &transfer.blocker {
                Some(Blocker::File(file)) => drop(self.files.insert(file.key.clone())),
                Some(Blocker::Directory) => {
                    self.below.take_if(|below| below.is_below(key));
                }
                None if self.direction == Direction::Backup && transfer.target.is_none() => {
                    self.open.push(key.clone());
                }
                None => {}
            },
            Action::Delete(delete) => {
                let is_file = self.files.remove(key);
                if delete.blocks && !is_file && self.below.is_none() {
                    self.below = Some(key.clone());
                }
            }
            _ => {}
        }
        is_boundary
    }

    fn is_closed(&self) -> bool {
        self.open.is_empty() && self.files.is_empty() && self.below.is_none()
    }
}

/// Whether a line of `key`, or a later one, may be that of a path above `below`:
/// such a line comes after all that may lie below its first segment.
fn may_be_above(key: &Key, below: &Key) -> bool {
    let first = below.as_str().split('/').next().unwrap_or_default();
    key.as_str() == first || may_be_directory_of(first, key.as_str())
}
