//! What could not be read of each range, which is noted beside its plan for those who look at
//! the run later.

use sync_core::plan::{Counts, Plan};

use super::directory::RunDirectory;
use super::shard::{Range, Task as _};
use super::unread::{Unread, number};

impl Unread {
    /// That of a range whose plan has these `counts`, as it was noted when it was planned;
    /// none if all was read.
    pub(super) fn of_range(
        range: Range,
        counts: &Counts,
        directory: &RunDirectory,
    ) -> Option<Self> {
        let names = number(counts);
        if names == 0 {
            return None;
        }
        Some(Self::noted(range, directory).unwrap_or(Self {
            range: Some(range.number()),
            host: None,
            names,
            first: Vec::new(),
        }))
    }

    /// What was noted of a range when it was planned.
    pub(super) fn noted(range: Range, directory: &RunDirectory) -> Option<Self> {
        let noted = directory.read::<Self>(&range.unread()).ok().flatten();
        noted.map(|noted| noted.value)
    }

    /// Notes it for others, in place of what was noted for an earlier plan of the range, and
    /// returns it. Nothing is decided by it, and the plan has it too.
    pub(super) fn note(range: Range, plan: &Plan, directory: &RunDirectory) -> Option<Self> {
        let unread = Self::of(plan, Some(range.number())).ok().flatten();
        let _ = match &unread {
            Some(unread) => directory.replace(&range.unread(), unread),
            None => directory.remove(&range.unread()),
        };
        unread
    }
}
