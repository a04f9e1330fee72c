//! The deletions at the end of a run: who makes them, and how far those came who have tried.
//!
//! They can be made twice, also at the same time, as each other phase. Whoever makes them notes
//! that before the first one, so that nobody says that nothing was deleted after it was
//! killed, and looks meanwhile whether somebody ends the run without them.

use std::sync::Arc;

use sync_core::{plan::Tally, text::entries};

use super::directory::RunDirectory;
use super::error::{ClusterError, Result};
use super::failure::FailedFile;
use super::files::{BeganFile, FINISHED, Signature};
use super::run::ClusterRun;
use super::shard::{ShardState, Task};
use super::watch::Watcher;
use crate::progress::Progress;

/// The deletions of a run, as what one process does at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct End;

impl Task for End {
    fn number(self) -> usize {
        0
    }

    fn directory(self) -> String {
        "end".to_owned()
    }

    fn done(self) -> String {
        FINISHED.to_owned()
    }
}

/// An attempt to make the deletions; it writes heartbeats until it is dropped.
pub(super) struct DeletionAttempt {
    number: u32,
    watcher: Watcher,
}

impl ClusterRun {
    /// Notes that this process begins to delete.
    pub(super) fn begin_deletions(&self, progress: Arc<Progress>) -> Result<DeletionAttempt> {
        let directory = &self.directory;
        directory.make_again(&End.directory())?;
        let mut number = 1;
        loop {
            let began = BeganFile::of(Signature::of(&self.run.id, 0, number), None);
            if directory.claim(&End.began(number), &began)? {
                break;
            }
            number += 1;
        }
        let watcher = Watcher::begin(directory.clone(), End, number, progress);
        Ok(DeletionAttempt { number, watcher })
    }

    /// What is known of the deletions at the end.
    pub(super) fn deletions(&self) -> Result<Deletions> {
        Deletions::of(&self.directory)
    }
}

impl DeletionAttempt {
    /// Ready when the run has come to its end, or somebody ends it without its deletions.
    pub(super) fn superseded(&self) -> impl Future<Output = ()> + Send + 'static {
        self.watcher.superseded()
    }

    /// What the attempt signs with.
    pub(super) fn signature(&self, run: &ClusterRun) -> Signature {
        Signature::of(&run.run.id, 0, self.number)
    }

    /// Notes that it has not made all of them.
    pub(super) fn fail(self, run: &ClusterRun, failed: &FailedFile) -> Result<()> {
        let name = End.failed(self.number);
        run.directory.publish(&name, failed).map(drop)
    }
}

/// What is known of the deletions at the end of a run that has not come to its end, or has
/// without them.
pub(super) struct Deletions {
    /// How many were made at least, with those of what was gone already.
    pub(super) made: Tally,
    /// Whether a process has not said how many it has made.
    is_more: bool,
    /// What the last process that made them says.
    pub(super) last: ShardState,
}

impl Deletions {
    fn of(directory: &RunDirectory) -> Result<Self> {
        let (mut made, mut is_more) = (Tally::default(), false);
        for attempt in 1..=End.last_attempt(directory) {
            match directory.read::<FailedFile>(&End.failed(attempt)) {
                Ok(Some(failed)) => made = most(made, failed.value.report.deleted),
                // What is not there or cannot be read tells nothing.
                _ => is_more = true,
            }
        }
        let last = match End.attempts(directory) {
            // How it ended is not known, and nothing of the run depends on it.
            Err(ClusterError::Foreign { .. } | ClusterError::Read { .. }) => ShardState::Waiting,
            last => last?,
        };
        Ok(Self {
            made,
            is_more,
            last,
        })
    }

    /// How far they are, for people; none if nobody has begun them.
    pub(super) fn told(&self) -> Option<String> {
        let made = match (self.made.entries, self.is_more) {
            (0, false) => "deleted nothing".to_owned(),
            (0, true) => "may have deleted some".to_owned(),
            (number, false) => format!("deleted {}", entries(number)),
            (number, true) => format!("deleted at least {}", entries(number)),
        };
        match &self.last {
            ShardState::Waiting if self.is_more => Some(format!(
                "`finish` had begun to delete and {made}; what its last process says of that cannot \
                 be read"
            )),
            ShardState::Waiting | ShardState::Done(_) => None,
            ShardState::Running(running) => {
                let began = running.began.by.beginning();
                Some(format!(
                    "`finish` had begun to delete and {made}; its last process began {began}, and \
                     has not ended"
                ))
            }
            ShardState::Failed(failed) => {
                let (place, why) = (failed.by.place(), failed.told());
                Some(format!(
                    "`finish` had begun to delete and {made}; its last process, on {place}, has not \
                     deleted all: {why}"
                ))
            }
        }
    }
}

/// The larger one: what was gone already counts as deleted, so they must not be added up.
pub(super) fn most(one: Tally, other: Tally) -> Tally {
    if other.entries > one.entries {
        other
    } else {
        one
    }
}
