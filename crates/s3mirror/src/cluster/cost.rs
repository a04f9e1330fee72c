//! How transfers are divided by cost, to be tried without a plan: `cargo xtask makespan`.

use sync_core::Direction;

use crate::plan_file::{cost_of_size, parts_of};

/// The estimated time of the transfer of an entry of `size` bytes, in microseconds, by which
/// plans are divided.
#[must_use]
pub fn transfer_cost(direction: Direction, size: u64) -> u64 {
    cost_of_size(direction, size)
}

/// What each of `parts` shards costs, if the plans of key ranges, with transfers of these costs in
/// the order of their keys, are divided as `cluster seal` divides them.
#[must_use]
pub fn shard_costs(ranges: &[Vec<u64>], parts: usize) -> Vec<u64> {
    parts_of(ranges, parts)
}
