//! What a watch has to do next, and what has come of it.

use std::collections::BTreeSet;
use std::time::Duration;

use sync_core::{
    ErrorKind, Key, KeyList, StoreError,
    key_list::KeyListItem,
    plan::{Counts, MaxDelete, PlanError},
};

use super::schedule::FullCause;
use super::undone::{Looked, UndoneList};
use crate::error::{Error, Result};
use crate::key_list::key_list;
use crate::mirror::Report;
use crate::refusal::Refusal;

/// What has to be done next ([`Watch::next`](super::Watch::next)).
#[derive(Debug)]
pub struct Work {
    pub(super) full: Option<FullCause>,
    pub(super) items: BTreeSet<String>,
    /// What waited when a full run began: if that is refused or fails, it is looked at without.
    pub(super) waiting: BTreeSet<String>,
}

impl Work {
    /// A look at `items`.
    pub(super) fn cycle(items: BTreeSet<String>) -> Self {
        Self {
            full: None,
            items,
            waiting: BTreeSet::new(),
        }
    }

    /// Why both places are listed whole, if they are.
    #[must_use]
    pub fn full(&self) -> Option<FullCause> {
        self.full
    }

    /// How many keys and directories are looked at; none in a full run.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items.len()
    }

    /// What a run of it that ended with `outcome` looked at to the end.
    pub(super) fn looked_at(&self, outcome: &Outcome) -> Looked<'_> {
        match outcome {
            Outcome::Executed { report, .. } if !report.execution.stopped => match self.full {
                Some(_) => Looked::Everywhere,
                None => Looked::At(&self.items),
            },
            _ => Looked::Nowhere,
        }
    }

    /// The list of what is looked at.
    pub(super) fn key_list(&self) -> Result<KeyList> {
        let items = self.items.iter().filter_map(|item| {
            if item.ends_with('/') {
                return Some(KeyListItem::Below(item.clone()));
            }
            // A name of a file system is always a key, and `Dirty` keeps none that is too long.
            Key::new(item.as_str()).ok().map(KeyListItem::Key)
        });
        let failed = |error| Error::Plan(PlanError::Spool(error));
        key_list(items).map_err(failed)
    }
}

/// One run of a watch, when it has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Cycle {
    /// Counted from 1.
    pub number: u64,
    /// Why both places were listed whole, if they were.
    pub full: Option<FullCause>,
    /// How many keys and directories were looked at; none in a full run.
    pub items: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// From beginning to end.
    pub took: Duration,
    /// What it did not do; nothing if a signal has stopped it.
    pub undone: UndoneList,
    /// What of that was not so before, or for another reason.
    pub news: UndoneList,
    /// The pause before something is tried again that has failed, in this run or before.
    pub retry: Option<Duration>,
    /// Keys and directories that have failed by themselves, in this run or before, and wait.
    pub failing: usize,
    /// Whether a full run is needed and waits, so that more may have changed than is known.
    pub full_pending: bool,
    /// Deletions of the last 24 hours.
    pub deleted: u64,
    /// How many more are allowed now.
    pub left: MaxDelete,
    /// Entries of the target after the last full run.
    pub total: Option<u64>,
}

/// How a run of a watch has ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Its plan was executed, maybe incompletely.
    Executed {
        /// What was planned.
        counts: Box<Counts>,
        /// What was done.
        report: Box<Report>,
    },
    /// Guards have refused its plan: nothing was changed.
    Refused(Vec<Refusal>),
    /// There was no plan, or it could not be executed.
    Failed(Error),
    /// It was stopped before anything was changed.
    Stopped,
}

impl Outcome {
    /// Whether all was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self {
            Self::Executed { report, .. } => report.is_complete(),
            _ => false,
        }
    }

    /// Whether both places were reached.
    #[must_use]
    pub fn has_compared(&self) -> bool {
        matches!(self, Self::Executed { .. } | Self::Refused(_))
    }

    /// Whether waiting cannot help, as with wrong credentials: at the start of a watch, that
    /// ends it.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        match self {
            Self::Failed(error) => is_hopeless(error),
            _ => false,
        }
    }
}

fn is_hopeless(error: &Error) -> bool {
    let of_store = |error: &StoreError| {
        let kind = error.kind();
        // Somebody may make room, or the run was stopped or overtaken by a change.
        let is_for_now = matches!(
            kind,
            ErrorKind::Stopped | ErrorKind::NoSpace | ErrorKind::Changed
        );
        !kind.may_pass() && !is_for_now
    };
    match error {
        Error::Store(error) => of_store(error),
        Error::Plan(PlanError::Listing(error)) => of_store(&error.error),
        Error::Locked(_) | Error::ReadPlan(_) | Error::Plan(PlanError::Spool(_)) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_helps_with_the_network_and_not_with_credentials() {
        let store = |kind| Outcome::Failed(Error::Store(StoreError::new(kind, "x")));
        assert!(!store(ErrorKind::Unavailable).is_hopeless());
        assert!(!store(ErrorKind::Outage).is_hopeless());
        assert!(store(ErrorKind::Credentials).is_hopeless());
        assert!(store(ErrorKind::Denied).is_hopeless());
        assert!(store(ErrorKind::RootMissing).is_hopeless());
        assert!(!Outcome::Failed(Error::Locked(String::new())).is_hopeless());
        assert!(!Outcome::Refused(Vec::new()).is_hopeless());
    }
}
