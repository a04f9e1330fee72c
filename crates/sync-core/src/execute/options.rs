//! How a plan is executed.

use std::sync::Arc;

use super::events::Outcomes;
use super::parts::{GRAIN, MIN_PART_SIZE, part_size};
use crate::rule::Direction;

/// How a plan is executed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecuteOptions {
    /// Most transfers under way, counted in parts; fewer where a store can
    /// make no use of so many.
    pub concurrency: usize,
    /// Most bytes of content held in memory while more of them would not speed up
    /// anything. One part may exceed it, alone.
    pub memory: u64,
    /// Most bytes of content held in memory in any case: as many as keep a
    /// connection busy whose answers are late
    /// ([`Store::bandwidth_delay`](crate::Store::bandwidth_delay)).
    pub most_memory: u64,
    /// Size of a part, in bytes; it grows where 10,000 parts do not suffice.
    pub part_size: u64,
    /// The largest entry that a restore copies by one read, in bytes, unless parts
    /// are smaller: it is held in memory until all of it is verified.
    pub whole_size: u64,
    /// What becomes of a source that has changed since it was planned.
    pub on_source_change: OnSourceChange,
    /// Whether the plan was executed before.
    pub earlier_attempt: EarlierAttempt,
    /// Which of the planned deletions are made.
    pub deletions: DeletionScope,
    /// Where the execution counts what it has done; from zero.
    pub outcomes: Arc<Outcomes>,
}

/// What becomes of a source that has changed since it was planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnSourceChange {
    /// What it has become is copied: a plan that was made just now is there to
    /// make both sides equal.
    #[default]
    CopyLatest,
    /// It is named and not copied, and what the source has again is not
    /// deleted: somebody has looked at the plan and meant these versions.
    Refuse,
}

/// Whether a saved plan was executed before. What the target has as the plan wants it counts
/// as done in any case; this decides how that is found out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EarlierAttempt {
    /// That is not known. A look is taken where a write is refused, and then at the next
    /// transfers before they are tried; so the first ones may be sent in vain.
    #[default]
    Unknown,
    /// It was, at least in part: a look is taken before each transfer.
    Began,
}

/// Which of the planned deletions an execution makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeletionScope {
    /// All of them, at the end.
    #[default]
    All,
    /// Only of what is in the way of a transfer: others execute other parts of the
    /// same plan, and the end is that of the last of them.
    Blockers,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self {
            concurrency: 32,
            memory: 64 << 20,
            most_memory: 64 << 20,
            part_size: MIN_PART_SIZE,
            whole_size: MIN_PART_SIZE,
            on_source_change: OnSourceChange::default(),
            earlier_attempt: EarlierAttempt::default(),
            deletions: DeletionScope::default(),
            outcomes: Arc::default(),
        }
    }
}

impl ExecuteOptions {
    /// The part size with which an entry of `size` bytes is copied; not less than
    /// `size` if it is copied as a whole.
    ///
    /// Only a bucket that is written to limits the number of parts. The parts of a
    /// restore do not grow, so that no size that a listing reports can make a part
    /// exceed the memory; and an entry that is not to be held in memory has two parts
    /// at least, since a range that covers all of it is held until it is verified.
    #[must_use]
    pub fn copied_part_size(&self, direction: Direction, size: u64) -> u64 {
        match direction {
            Direction::Backup => part_size(size, self.part_size),
            Direction::Restore if size <= self.whole_size => self.part_size,
            Direction::Restore => self.part_size.min(half(size)),
        }
    }
}

/// The larger half of `size` bytes, aligned if that leaves a rest.
fn half(size: u64) -> u64 {
    let half = size.div_ceil(2);
    let aligned = half.div_ceil(GRAIN) * GRAIN;
    if aligned < size { aligned } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIB: u64 = 1 << 40;

    fn copied(direction: Direction, size: u64, part_size: u64, whole_size: u64) -> u64 {
        let options = ExecuteOptions {
            part_size,
            whole_size,
            ..ExecuteOptions::default()
        };
        options.copied_part_size(direction, size)
    }

    #[test]
    fn parts_of_a_restore_do_not_grow() {
        let size = 48 * TIB;
        let backup = copied(Direction::Backup, size, MIN_PART_SIZE, 0);
        assert!(backup > MIN_PART_SIZE);
        let restore = copied(Direction::Restore, size, MIN_PART_SIZE, 0);
        assert_eq!(restore, MIN_PART_SIZE);
    }

    #[test]
    fn a_restore_holds_no_more_than_a_small_entry_as_a_whole() {
        const WHOLE: u64 = 4 << 20;
        const PART: u64 = 16 << 20;
        for size in [0, 1, WHOLE] {
            assert!(copied(Direction::Restore, size, PART, WHOLE) >= size);
        }
        for size in [WHOLE + 1, WHOLE + GRAIN, PART - 1, PART, PART + 1, u64::MAX] {
            let part = copied(Direction::Restore, size, PART, WHOLE);
            assert!(part < size && part <= PART, "{size}");
        }
        // However small they are chosen.
        for size in 2..40 {
            assert!(copied(Direction::Restore, size, 64, 1) < size, "{size}");
        }
        assert_eq!(
            copied(Direction::Restore, 9, 8, 100),
            8,
            "parts that were asked for"
        );
        assert_eq!(copied(Direction::Backup, PART, PART, WHOLE), PART);
    }
}
