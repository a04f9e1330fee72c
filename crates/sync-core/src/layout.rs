//! Sees to it that a plan fits into a directory tree.
//!
//! A bucket can hold both `a` and `a/b`; a tree cannot. While the pairs pass
//! in key order, entries that may still turn out to be directories are kept
//! open on a stack: `a` stays open while keys begin with `a` followed by a
//! byte up to `/`, so the stack is as deep as keys are nested, never longer
//! than a key. Their actions are released when they are closed.

use std::collections::BTreeSet;

use crate::plan::{Action, ConflictCause, Counts, Delete, InTheWay, Transfer};
use crate::planner::Deletions;
use crate::{Decision, Direction, Key, Pair, Reason};

/// Turns decisions into actions.
pub(crate) struct Layout {
    direction: Direction,
    deletions: Deletions,
    open: Vec<Open>,
    /// Directories of the target that the listing did not look into, and that
    /// no key has passed yet: what is below them stays.
    staying: BTreeSet<String>,
}

/// An entry whose key may be a directory of keys to come.
struct Open {
    pair: Pair,
    decision: Decision,
    /// A source entry below it, if there is one.
    conflict: Option<(Key, ConflictCause)>,
    /// What must give way to it.
    in_the_way: Option<InTheWay>,
    /// Whether it is a file in the way of a transfer.
    blocks: bool,
}

impl Layout {
    pub(crate) fn new(direction: Direction, deletions: Deletions) -> Self {
        Self {
            direction,
            deletions,
            open: Vec::new(),
            staying: BTreeSet::new(),
        }
    }

    /// Adds the actions that are settled now that `pair` has come.
    pub(crate) fn place(
        &mut self,
        pair: Pair,
        decision: Decision,
        counts: &mut Counts,
        settled: &mut Vec<Action>,
    ) {
        let decision = match (decision, self.deletions) {
            (Decision::Delete(_), Deletions::Off) => Decision::Keep(Reason::DeletionsOff),
            (decision, _) => decision,
        };
        let mut opened = Open::new(pair, decision);
        if self.direction == Direction::Backup {
            // A bucket is no tree: nothing is in the way of anything.
            settled.extend(opened.close(counts));
            return;
        }
        while let Some(last) = self.open.pop_if(|o| !o.may_be_directory_of(opened.key())) {
            self.settle(last, counts, settled);
        }
        if self.open.is_empty() {
            self.forget_before(opened.key());
        }
        opened.meet(&mut self.open);
        self.open.push(opened);
    }

    /// Adds the actions that are still open at the end.
    pub(crate) fn finish(&mut self, counts: &mut Counts, settled: &mut Vec<Action>) {
        while let Some(last) = self.open.pop() {
            self.settle(last, counts, settled);
        }
    }

    /// Something at `name` in the target stays, and so do the directories above
    /// it. The listing says so before any pair with a later key has come, but
    /// perhaps long before: the other listing may be behind.
    pub(crate) fn stays(&mut self, name: String) {
        if self.direction == Direction::Restore {
            self.staying.insert(name);
        }
    }

    fn settle(&self, mut last: Open, counts: &mut Counts, settled: &mut Vec<Action>) {
        if last.in_source()
            && let Some(name) = self.stays_at_or_below(last.key())
        {
            last.conflicts_with(&name, ConflictCause::NotSelected);
        }
        settled.extend(last.close(counts));
    }

    /// What stays at `key` or below it.
    fn stays_at_or_below(&self, key: &Key) -> Option<Key> {
        if self.staying.is_empty() {
            return None;
        }
        let key = key.as_str();
        let below = format!("{key}/");
        let name = if self.staying.contains(key) {
            key
        } else {
            let first = self.staying.range(below.clone()..).next()?;
            first.starts_with(&below).then_some(first)?
        };
        Key::new(name).ok()
    }

    /// Drops what lies before `key`, and so before all keys to come.
    fn forget_before(&mut self, key: &Key) {
        while let Some(name) = self.staying.first()
            && name.as_str() < key.as_str()
        {
            self.staying.pop_first();
        }
    }
}

impl Open {
    fn new(pair: Pair, decision: Decision) -> Self {
        Self {
            pair,
            decision,
            conflict: None,
            in_the_way: None,
            blocks: false,
        }
    }

    fn key(&self) -> &Key {
        self.pair.key()
    }

    /// Whether `key` or a later key can lie below this one.
    fn may_be_directory_of(&self, key: &Key) -> bool {
        let rest = key.as_str().strip_prefix(self.key().as_str());
        rest.is_some_and(|rest| rest.bytes().next().is_some_and(|byte| byte <= b'/'))
    }

    fn in_source(&self) -> bool {
        !matches!(self.pair, Pair::Target(_))
    }

    fn in_target(&self) -> bool {
        !matches!(self.pair, Pair::Source(_))
    }

    /// Settles this entry against the open ones that it lies below.
    fn meet(&mut self, open: &mut [Open]) {
        if !open.iter().any(|above| self.key().is_below(above.key())) {
            return;
        }
        let key = self.key().clone();
        for above in open.iter_mut().filter(|above| key.is_below(above.key())) {
            match (self.in_source(), above.in_source()) {
                (true, true) => {
                    above.conflicts_with(&key, ConflictCause::BothInSource);
                    if above.in_target() {
                        self.conflicts_with(above.key(), ConflictCause::BothInSource);
                    }
                }
                (true, false) => match (&above.pair, above.decision) {
                    (Pair::Target(file), Decision::Delete(_)) => {
                        self.in_the_way = Some(InTheWay::File(file.clone()));
                        above.blocks = true;
                    }
                    (_, stays) => self.conflicts_with(above.key(), why_it_stays(stays)),
                },
                (false, true) => match self.decision {
                    Decision::Delete(_) => {
                        above.in_the_way = Some(InTheWay::Directory);
                        self.blocks = true;
                    }
                    stays => above.conflicts_with(&key, why_it_stays(stays)),
                },
                (false, false) => {}
            }
        }
    }

    fn conflicts_with(&mut self, key: &Key, cause: ConflictCause) {
        self.conflict.get_or_insert_with(|| (key.clone(), cause));
    }

    /// Counts the entry and makes its action, if it has one.
    fn close(self, counts: &mut Counts) -> Option<Action> {
        if let Some((with, why)) = &self.conflict {
            counts.conflicts += 1;
            let (key, with, why) = (self.key().clone(), with.clone(), *why);
            return Some(Action::Conflict { key, with, why });
        }
        let (reason, source, target) = match (self.decision, self.pair) {
            (Decision::Transfer(reason), Pair::Source(source)) => (reason, source, None),
            (Decision::Transfer(reason), Pair::Both { source, target }) => {
                (reason, source, Some(target))
            }
            (Decision::Delete(reason), Pair::Target(target)) => {
                counts.reasons.entry(reason).or_default().add(target.size);
                let blocks = self.blocks;
                return Some(Action::Delete(Delete {
                    reason,
                    target,
                    blocks,
                }));
            }
            (Decision::Keep(reason), Pair::Target(kept) | Pair::Both { target: kept, .. }) => {
                counts.reasons.entry(reason).or_default().add(kept.size);
                return None;
            }
            // The rule gives no such answer to such a pair.
            _ => return None,
        };
        counts.reasons.entry(reason).or_default().add(source.size);
        let in_the_way = self.in_the_way;
        Some(Action::Transfer(Transfer {
            reason,
            source,
            target,
            in_the_way,
        }))
    }
}

/// Why an entry of the target is in the way for good.
fn why_it_stays(decision: Decision) -> ConflictCause {
    match decision {
        Decision::Keep(Reason::NotSelected) => ConflictCause::NotSelected,
        _ => ConflictCause::DeletionsOff,
    }
}
