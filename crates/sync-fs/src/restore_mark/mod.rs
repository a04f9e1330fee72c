//! The mark of an unfinished restore: a hidden file in the directory that is
//! being restored.
//!
//! A directory that was restored in part looks like one from which files were
//! removed. The mark distinguishes the two, also for another user, and for
//! another machine that shares the file system. Like a temporary it is
//! never listed and never accepted as the last segment of a key. Its writer
//! defines the content; this module only stores it.

mod error;
pub(crate) mod name;
mod read;
mod write;

pub use name::RESTORE_MARK;
pub use read::{RestoreMark, restore_mark};
