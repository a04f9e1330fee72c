//! The files of a shard, and what state they show.

use chrono::{DateTime, Utc};

use super::directory::RunDirectory;
use super::error::Result;
use super::files::{BeatFile, BeganFile, DoneFile, FailedFile};

/// Begins the names of journals; the number of the attempt follows.
pub(super) const UPLOADS: &str = "uploads.";

/// The shard of that number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard(pub(crate) usize);

/// What its files show.
#[derive(Debug)]
pub(crate) enum ShardState {
    /// Nobody has begun it.
    Waiting,
    /// An attempt has begun and neither ended nor failed; it may have been killed.
    Running(BeganFile, Option<BeatFile>),
    /// The last attempt has failed.
    Failed(FailedFile),
    Done(Box<DoneFile>),
}

impl Shard {
    pub(crate) fn directory(self) -> String {
        format!("shard/{:04}", self.0)
    }

    pub(crate) fn done(self) -> String {
        self.file("done")
    }

    pub(crate) fn uploads(self, attempt: u32) -> String {
        self.file(&format!("{UPLOADS}{attempt}"))
    }

    pub(crate) fn began(self, attempt: u32) -> String {
        self.file(&format!("began.{attempt}"))
    }

    pub(crate) fn beat(self, attempt: u32) -> String {
        self.file(&format!("beat.{attempt}"))
    }

    pub(crate) fn failed(self, attempt: u32) -> String {
        self.file(&format!("failed.{attempt}"))
    }

    fn file(self, name: &str) -> String {
        format!("{}/{name}", self.directory())
    }

    /// When its first attempt began, as far as that can be read.
    pub(crate) fn first_began(self, directory: &RunDirectory) -> Option<DateTime<Utc>> {
        let first = directory.read::<BeganFile>(&self.began(1)).ok().flatten();
        first.map(|first| first.value.by.at)
    }

    /// The number of its last attempt; 0 if nobody has begun it.
    pub(crate) fn last_attempt(self, directory: &RunDirectory) -> u32 {
        let begun = (1..).take_while(|attempt| directory.has(&self.began(*attempt)));
        begun.last().unwrap_or_default()
    }

    /// What is known of it.
    pub(crate) fn state(self, directory: &RunDirectory) -> Result<ShardState> {
        if let Some(done) = directory.read::<DoneFile>(&self.done())? {
            return Ok(ShardState::Done(Box::new(done.value)));
        }
        let mut last = None;
        for attempt in 1.. {
            let name = self.began(attempt);
            if !directory.has(&name) {
                break;
            }
            // One that was killed, or found no room, may have left it empty.
            let began = directory.read::<BeganFile>(&name).ok().flatten();
            last = began.map(|began| (attempt, began.value)).or(last);
        }
        let Some((attempt, began)) = last else {
            return Ok(ShardState::Waiting);
        };
        if let Some(failed) = directory.read::<FailedFile>(&self.failed(attempt))? {
            return Ok(ShardState::Failed(failed.value));
        }
        let beat = directory.read::<BeatFile>(&self.beat(attempt));
        let beat = beat.ok().flatten().map(|beat| beat.value);
        Ok(ShardState::Running(began, beat))
    }
}
