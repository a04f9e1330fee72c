//! Which shard a process takes next that was given none.
//!
//! Several such processes, on one machine or many, begin at different places, and take
//! what nobody has begun first; then what has failed, or whose attempt is dead. For what
//! others work on they wait, since it may come to that.

use std::collections::VecDeque;

use super::apply::Attempt;
use super::attempts::{Life, Vigil};
use super::error::Result;
use super::run::ClusterRun;
use super::shard::{Shard, Task as _};

/// The shards of a run that are not done, each of which this process tries once.
pub struct Queue<'r> {
    run: &'r ClusterRun,
    /// Those that were not looked at.
    new: VecDeque<usize>,
    /// Those that others have begun.
    begun: Vec<usize>,
    vigil: Vigil,
}

/// What to do next.
pub enum Turn<'r> {
    /// This attempt was begun.
    Take(Attempt<'r>),
    /// Others work on so many shards: look again in a second.
    Wait(usize),
    /// Nothing: all shards are done, or this process has tried them.
    Over,
}

impl ClusterRun {
    /// All shards that are not done, from a place on that is another one in each process.
    #[must_use]
    pub fn queue(&self) -> Queue<'_> {
        let mut new: VecDeque<_> = (0..self.shards()).collect();
        new.rotate_left(fastrand::usize(..=self.shards()).min(new.len()));
        Queue {
            run: self,
            new,
            begun: Vec::new(),
            vigil: Vigil::default(),
        }
    }
}

impl<'r> Queue<'r> {
    /// Begins an attempt at the next shard, if there is one.
    ///
    /// # Errors
    /// [`ClusterError`](super::ClusterError)
    pub fn turn(&mut self) -> Result<Turn<'r>> {
        if self.run.finished_file()?.is_some() {
            return Ok(Turn::Over);
        }
        while let Some(index) = self.new.pop_front() {
            let shard = Shard(index);
            if self.is_done(shard) {
                continue;
            }
            if let Some(attempt) = self.run.begin_attempt(shard, 1, None)? {
                return Ok(Turn::Take(attempt));
            }
            self.begun.push(index);
        }
        self.take_again()
    }

    /// Of the shards that others have begun, the first that has failed, or else one whose
    /// attempt is dead.
    fn take_again(&mut self) -> Result<Turn<'r>> {
        let mut begun = std::mem::take(&mut self.begun);
        begun.retain(|index| !self.is_done(Shard(*index)));
        let free = begun.iter().enumerate().filter_map(|(at, index)| {
            let shard = Shard(*index);
            let last = shard.last_attempt(&self.run.directory);
            let rank = self.rank(shard, last)?;
            Some((rank, at, last))
        });
        let free = free.min();
        self.begun = begun;
        let Some((_, at, last)) = free else {
            return Ok(match self.begun.len() {
                0 => Turn::Over,
                others => Turn::Wait(others),
            });
        };
        let shard = Shard(self.begun[at]);
        match self.run.begin_attempt(shard, last + 1, None)? {
            Some(mut attempt) => {
                self.begun.swap_remove(at);
                // It need not look at a dead one for another minute.
                attempt.vigil = self.vigil.clone();
                Ok(Turn::Take(attempt))
            }
            // Somebody else has just begun it.
            None => Ok(Turn::Wait(self.begun.len())),
        }
    }

    /// In what order a shard is tried again; none if its last attempt may be at work.
    fn rank(&mut self, shard: Shard, last: u32) -> Option<u8> {
        let directory = &self.run.directory;
        if directory.has(&shard.failed(last)) {
            return Some(0);
        }
        let is_dead = shard.life(last, directory) == Life::Ended
            || self.vigil.is_over(shard, last, directory);
        is_dead.then_some(1)
    }

    fn is_done(&self, shard: Shard) -> bool {
        self.run.directory.has(&shard.done())
    }
}
