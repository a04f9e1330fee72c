//! What an action costs, so that a plan can be divided into parts that take about
//! as long as each other.

use std::time::Duration;

use sync_core::{Direction, execute::ExecuteOptions, plan::Action};

/// What a request takes besides its content.
const REQUEST: Duration = Duration::from_millis(20);

/// Bytes that one stream moves in a second.
const BANDWIDTH: u64 = 100_000_000;

/// The estimated time of `action` in microseconds, if nothing else were done. Only
/// transfers count: deletions are batches, and come after all of them.
pub(crate) fn cost(direction: Direction, action: &Action) -> u64 {
    let Action::Transfer(transfer) = action else {
        return 0;
    };
    cost_of_size(direction, transfer.source.size)
}

/// The estimated time of a transfer of `size` bytes in microseconds.
pub(crate) fn cost_of_size(direction: Direction, size: u64) -> u64 {
    let part = ExecuteOptions::default().copied_part_size(direction, size);
    let requests = match size.div_ceil(part.max(1)) {
        0 | 1 => 1,
        // What begins and ends an upload.
        parts if direction == Direction::Backup => parts.saturating_add(2),
        parts => parts,
    };
    let overhead = u64::try_from(REQUEST.as_micros()).unwrap_or(u64::MAX);
    let content = u128::from(size) * 1_000_000 / u128::from(BANDWIDTH);
    requests
        .saturating_mul(overhead)
        .saturating_add(u64::try_from(content).unwrap_or(u64::MAX))
}
