//! Which range a process plans next that was given none.
//!
//! Several such processes begin at different places, and plan what nobody has begun first, so
//! that they rarely plan one range at the same time.

use std::collections::VecDeque;

use super::planning::RangeRun;
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
        self.queue_from(fastrand::usize(..=self.ranges.len()))
    }

    fn queue_from(&self, first: usize) -> RangeQueue<'_> {
        RangeQueue {
            run: self,
            new: in_turn(self.ranges.len(), first),
            begun: VecDeque::new(),
        }
    }
}

impl Iterator for RangeQueue<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let directory = &self.run.opened.directory;
        while let Some(range) = self.new.pop_front() {
            if directory.has(&Range(range).done()) {
                continue;
            }
            if !directory.has(&Range(range).began(1)) {
                return Some(range);
            }
            self.begun.push_back(range);
        }
        let is_missing = |range: &usize| !directory.has(&Range(*range).done());
        std::iter::from_fn(|| self.begun.pop_front()).find(is_missing)
    }
}
