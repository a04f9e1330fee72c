//! Which shard a process takes next that was given none.
//!
//! Several such processes, on one machine or many, begin at different places, and take
//! what nobody has begun first; then what has failed, or whose attempt is dead. For what
//! others work on they wait, since it may come to that.

use std::collections::VecDeque;
use std::time::Instant;

use super::apply::Attempt;
use super::attempts::HeartbeatMonitor;
use super::error::Result;
use super::failure::FailedFile;
use super::life::Liveness;
use super::run::ClusterRun;
use super::shard::{Shard, Task as _, in_turn};

/// The shards of a run that are not done, each of which this process tries once.
pub struct Queue<'r> {
    run: &'r ClusterRun,
    /// Those that were not looked at.
    new: VecDeque<usize>,
    /// Those that others have begun.
    begun: Vec<usize>,
    /// Those that would fail again here when they were looked at.
    hopeless: Vec<(usize, Rank)>,
    /// Those of which it is not known whether they are done: the others come first.
    unknown: Vec<Shard>,
    monitor: HeartbeatMonitor,
}

/// In what order a shard that others have begun is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Its last attempt has failed.
    Failed,
    /// Its last attempt is dead.
    Dead,
    /// Its last attempt may be at work.
    AtWork,
    /// It would fail again.
    Outdated,
    /// It would fail again here.
    Absent,
}

/// What to do next.
pub enum NextShard<'r> {
    /// This attempt was begun.
    Attempt(Attempt<'r>),
    /// Others work on so many shards: look again in a second.
    Wait(usize),
    /// Nothing: all shards are done, or this process has tried them.
    None,
    /// Nothing, but so many shards have failed elsewhere because entries are no longer what
    /// was planned: they would fail again.
    Outdated(usize),
    /// Nothing, but so many shards have failed elsewhere, and would fail again here: some
    /// because entries were not found, which this machine lacks too.
    Absent(usize),
    /// Nothing: the run was ended without so many shards.
    RunEnded(usize),
}

impl ClusterRun {
    /// All shards that are not done, from a place on that is another one in each process.
    #[must_use]
    pub fn queue(&self) -> Queue<'_> {
        Queue {
            run: self,
            new: in_turn(self.shards(), fastrand::usize(..=self.shards())),
            begun: Vec::new(),
            hopeless: Vec::new(),
            unknown: Vec::new(),
            monitor: HeartbeatMonitor::default(),
        }
    }
}

impl<'r> Queue<'r> {
    /// Begins an attempt at the next shard, if there is one.
    ///
    /// # Errors
    /// [`ClusterError`](super::ClusterError)
    pub fn next_shard(&mut self) -> Result<NextShard<'r>> {
        if self.run.is_closed()? {
            // Those that were waited for are among all.
            self.begun.clear();
            let all = (0..self.run.shards()).map(Shard);
            return match self.not_done(all).len() {
                0 => self.none(),
                missing => Ok(NextShard::RunEnded(missing)),
            };
        }
        while let Some(index) = self.new.pop_front() {
            let shard = Shard(index);
            if self.not_done([shard]).is_empty() {
                continue;
            }
            if let Some(attempt) = self.run.begin_attempt(shard, 1, None)? {
                return Ok(NextShard::Attempt(attempt));
            }
            self.begun.push(index);
        }
        self.take_again()
    }

    /// Of the shards that others have begun, the first that has failed, or else one whose
    /// attempt is dead.
    fn take_again(&mut self) -> Result<NextShard<'r>> {
        let begun = std::mem::take(&mut self.begun);
        let mut free = self.first_free(begun);
        if free.is_none() && self.begun.is_empty() {
            // Others may have done them meanwhile, or this machine may have got what it lacked.
            let hopeless = std::mem::take(&mut self.hopeless).into_iter();
            free = self.first_free(hopeless.map(|(index, _)| index).collect());
        }
        let Some((_, index, last)) = free else {
            let is_absent = |(_, rank): &(usize, Rank)| *rank == Rank::Absent;
            return match (self.begun.len(), self.hopeless.len()) {
                (0, 0) => self.none(),
                (0, all) if self.hopeless.iter().any(is_absent) => Ok(NextShard::Absent(all)),
                (0, all) => Ok(NextShard::Outdated(all)),
                (others, _) => Ok(NextShard::Wait(others)),
            };
        };
        match self.run.begin_attempt(Shard(index), last + 1, None)? {
            Some(mut attempt) => {
                self.begun.retain(|begun| *begun != index);
                // It need not look at a dead one for another minute.
                attempt.monitor = self.monitor.clone();
                Ok(NextShard::Attempt(attempt))
            }
            // Somebody else has just begun it.
            None => Ok(NextShard::Wait(self.begun.len())),
        }
    }

    /// Of `shards`, the one to try first, with its last attempt; the others are kept to be looked
    /// at again.
    fn first_free(&mut self, shards: Vec<usize>) -> Option<(Rank, usize, u32)> {
        let mut free: Option<(Rank, usize, u32)> = None;
        for shard in self.not_done(shards.into_iter().map(Shard)) {
            let last = shard.last_attempt(&self.run.directory);
            let rank = self.rank(shard, last);
            match rank {
                Rank::Outdated | Rank::Absent => self.hopeless.push((shard.0, rank)),
                Rank::Failed | Rank::Dead | Rank::AtWork => self.begun.push(shard.0),
            }
            if let Rank::Failed | Rank::Dead = rank
                && free.is_none_or(|(best, ..)| rank < best)
            {
                free = Some((rank, shard.0, last));
            }
        }
        free
    }

    /// What is known of a shard by its last attempt.
    fn rank(&mut self, shard: Shard, last: u32) -> Rank {
        let directory = &self.run.directory;
        let failed = shard.failed(last);
        if directory.has(&failed) {
            let failed = directory.read::<FailedFile>(&failed).ok().flatten();
            return match failed.map(|failed| failed.value) {
                Some(failed) if failed.is_outdated() => Rank::Outdated,
                Some(failed) if self.run.is_absent_here(&failed) => Rank::Absent,
                _ => Rank::Failed,
            };
        }
        let mut looks = || self.monitor.look(shard, last, directory, Instant::now());
        // A process that is there may have been stopped.
        let is_dead = shard.liveness(last, directory) == Liveness::Ended;
        if is_dead || looks() == Liveness::Ended {
            Rank::Dead
        } else {
            Rank::AtWork
        }
    }

    /// Those of `shards` that nobody has done, as far as that is known.
    fn not_done(&mut self, shards: impl IntoIterator<Item = Shard>) -> Vec<Shard> {
        let mut left = Vec::new();
        for shard in shards {
            match self.run.done_file(shard) {
                Ok(Some(_)) => {}
                Ok(None) => left.push(shard),
                Err(_) => self.unknown.push(shard),
            }
        }
        left
    }

    /// There is nothing to do; an error if that is still not known of a shard.
    fn none(&mut self) -> Result<NextShard<'r>> {
        let mut wrong = None;
        for shard in std::mem::take(&mut self.unknown) {
            match self.run.done_file(shard) {
                Ok(Some(_)) => {}
                Ok(None) => self.begun.push(shard.0),
                Err(error) => {
                    self.unknown.push(shard);
                    wrong = Some(error);
                }
            }
        }
        match (wrong, self.begun.len()) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(NextShard::None),
            (None, others) => Ok(NextShard::Wait(others)),
        }
    }
}
