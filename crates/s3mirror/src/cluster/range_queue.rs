//! Which range a process plans next that was given none.
//!
//! Several such processes begin at different places, and plan what nobody has begun first, so
//! that they rarely plan one range at the same time.

use std::collections::VecDeque;

use super::error::Result;
use super::planning::{RangeAttempt, RangeRun};
use super::shard::{Range, Task as _, in_turn};

/// The ranges of a run that have no plan, each of which this process tries once.
pub struct RangeQueue<'r> {
    run: &'r RangeRun,
    /// Those that were not looked at.
    new: VecDeque<usize>,
    /// Those that others have begun.
    begun: VecDeque<usize>,
}

impl RangeRun {
    /// All ranges that have no plan, from a random place on.
    #[must_use]
    pub fn queue(&self) -> RangeQueue<'_> {
        let ranges = self.ranges.len();
        RangeQueue {
            run: self,
            new: in_turn(ranges, fastrand::usize(..=ranges)),
            begun: VecDeque::new(),
        }
    }
}

impl<'r> RangeQueue<'r> {
    /// Begins an attempt at the next range; none if all have a plan, or this process has tried
    /// them.
    ///
    /// # Errors
    /// [`ClusterError`](super::ClusterError)
    pub fn next_attempt(&mut self) -> Result<Option<RangeAttempt<'r>>> {
        if self.run.is_sealed()? {
            return Ok(None);
        }
        let directory = &self.run.opened.directory;
        let is_missing = |range: &usize| !directory.has(&Range(*range).done());
        while let Some(range) = self.new.pop_front() {
            if !is_missing(&range) {
                continue;
            }
            // Another process may begin it at this very moment.
            if let Some(attempt) = self.run.begin_attempt(Range(range), 1, None)? {
                return Ok(Some(attempt));
            }
            self.begun.push_back(range);
        }
        while let Some(range) = self.begun.pop_front() {
            if let Some(attempt) = self.run.begin(range, None)? {
                return Ok(Some(attempt));
            }
        }
        Ok(None)
    }
}
