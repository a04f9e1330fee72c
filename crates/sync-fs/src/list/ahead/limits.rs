//! How much is looked at ahead of the walk, and by how many threads.

use crate::sys::handles;

/// Looks that are taken at once.
pub(super) const THREADS: usize = 32;

/// How far ahead of the walk the names of one directory are looked at.
pub(super) const WINDOW: usize = 256;

/// Directories that are open ahead of the walk.
pub(super) const MOST_OPENED: usize = 128;

/// Of so many files that may be open, one directory may be open ahead.
const SHARE: u64 = 8;

/// Names that the walk takes before threads without work look for some again: one
/// at a time would cost a wake-up each.
pub(super) const STRIDE: usize = 16;

/// As many as [`MOST_OPENED`]; fewer where the limit of open files is low.
pub(super) fn most_opened() -> usize {
    handles::one_for_each(SHARE).min(MOST_OPENED)
}
