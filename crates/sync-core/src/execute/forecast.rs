//! Which calls of the two stores an execution is going to make, told by the
//! plan alone: so that a run can be priced before it is confirmed.
//!
//! What is told is what [`execute`](crate::execute) does if nothing goes wrong
//! and nothing changes meanwhile: no second attempt, no second look. It is
//! read off the plan in one pass (a restore that deletes takes two, or three where
//! something is in the way), and nothing is held in memory but a batch of
//! deletions and what stands in the way, as in the execution itself.

use std::io;

use super::cleared::Cleared;
use super::deletions::must_look_again;
use super::earlier::always_looks_first;
use super::rounds::{Replacement, first_round, second_round};
use super::workspace::DELETE_BATCH;
use crate::{
    entry::Entry,
    execute::ExecuteOptions,
    key::Key,
    listing::Side,
    plan::{Action, Plan, Transfer},
    rule::Direction,
};

/// A call of a store, or several of the same kind for one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call<'a> {
    /// [`Store::stat`](crate::store::Store::stat)
    Stat(&'a Key),
    /// [`Store::read`](crate::store::Store::read), once for each of so many ranges
    /// that are the whole entry together.
    Read {
        /// What is read.
        entry: &'a Entry,
        /// In how many ranges.
        ranges: u64,
    },
    /// [`Store::put`](crate::store::Store::put)
    Put {
        /// What is written.
        entry: &'a Entry,
        /// What it replaces.
        replaces: Option<&'a Entry>,
    },
    /// [`Store::write`](crate::store::Store::write), so many parts, and the commit.
    Write {
        /// What is written.
        entry: &'a Entry,
        /// In how many parts.
        parts: u64,
        /// What it replaces.
        replaces: Option<&'a Entry>,
    },
    /// [`Store::delete`](crate::store::Store::delete)
    Delete(&'a [Entry]),
}

/// Tells every call that the execution of `plan` makes of its stores.
///
/// ```
/// # use futures::executor::block_on;
/// use std::sync::Arc;
/// use sync_core::testing::MemoryStore;
/// use sync_core::execute::{Call, ExecuteOptions, forecast};
/// use sync_core::listing::Side;
/// use sync_core::plan::{PlanOptions, make_plan};
/// use sync_core::rule::Direction;
/// use sync_core::spool::MemorySpools;
///
/// let source = MemoryStore::files();
/// source.insert("a.txt", "hello", "2024-05-01T12:00:00Z".parse()?);
/// let target = MemoryStore::objects();
/// let options = PlanOptions::new(Direction::Backup);
/// let plan = block_on(make_plan(&source, &target, &options, Arc::new(MemorySpools)))?;
/// let mut puts = 0;
/// forecast(&plan, &ExecuteOptions::default(), &mut |side, call| match (side, call) {
///     (Side::Target, Call::Put { .. }) => puts += 1,
///     _ => {}
/// })?;
/// assert_eq!(puts, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of reading the plan.
pub fn forecast(
    plan: &Plan,
    options: &ExecuteOptions,
    told: &mut dyn FnMut(Side, Call<'_>),
) -> io::Result<()> {
    let deletes = !plan.counts().incomplete() && plan.counts().too_long == 0;
    let mut teller = Teller {
        direction: plan.direction(),
        options,
        told,
        cleared: Cleared::default(),
        batch: Vec::new(),
    };
    // A bucket mostly holds what a tree cannot: nothing is in the way of
    // anything, so one pass will do.
    let is_backup = plan.direction() == Direction::Backup;
    let at_once = deletes && is_backup;
    let mut any_blocked = false;
    for action in plan.actions()? {
        match action? {
            Action::Transfer(transfer) if is_backup || transfer.blocker.is_none() => {
                teller.transfer(&transfer, false);
            }
            Action::Transfer(_) => any_blocked = true,
            Action::Delete(delete) if at_once => teller.delete(delete.target),
            _ => {}
        }
    }
    if any_blocked && deletes {
        teller.blocked(plan)?;
    }
    if deletes && !at_once && plan.counts().deleted().entries > 0 {
        teller.deletions(plan)?;
    }
    teller.end_batch();
    Ok(())
}

/// What was told so far, as far as the rest depends on it.
struct Teller<'a> {
    direction: Direction,
    options: &'a ExecuteOptions,
    told: &'a mut dyn FnMut(Side, Call<'_>),
    /// What was deleted because it was in the way.
    cleared: Cleared,
    /// Deletions that are not told yet.
    batch: Vec<Entry>,
}

impl Teller<'_> {
    /// One copy; `clears` says whether something gives way to it, so that it
    /// is written in parts however small it is.
    fn transfer(&mut self, transfer: &Transfer, clears: bool) {
        let entry = &transfer.source;
        if always_looks_first(self.direction, self.options) {
            self.tell(Side::Target, Call::Stat(&entry.key));
        }
        let replaces = transfer.target.as_ref();
        let part = self.options.copied_part_size(self.direction, entry.size);
        if entry.size <= part && !clears {
            self.tell(Side::Source, Call::Read { entry, ranges: 1 });
            self.tell(Side::Target, Call::Put { entry, replaces });
        } else {
            let parts = entry.size.div_ceil(part.max(1)).max(1);
            let ranges = parts;
            let write = Call::Write {
                entry,
                parts,
                replaces,
            };
            self.tell(Side::Source, Call::Read { entry, ranges });
            // For the checksum of the whole.
            self.tell(Side::Source, Call::Stat(&entry.key));
            self.tell(Side::Target, write);
        }
        if self.direction == Direction::Backup {
            // Whether the file has changed meanwhile.
            self.tell(Side::Source, Call::Stat(&entry.key));
        }
    }

    /// Copies that something is in the way of.
    fn blocked(&mut self, plan: &Plan) -> io::Result<()> {
        for replacement in first_round(plan)? {
            let Replacement { transfer, blockers } = replacement?;
            let key = &transfer.source.key;
            self.transfer(&transfer, true);
            for blocker in blockers.of(key)? {
                self.batch.push(blocker?);
                if self.batch.len() == DELETE_BATCH {
                    self.end_blocking_batch();
                }
            }
            self.end_blocking_batch();
            self.cleared.note(&blockers, &transfer);
        }
        for next in second_round(plan)? {
            self.transfer(&next?.0, false);
        }
        Ok(())
    }

    fn end_blocking_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if !batch.is_empty() {
            self.tell(Side::Target, Call::Delete(&batch));
        }
    }

    fn deletions(&mut self, plan: &Plan) -> io::Result<()> {
        for action in plan.actions()? {
            if let Action::Delete(delete) = action?
                && !self.cleared.has(&delete.target.key)
            {
                self.delete(delete.target);
            }
        }
        Ok(())
    }

    fn delete(&mut self, entry: Entry) {
        self.batch.push(entry);
        if self.batch.len() == DELETE_BATCH {
            self.end_batch();
        }
    }

    fn end_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return;
        }
        if must_look_again(self.direction, self.options.on_source_change) {
            for entry in &batch {
                self.tell(Side::Source, Call::Stat(&entry.key));
            }
        }
        self.tell(Side::Target, Call::Delete(&batch));
    }

    fn tell(&mut self, side: Side, call: Call<'_>) {
        (self.told)(side, call);
    }
}
