//! Sees to it that a plan fits into a directory tree.
//!
//! A bucket can hold both `a` and `a/b`; a tree cannot. While the pairs pass
//! in key order, entries that may still turn out to be directories are kept
//! open on a stack: `a` stays open while keys begin with `a` followed by a
//! byte up to `/`, so the stack is as deep as keys are nested, never longer
//! than a key. Their actions are released when they are closed.

use crate::plan::{Action, ConflictCause, Counts, Delete, InTheWay, Transfer};
use crate::planner::Deletions;
use crate::{Decision, Direction, Key, Pair, Reason};

/// Turns decisions into actions.
pub(crate) struct Layout {
    direction: Direction,
    deletions: Deletions,
    open: Vec<Open>,
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
            settled.extend(last.close(counts));
        }
        opened.meet(&mut self.open);
        self.open.push(opened);
    }

    /// Adds the actions that are still open at the end.
    pub(crate) fn finish(&mut self, counts: &mut Counts, settled: &mut Vec<Action>) {
        while let Some(last) = self.open.pop() {
            settled.extend(last.close(counts));
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
                    _ => self.conflicts_with(above.key(), ConflictCause::DeletionsOff),
                },
                (false, true) => match self.decision {
                    Decision::Delete(_) => {
                        above.in_the_way = Some(InTheWay::Directory);
                        self.blocks = true;
                    }
                    _ => above.conflicts_with(&key, ConflictCause::DeletionsOff),
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
