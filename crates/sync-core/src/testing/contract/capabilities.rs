//! What a store can do, where not every store can.

use chrono::TimeDelta;

/// What a store can do beyond what every store must. A clause that needs more
/// than a store can do checks the weaker promise that is left.
///
/// The default is a store that keeps every promise of [`Store`] and dates what
/// it writes by its own clock.
///
/// [`Store`]: crate::store::Store
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// A size of parts that the store takes; 5 MiB, the least that S3 takes,
    /// unless it is given. Small parts make fast tests.
    pub part_size: u64,
    /// Listings are in byte order. Otherwise they are only complete.
    pub ordered: bool,
    /// Versions are told apart also if they have the same size and are of the
    /// same moment. Otherwise only a different size is certain to be noticed.
    pub revisions: bool,
    /// The store compares and writes in one step, so that of several writers
    /// that expect no entry exactly one succeeds. Otherwise it looks before it
    /// writes, and a writer may replace what was written in between.
    pub conditional_write: bool,
    /// The store compares and deletes in one step. Otherwise it looks before it
    /// deletes, and may delete what was written in between.
    pub conditional_delete: bool,
    /// The unit to which the store keeps the modification time of an entry that
    /// it writes; `None` if it cannot set the time.
    pub time_unit: Option<TimeDelta>,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            part_size: 5 << 20,
            ordered: true,
            revisions: true,
            conditional_write: true,
            conditional_delete: true,
            time_unit: None,
        }
    }
}
