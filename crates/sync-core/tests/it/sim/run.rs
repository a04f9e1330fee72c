//! One execution as the judge follows it: what was announced, what is done of
//! it, and what may be begun.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::{
    Direction, Key,
    entry::Revision,
    plan::{Action, Blocker, Delete, Plan, Transfer},
};

use super::judge::Call;
use super::world::collide;

#[derive(Default)]
pub(super) struct Run {
    pub(super) transfers: Vec<Transfer>,
    pub(super) deletes: BTreeMap<String, Delete>,
    /// Whether the plan has conflicts or names that are too long, so that
    /// nothing may be deleted.
    pub(super) is_refused: bool,
    /// What was copied or deleted, and the caller was told so.
    pub(super) copied: BTreeSet<String>,
    pub(super) deleted: BTreeSet<String>,
    /// What the store has refused because something is in its way.
    pub(super) refused: BTreeSet<String>,
    /// What the source was seen to lack after all was copied, or where
    /// something may give way.
    pub(super) absent: BTreeSet<String>,
    /// The step at which it is asked to stop.
    stop: usize,
    concurrency: usize,
    touched: BTreeSet<String>,
    /// What was begun after an error that stops the run.
    pub(super) halted: Option<BTreeSet<String>>,
    pub(super) is_backup: bool,
    /// The last version of each name that it wrote.
    pub(super) written: BTreeMap<String, Option<Revision>>,
    /// What it has told to be copied, and how many of these it named then
    /// because the source has a later version.
    pub(super) told: BTreeSet<String>,
    pub(super) outdated: u64,
    /// How many entries it has told of: copied, deleted, failed.
    pub(super) events: [u64; 3],
}

impl Run {
    pub(super) fn new(plan: &Plan, concurrency: usize, stop: usize) -> Self {
        let mut run = Self {
            stop,
            concurrency,
            is_backup: plan.direction() == Direction::Backup,
            ..Self::default()
        };
        for action in plan.actions().unwrap() {
            match action.unwrap() {
                Action::Transfer(transfer) => run.transfers.push(transfer),
                Action::Delete(delete) => {
                    let name = delete.target.key.as_str().to_owned();
                    run.deletes.insert(name, delete);
                }
                Action::Conflict { .. } | Action::TooLong { .. } => run.is_refused = true,
                Action::Keep { .. } | Action::Skip { .. } => {}
            }
        }
        run
    }

    /// A call begins at `step`; `may_finish` says that it ends what was begun
    /// before. A reading may begin late: it is dropped at once and changes
    /// nothing.
    pub(super) fn begins(&mut self, call: Call, key: &Key, step: usize, may_finish: bool) {
        assert!(
            call == Call::Read || step <= self.stop || may_finish,
            "{call:?} of '{key}' is begun after the signal to stop"
        );
        let name = key.as_str().to_owned();
        if let Some(late) = &mut self.halted
            && !self.touched.contains(&name)
        {
            assert_ne!(
                call,
                Call::Delete,
                "'{name}' after an error that stops the run"
            );
            late.insert(name.clone());
            assert!(
                late.len() < self.concurrency,
                "begun after an error that stops the run: {late:?}"
            );
        }
        self.touched.insert(name);
    }

    pub(super) fn is_all_copied(&self) -> bool {
        self.transfers
            .iter()
            .all(|transfer| self.has_copied(transfer))
    }

    fn has_copied(&self, transfer: &Transfer) -> bool {
        self.copied.contains(transfer.source.key.as_str())
    }

    /// Transfers that `key` is in the way of.
    pub(super) fn replaced_by(&self, key: &Key) -> impl Iterator<Item = &Transfer> {
        self.transfers
            .iter()
            .filter(move |transfer| match &transfer.blocker {
                Some(Blocker::File(file)) => file.key == *key,
                Some(Blocker::Directory) => key.is_below(&transfer.source.key),
                None => false,
            })
    }

    /// Whether everything that nothing is in the way of is copied. What is in
    /// the way of others gives way side by side.
    pub(super) fn is_time_to_clear(&self) -> bool {
        let mut free = self.transfers.iter().filter(|t| t.blocker.is_none());
        free.all(|transfer| self.has_copied(transfer) || self.has_refused(transfer))
    }

    fn has_refused(&self, transfer: &Transfer) -> bool {
        self.refused.contains(transfer.source.key.as_str())
    }

    /// Whether `key` is in the way of a copy that the store has refused.
    pub(super) fn has_been_refused_for(&self, key: &Key) -> bool {
        let mut waiting = self.transfers.iter().filter(|t| !self.has_copied(t));
        waiting.any(|t| self.has_refused(t) && collide(key.as_str(), t.source.key.as_str()))
    }

    /// A copy of `key` is about to be shown: what was in its way is gone. In a
    /// bucket, the store sees to that, if it must.
    pub(super) fn assert_way_is_free(&self, key: &Key) {
        if self.is_backup {
            return;
        }
        for delete in self.deletes.values() {
            let name = &delete.target.key;
            let is_in_the_way = self.replaced_by(name).any(|t| t.source.key == *key);
            assert!(
                !is_in_the_way || self.deleted.contains(name.as_str()),
                "'{key}' is committed though '{name}' is in its way"
            );
        }
    }

    /// Unless it was ended early, what nothing was in the way of.
    pub(super) fn free_but_not_copied(&self) -> impl Iterator<Item = &str> {
        let free = self.transfers.iter().filter(|t| t.blocker.is_none());
        free.filter(|t| self.halted.is_none() && !self.has_copied(t) && !self.has_refused(t))
            .map(|t| t.source.key.as_str())
    }

    /// What was created, overwritten and deleted.
    pub(super) fn done(&self) -> [u64; 3] {
        let copied = self.transfers.iter().filter(|t| self.has_copied(t));
        let created = copied.filter(|t| t.target.is_none()).count() as u64;
        let overwritten = self.copied.len() as u64 - created;
        [created, overwritten, self.deleted.len() as u64]
    }
}
