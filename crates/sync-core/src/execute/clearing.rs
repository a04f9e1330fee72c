//! What must give way to a transfer: which entries of the target, and their
//! deletion once the copy that replaces them is ready.
//!
//! What is in the way is read from the plan when it is needed, a batch at a
//! time: below a directory that became a file there may be any number of files.

use std::io;
use std::ops::Range;

use futures::stream::{self, StreamExt};

use super::events::Event;
use super::workspace::DELETE_BATCH;
use super::workspace::Workspace;
use super::workspace::stopped;
use crate::listing::may_be_directory_of;
use crate::{
    entry::Entry,
    error::{ErrorKind, Result, StoreError},
    key::Key,
    plan::{Action, Plan},
    rule::Direction,
};

/// Which entries are in the way of a transfer.
#[derive(Clone)]
pub(crate) enum Blockers<'p> {
    /// A file where the path needs a directory.
    File(Entry),
    /// The plan's deletions below the path, between these two offsets.
    Between(&'p Plan, Range<u64>),
    /// The plan's deletions below the path, from this offset on and as long as
    /// the plan's lines may lie below it.
    From(&'p Plan, u64),
}

impl Blockers<'_> {
    /// The entries that are in the way of `key`, as the plan names them.
    pub(crate) fn of(
        &self,
        key: &Key,
    ) -> io::Result<Box<dyn Iterator<Item = io::Result<Entry>> + Send>> {
        let (plan, start) = match self {
            Self::File(file) => return Ok(Box::new(std::iter::once(Ok(file.clone())))),
            Self::Between(plan, lines) => (plan, lines.start),
            Self::From(plan, start) => (plan, *start),
        };
        let end = match self {
            Self::Between(_, lines) => lines.end,
            _ => u64::MAX,
        };
        let is_open_end = matches!(self, Self::From(..));
        let key = key.clone();
        let above = key.clone();
        let lines = plan.actions_from(start)?;
        let lines = lines.take_while(move |line| match line {
            Ok((at, _)) if *at >= end => false,
            Ok((_, Action::Transfer(transfer))) if is_open_end => {
                may_follow(&above, &transfer.source.key)
            }
            Ok((_, Action::Delete(delete))) if is_open_end => {
                may_follow(&above, &delete.target.key)
            }
            _ => true,
        });
        Ok(Box::new(lines.filter_map(move |line| match line {
            Ok((_, Action::Delete(delete))) if delete.target.key.is_below(&key) => {
                Some(Ok(delete.target))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })))
    }
}

/// Whether lines below `above` may follow that of `key`.
fn may_follow(above: &Key, key: &Key) -> bool {
    key <= above || may_be_directory_of(above.as_str(), key.as_str())
}

/// The deletion of what is in the way of a transfer, done once however often
/// the copy is tried.
pub(crate) struct Clearing<'p> {
    blockers: Blockers<'p>,
    state: State,
    /// Whether anything has been deleted.
    any_deleted: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Failed,
    Done,
}

impl<'p> Clearing<'p> {
    pub(crate) fn new(blockers: Blockers<'p>) -> Self {
        Self {
            blockers,
            state: State::Waiting,
            any_deleted: false,
        }
    }

    /// Whether all that was in the way is deleted.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(crate) fn blockers(&self) -> &Blockers<'p> {
        &self.blockers
    }

    /// Deletes what is in the way of `key`; says whether there was anything.
    pub(crate) async fn clear(&mut self, work: &Workspace<'_>, key: &Key) -> Result<bool> {
        match self.state {
            State::Waiting => self.state = State::Failed,
            State::Failed => {
                let message =
                    format!("cannot write '{key}': what is in its way is not all removed");
                return Err(StoreError::new(ErrorKind::Blocked, message));
            }
            State::Done => return Ok(self.any_deleted),
        }
        let mut batch = Vec::new();
        for entry in self.blockers.of(key).map_err(unread)? {
            batch.push(entry.map_err(unread)?);
            if batch.len() == DELETE_BATCH {
                self.delete(work, std::mem::take(&mut batch)).await?;
            }
        }
        if !batch.is_empty() {
            self.delete(work, batch).await?;
        }
        self.state = State::Done;
        Ok(self.any_deleted)
    }

    async fn delete(&mut self, work: &Workspace<'_>, batch: Vec<Entry>) -> Result<()> {
        if work.direction == Direction::Backup {
            still_absent(work, &batch).await?;
            // The looks take their time.
            if work.is_stopped() {
                return Err(stopped());
            }
        }
        let mut outcome = Ok(());
        for (entry, result) in work.delete_planned(&batch).await {
            match result {
                Ok(()) => {
                    self.any_deleted = true;
                    work.tell(Event::Deleted(entry));
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }
}

/// The error of an entry that is not deleted because the source has it again.
pub(crate) fn is_back(key: &Key) -> StoreError {
    let message = format!("'{key}' is in the source again; it is kept");
    StoreError::new(ErrorKind::Changed, message)
}

/// Asks the source once more, as before every deletion of a backup.
async fn still_absent(work: &Workspace<'_>, batch: &[Entry]) -> Result<()> {
    let mut looks = stream::iter(batch)
        .map(|entry| async move { (entry, work.source.lacks(&entry.key).await) })
        .buffered(work.options.concurrency.max(1));
    while let Some((entry, lacks)) = looks.next().await {
        if !lacks? {
            return Err(is_back(&entry.key));
        }
    }
    Ok(())
}

fn unread(error: io::Error) -> StoreError {
    StoreError::new(ErrorKind::Other, "cannot read the plan").with_source(error)
}
