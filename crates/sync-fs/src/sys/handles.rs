//! How many files this process may have open.

use rustix::process::{Resource, getrlimit};

/// Of how many things there may be one for each `each` files that may be open.
pub(crate) fn one_for_each(each: u64) -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit / each).unwrap_or(usize::MAX)
    })
}
