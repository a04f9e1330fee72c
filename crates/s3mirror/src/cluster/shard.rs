//! The files of a shard and of a range that is planned, and what state they show.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::directory::RunDirectory;
use super::error::{ClusterError, Result};
use super::failure::FailedFile;
use super::files::{BeganFile, DoneFile, HeartbeatFile, age, plan_name};
use super::life::{Life, Liveness};

/// Begins the names of journals; the number of the attempt follows.
pub(super) const UPLOADS: &str = "uploads.";

/// The shard of that number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard(pub(crate) usize);

/// The planning of the range of that number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range(pub(crate) usize);

/// What the files of a task show.
#[derive(Debug)]
pub(crate) enum ShardState {
    /// Nobody has begun it.
    Waiting,
    /// An attempt has begun and neither ended nor failed; it may have been killed.
    Running(Box<Running>),
    /// The last attempt has failed.
    Failed(Box<FailedFile>),
    Done(Box<DoneFile>),
}

/// An attempt that has begun and neither ended nor failed.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) began: BeganFile,
    pub(crate) heartbeat: Option<HeartbeatFile>,
    /// How long ago its last heartbeat was, by the clocks of both machines.
    pub(crate) quiet: Duration,
    pub(crate) life: Life,
    /// What the last one before it says that has failed.
    pub(crate) failed: Option<FailedFile>,
}

/// What one process of a run does at a time, and any other may do again.
pub(crate) trait Task: Copy + Send + 'static {
    /// Its number.
    fn number(self) -> usize;

    /// The directory of its files.
    fn directory(self) -> String;

    /// The file whose existence shows that it is done.
    fn done(self) -> String;

    fn began(self, attempt: u32) -> String {
        self.file(&format!("began.{attempt}"))
    }

    fn heartbeat(self, attempt: u32) -> String {
        self.file(&format!("beat.{attempt}"))
    }

    fn failed(self, attempt: u32) -> String {
        self.file(&format!("failed.{attempt}"))
    }

    fn file(self, name: &str) -> String {
        format!("{}/{name}", self.directory())
    }

    /// When its first attempt began, as far as that can be read.
    fn first_began(self, directory: &RunDirectory) -> Option<DateTime<Utc>> {
        let first = directory.read::<BeganFile>(&self.began(1)).ok().flatten();
        first.map(|first| first.value.by.at)
    }

    /// The number of its last attempt; 0 if none was started.
    fn last_attempt(self, directory: &RunDirectory) -> u32 {
        let begun = (1..).take_while(|attempt| directory.has(&self.began(*attempt)));
        begun.last().unwrap_or_default()
    }

    /// What is known of its attempts.
    fn attempts(self, directory: &RunDirectory) -> Result<ShardState> {
        let mut last = None;
        for attempt in 1..=self.last_attempt(directory) {
            // One that cannot be read was left by a machine that went down.
            let began = directory.read::<BeganFile>(&self.began(attempt));
            let began = began.ok().flatten();
            last = began.map(|began| (attempt, began.value)).or(last);
        }
        let Some((attempt, began)) = last else {
            return Ok(ShardState::Waiting);
        };
        if let Some(failed) = directory.read::<FailedFile>(&self.failed(attempt))? {
            return Ok(ShardState::Failed(Box::new(failed.value)));
        }
        let heartbeat = directory.read::<HeartbeatFile>(&self.heartbeat(attempt));
        let heartbeat = heartbeat.ok().flatten().map(|found| found.value);
        let quiet = age(heartbeat.map_or(began.by.at, |last| last.at));
        let life = Life::of(began.identity.is_alive(), quiet);
        Ok(ShardState::Running(Box::new(Running {
            began,
            heartbeat,
            quiet,
            life,
            failed: self.last_failure(attempt, directory),
        })))
    }

    /// Whether its attempt is at work, as far as that is known without a wait.
    fn liveness(self, attempt: u32, directory: &RunDirectory) -> Liveness {
        if directory.has(&self.failed(attempt)) {
            return Liveness::Ended;
        }
        let began = match directory.read::<BeganFile>(&self.began(attempt)) {
            Ok(began) => began,
            // It gets its name when it is complete, so nobody is at work who has not written it.
            Err(ClusterError::Foreign { .. }) => return Liveness::Ended,
            Err(_) => None,
        };
        match began.and_then(|began| began.value.identity.is_alive()) {
            Some(true) => Liveness::Alive,
            Some(false) => Liveness::Ended,
            None => Liveness::Unknown,
        }
    }

    /// The machines on which nothing else has failed than that entries were not found.
    fn absent_on(self, directory: &RunDirectory) -> Vec<String> {
        let mut hosts = Vec::new();
        for attempt in 1..=self.last_attempt(directory) {
            let failed = directory.read::<FailedFile>(&self.failed(attempt));
            let failed = failed.ok().flatten().map(|failed| failed.value);
            if let Some(failed) = failed.filter(FailedFile::is_absent)
                && !hosts.contains(&failed.by.host)
            {
                hosts.push(failed.by.host);
            }
        }
        hosts
    }

    /// What the last attempt before `attempt` says that has failed.
    fn last_failure(self, attempt: u32, directory: &RunDirectory) -> Option<FailedFile> {
        let earlier = (1..attempt).rev();
        let failed = |earlier| directory.read::<FailedFile>(&self.failed(earlier));
        let mut read = earlier.filter_map(|earlier| failed(earlier).ok().flatten());
        read.next().map(|failed| failed.value)
    }
}

impl ShardState {
    /// Whether its process is gone. That may have ended between two looks at its files, which
    /// only another look shows.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Self::Running(running) if running.life == Life::Dead)
    }
}

/// The numbers of so many tasks, from `first` on and then from 0.
pub(super) fn in_turn(tasks: usize, first: usize) -> VecDeque<usize> {
    let mut numbers: VecDeque<_> = (0..tasks).collect();
    numbers.rotate_left(first.min(tasks));
    numbers
}

impl Task for Shard {
    fn number(self) -> usize {
        self.0
    }

    fn directory(self) -> String {
        format!("shard/{:04}", self.0)
    }

    fn done(self) -> String {
        self.file("done")
    }
}

impl Task for Range {
    fn number(self) -> usize {
        self.0
    }

    fn directory(self) -> String {
        format!("range/{:04}", self.0)
    }

    fn done(self) -> String {
        plan_name(self.0)
    }
}

impl Range {
    /// What could not be read when it was planned.
    pub(super) fn unread(self) -> String {
        self.file("unread")
    }
}

impl Shard {
    pub(crate) fn uploads(self, attempt: u32) -> String {
        self.file(&format!("{UPLOADS}{attempt}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::files::Signature;
    use crate::cluster::life::RECENT;
    use crate::state::registry::Process;

    /// What is known of an attempt of that process which began so long ago.
    fn life(identity: Process, ago: Duration) -> Life {
        let top = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&top.path().join("run")).unwrap();
        let shard = Shard(0);
        directory.make("shard").unwrap();
        directory.make(&shard.directory()).unwrap();
        let mut by = Signature::of("run", 0, 1);
        by.at -= ago;
        let job = None;
        let began = BeganFile { by, identity, job };
        directory.claim(&shard.began(1), &began).unwrap();
        match shard.attempts(&directory).unwrap() {
            ShardState::Running(running) => running.life,
            state => panic!("{state:?}"),
        }
    }

    #[test]
    fn a_process_that_is_gone_is_dead_and_one_elsewhere_only_silent() {
        let (now, long) = (Duration::ZERO, 2 * RECENT);
        for ago in [now, long] {
            assert_eq!(life(Process::this(), ago), Life::AtWork);
            assert_eq!(life(Process::gone(), ago), Life::Dead);
        }
        assert_eq!(life(Process::elsewhere(), now), Life::Recent);
        assert_eq!(life(Process::elsewhere(), long), Life::Silent);
    }
}
