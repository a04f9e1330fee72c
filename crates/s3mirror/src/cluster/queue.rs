//! Which shard a process takes next that was given none.
//!
//! Several such processes, on one machine or many, begin at different places, and take
//! what nobody has begun first; then what has failed, or whose attempt is dead. For what
//! others work on they wait, since it may come to that.

use std::collections::VecDeque;
use std::time::Instant;

use super::apply::Attempt;
use super::attempts::{HeartbeatMonitor, Liveness, liveness};
use super::error::Result;
use super::failure::FailedFile;
use super::run::ClusterRun;
use super::shard::{Shard, Task as _, in_turn};

/// The shards of a run that are not done, each of which this process tries once.
pub struct Queue<'r> {
    run: &'r ClusterRun,
    /// Those that were not looked at.
    new: VecDeque<usize>,
    /// Those that others have begun.
    begun: Vec<usize>,
    /// How many of those would fail again.
    outdated: usize,
    /// How many would fail again here, because this machine lacks what was not found elsewhere.
    absent: usize,
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
            outdated: 0,
            absent: 0,
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
        let begun = std::mem::take(&mut self.begun).into_iter().map(Shard);
        let begun = self.not_done(begun).into_iter();
        let mut begun: Vec<_> = begun.map(|shard| shard.0).collect();
        let mut free: Option<(Rank, usize, u32)> = None;
        begun.retain(|index| {
            let shard = Shard(*index);
            let last = shard.last_attempt(&self.run.directory);
            let rank = self.rank(shard, last);
            if let Rank::Failed | Rank::Dead = rank
                && free.is_none_or(|(best, ..)| rank < best)
            {
                free = Some((rank, *index, last));
            }
            self.outdated += usize::from(rank == Rank::Outdated);
            self.absent += usize::from(rank == Rank::Absent);
            rank != Rank::Outdated && rank != Rank::Absent
        });
        self.begun = begun;
        let Some((_, index, last)) = free else {
            return match (self.begun.len(), self.absent, self.outdated) {
                (0, 0, 0) => self.none(),
                (0, 0, outdated) => Ok(NextShard::Outdated(outdated)),
                (0, absent, outdated) => Ok(NextShard::Absent(absent + outdated)),
                (others, ..) => Ok(NextShard::Wait(others)),
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
        let is_dead = liveness(shard, last, directory) == Liveness::Ended;
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
