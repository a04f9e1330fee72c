//! How far a run is that plans by ranges, by the files of its directory alone.

use std::path::Path;

use super::directory::{RUN, RunDirectory};
use super::error::{ClusterError, Result};
use super::files::{BeganFile, SPLITTING, age};
use super::planning::RangeRun;
use super::run::ClusterRun;
use super::shard::{Range, ShardState, Task as _};
use super::status::{FailedShard, Splitting, State, Status};
use super::unread::Unread;
use crate::progress::Share;

impl Status {
    /// How far the run in the directory `path` is, whatever phase it is in.
    ///
    /// # Errors
    /// Those of reading its directory.
    pub fn of(path: &Path) -> Result<Self> {
        match ClusterRun::open(path) {
            Ok(run) => run.status(),
            Err(ClusterError::NotSealed { .. } | ClusterError::Refused { .. }) => {
                RangeRun::open(path)?.status()
            }
            Err(error @ ClusterError::NotSplit { .. }) => {
                let directory = RunDirectory::open(path)?;
                // Who divides the keys just now has noted that first.
                match directory.read::<BeganFile>(SPLITTING)? {
                    Some(split) if !directory.has(RUN) => Ok(Self {
                        splitting: Some(Splitting::of(&split.value)),
                        ..Self::new(State::Splitting, 0)
                    }),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl Splitting {
    fn of(split: &BeganFile) -> Self {
        Self {
            host: split.by.host.clone(),
            process: split.by.process,
            since: age(split.by.at),
            is_alive: split.identity.is_alive(),
        }
    }
}

impl RangeRun {
    /// How far the planning is; that of the shards, once the plans are sealed, is told by
    /// [`ClusterRun::status`](super::ClusterRun::status).
    ///
    /// # Errors
    /// Those of reading its directory.
    pub fn status(&self) -> Result<Status> {
        let mut status = Status::new(State::Planning, self.shards());
        status.direction = Some(self.direction());
        let directory = &self.opened.directory;
        let (mut done, mut waiting) = (0, 0);
        for index in 0..self.ranges().len() {
            let range = Range(index);
            let began = range.first_began(directory);
            status.began = status.began.into_iter().chain(began).min();
            let mut attempts = self.attempts_at(range)?;
            if attempts.as_ref().is_some_and(ShardState::is_dead) {
                attempts = self.attempts_at(range)?;
            }
            match attempts {
                None => {
                    done += 1;
                    status.unread.extend(Unread::noted(range, directory));
                }
                Some(ShardState::Running(running)) => {
                    status.add_running(range, *running, (0, 0));
                }
                Some(ShardState::Failed(failed)) => {
                    status.failed.push(FailedShard::of(range, *failed));
                }
                Some(ShardState::Waiting | ShardState::Done(_)) => waiting += 1,
            }
        }
        let all = self.ranges().len() as u64;
        status.ranges = Some(Share { done, all });
        status.waiting = waiting;
        if done == all {
            status.state = State::Planned;
            status.refused = self.opened.refused()?;
            if !status.refused.is_empty() {
                status.state = State::Refused;
            }
        }
        Ok(status)
    }
    /// What is known of the attempts at a range that has no plan; none if it has one.
    fn attempts_at(&self, range: Range) -> Result<Option<ShardState>> {
        let directory = &self.opened.directory;
        if directory.has(&range.done()) {
            return Ok(None);
        }
        range.attempts(directory).map(Some)
    }
}
