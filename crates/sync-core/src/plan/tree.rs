//! Sees to it that a plan fits into a directory tree.
//!
//! A bucket can hold both `a` and `a/b`; a tree cannot, nor can a bucket of
//! which each object is a file of the server. While the pairs pass
//! in key order, entries that may still turn out to be directories are kept
//! open on a stack: `a` stays open while keys begin with `a` followed by a
//! byte up to `/`, so the stack is as deep as keys are nested, never longer
//! than a key. Their actions are released when they are closed.
//!
//! What a listing skipped is not absent. Entries of the target at or below a
//! name that the source skipped are kept; and what the target skipped stays
//! where it is, so nothing is planned that would need its place.

use super::action::{Action, Blocker, ConflictCause, Delete, Transfer};
use super::counts::Counts;
use super::kept_links::KeptLink;
use super::options::Deletions;
use crate::listing::{SkippedNames, may_be_directory_of};
use crate::{
    entry::{Entry, SkipCause},
    key::Key,
    rule::{Direction, Outcome, Reason},
};

/// Turns decisions into actions.
pub(crate) struct TreeResolver {
    direction: Direction,
    deletions: Deletions,
    open: Vec<Open>,
    /// What the source's listing skipped.
    covering: SkippedNames,
    /// What the target's listing skipped; it stays.
    staying: SkippedNames,
    /// Links of the target that are kept, since they were taken from here.
    pub(crate) links: Vec<KeptLink>,
}

/// An entry whose key may be a directory of keys to come.
struct Open {
    outcome: Outcome,
    /// A source entry below it, if there is one.
    conflict: Option<(Key, ConflictCause)>,
    /// What must give way to it.
    blocker: Option<Blocker>,
    /// Whether it is a file in the way of a transfer.
    blocks: bool,
}

impl TreeResolver {
    pub(crate) fn new(direction: Direction, deletions: Deletions) -> Self {
        Self {
            direction,
            deletions,
            open: Vec::new(),
            covering: SkippedNames::default(),
            staying: SkippedNames::default(),
            links: Vec::new(),
        }
    }

    /// Adds the actions that are ready now that the entries of `outcome` have come.
    pub(crate) fn place(
        &mut self,
        mut outcome: Outcome,
        counts: &mut Counts,
        ready: &mut Vec<Action>,
    ) {
        if let Outcome::Delete { target, .. } = &outcome
            && let Some(reason) = self.why_kept(&target.key)
        {
            outcome = Outcome::Keep {
                reason,
                source: None,
                target: target.clone(),
            };
        }
        while let Some(last) = self
            .open
            .pop_if(|o| !may_be_directory_of(o.key().as_str(), outcome.key().as_str()))
        {
            self.settle(last, counts, ready);
        }
        if self.open.is_empty() {
            self.covering.forget_before(outcome.key());
            self.staying.forget_before(outcome.key());
        }
        // A bucket is no tree: what is kept there blocks nothing. Nearly all
        // entries of most backups are such.
        if self.direction == Direction::Backup
            && let Outcome::Keep {
                reason,
                source: Some(_),
                target,
            } = &outcome
        {
            counts.reasons.entry(*reason).or_default().add(target.size);
            return;
        }
        let mut opened = Open::new(outcome);
        match self.direction {
            Direction::Restore => opened.meet(&mut self.open),
            // What is to be deleted may yet turn out to be covered, or to be in
            // the way.
            Direction::Backup if is_absence(&opened.outcome) => {}
            Direction::Backup => {
                opened.notes_what_may_block(&mut self.open);
                ready.extend(opened.close(counts));
                return;
            }
        }
        self.open.push(opened);
    }

    /// Why an entry that only the target has is kept all the same.
    fn why_kept(&mut self, key: &Key) -> Option<Reason> {
        if self.covering.cover(key) {
            Some(Reason::SourceSkipped)
        } else {
            (self.deletions == Deletions::Off).then_some(Reason::DeletionsOff)
        }
    }

    /// Adds the actions that are still open at the end.
    pub(crate) fn finish(&mut self, counts: &mut Counts, ready: &mut Vec<Action>) {
        while let Some(last) = self.open.pop() {
            self.settle(last, counts, ready);
        }
    }

    /// The source's listing skipped `name`: what the target has there, or below
    /// it, is kept. That a directory is not listed is known only after the
    /// names before `name/`, so an entry of just that name may be open already.
    pub(crate) fn covers(&mut self, name: &str, cause: SkipCause) {
        self.covering.insert(name, cause);
        for open in &mut self.open {
            if let Some(target) = absent(&open.outcome)
                && self.covering.cover(&target.key)
            {
                open.outcome = Outcome::Keep {
                    reason: Reason::SourceSkipped,
                    source: None,
                    target: target.clone(),
                };
            }
        }
    }

    /// Something at `name` in the target stays, and so do the directories above
    /// it. The listing says so before any pair with a later key has come, but
    /// perhaps long before: the other listing may be behind.
    pub(crate) fn stays(&mut self, name: &str, cause: SkipCause) {
        // What is no path has no place in a tree.
        if self.direction == Direction::Restore && Key::new(name).is_ok() {
            self.staying.insert(name, cause);
        }
    }

    fn settle(&mut self, mut last: Open, counts: &mut Counts, ready: &mut Vec<Action>) {
        if last.in_source()
            && let Some((name, cause)) = self.obstacle(&last)
        {
            last.conflicts_with(&name, cause);
        }
        self.links.extend(last.kept_link());
        ready.extend(last.close(counts));
    }

    /// What the target's listing skipped and `open` would need to be gone.
    fn obstacle(&self, open: &Open) -> Option<(Key, ConflictCause)> {
        let key = open.key();
        // A link, a socket and the like at the key itself are replaced. So may
        // be what could not be read, unless it is a directory.
        let at = self.staying.at(key).filter(|(_, cause)| match cause {
            SkipCause::NotSelected => true,
            SkipCause::Unreadable => open.blocker == Some(Blocker::Directory),
            _ => false,
        });
        // A directory that could not be read may still take a file, and a name
        // that is not UTF-8 is no key's.
        let above = self
            .staying
            .above(key)
            .filter(|(_, cause)| !matches!(cause, SkipCause::Unreadable | SkipCause::NotUtf8));
        let (name, cause) = at.or(above).or_else(|| self.staying.below(key))?;
        let why = match cause {
            SkipCause::NotSelected => ConflictCause::NotSelected,
            _ => ConflictCause::TargetSkipped,
        };
        Some((Key::new(name).ok()?, why))
    }
}

impl Open {
    fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            conflict: None,
            blocker: None,
            blocks: false,
        }
    }

    fn key(&self) -> &Key {
        self.outcome.key()
    }

    fn in_source(&self) -> bool {
        self.outcome.source().is_some()
    }

    fn in_target(&self) -> bool {
        self.outcome.target().is_some()
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
                (true, false) => match &above.outcome {
                    Outcome::Delete { target: file, .. } => {
                        self.blocker = Some(Blocker::File(file.clone()));
                        above.blocks = true;
                    }
                    stays => self.conflicts_with(above.key(), why_it_stays(stays)),
                },
                (false, true) => match &self.outcome {
                    Outcome::Delete { .. } => {
                        above.blocker = Some(Blocker::Directory);
                        self.blocks = true;
                    }
                    stays => above.conflicts_with(&key, why_it_stays(stays)),
                },
                (false, false) => {}
            }
        }
    }

    /// Notes the object above a new one of a backup. A bucket is no tree, and
    /// most hold both; but a server that keeps its objects in directories takes
    /// the new one only once that above it has gone.
    fn notes_what_may_block(&mut self, open: &mut [Open]) {
        if self.in_target() {
            return;
        }
        let key = self.key().clone();
        for above in open.iter_mut().filter(|above| key.is_below(above.key())) {
            if let Outcome::Delete { target: object, .. } = &above.outcome {
                self.blocker = Some(Blocker::File(object.clone()));
                above.blocks = true;
            }
        }
    }

    fn conflicts_with(&mut self, key: &Key, cause: ConflictCause) {
        self.conflict.get_or_insert_with(|| (key.clone(), cause));
    }

    /// What is kept, and is a link in the target.
    fn kept_link(&self) -> Option<KeptLink> {
        match &self.outcome {
            Outcome::Keep {
                reason,
                source: Some(source),
                target,
            } if target.link.is_some() && self.conflict.is_none() => {
                Some(KeptLink::new(*reason, source, target))
            }
            _ => None,
        }
    }

    /// Counts the entry and makes its action, if it has one.
    fn close(self, counts: &mut Counts) -> Option<Action> {
        if let Some((with, cause)) = &self.conflict {
            counts.conflicts += 1;
            let (key, with, cause) = (self.key().clone(), with.clone(), *cause);
            return Some(Action::Conflict { key, with, cause });
        }
        match self.outcome {
            Outcome::Transfer {
                reason,
                source,
                target,
            } => {
                counts.reasons.entry(reason).or_default().add(source.size);
                Some(Action::Transfer(Transfer {
                    reason,
                    source,
                    target,
                    blocker: self.blocker,
                }))
            }
            Outcome::Delete { reason, target } => {
                counts.reasons.entry(reason).or_default().add(target.size);
                Some(Action::Delete(Delete {
                    reason,
                    target,
                    blocks: self.blocks,
                }))
            }
            Outcome::Keep { reason, target, .. } => {
                counts.reasons.entry(reason).or_default().add(target.size);
                let is_shown = reason == Reason::SourceSkipped;
                is_shown.then_some(Action::Keep { reason, target })
            }
        }
    }
}

/// What the target has, if that is decided about because the source lacks it.
fn absent(outcome: &Outcome) -> Option<&Entry> {
    match outcome {
        Outcome::Delete { target, .. }
        | Outcome::Keep {
            reason: Reason::DeletionsOff,
            target,
            ..
        } => Some(target),
        _ => None,
    }
}

/// Whether an entry is decided about because the source lacks it.
fn is_absence(outcome: &Outcome) -> bool {
    absent(outcome).is_some()
}

/// Why an entry of the target is in the way for good.
fn why_it_stays(outcome: &Outcome) -> ConflictCause {
    match outcome.reason() {
        Reason::NotSelected => ConflictCause::NotSelected,
        Reason::SourceSkipped => ConflictCause::SourceSkipped,
        _ => ConflictCause::DeletionsOff,
    }
}
