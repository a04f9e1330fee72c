//! A directory tree as a [`Store`](sync_core::Store): ordered listing,
//! confined reads and writes, removal of empty directories.
//!
//! Invariants, each kept in one module:
//!
//! - No path is resolved outside `beneath`, and none through a link: nothing
//!   outside the root is opened, made, replaced or removed.
//! - A listing that could not see everything says so; it never just ends.
//! - A file at its final name is wholly old or wholly new (`write`, `place`).
//! - With a trash, nothing is replaced or removed but into it (`trash`).
//! - Directories are removed only by `cleanup`, or where a file must take the
//!   place of one that holds nothing but empty directories.
//!
//! Modules, in the order in which to read them:

mod options;
mod shared;
mod store;

mod beneath;
mod links;
mod meta;
mod notes;
mod times;
mod trust;

mod access;
mod list;
mod names;
mod sizes;
mod walk;

mod at_hand;
mod precision;
mod read;

mod durability;
mod folding;
mod place;
mod refusals;
mod sync;
mod temporary;
mod write;

mod delete;

mod trash;

mod cleanup;

mod examine;

mod restore_mark;

mod error;

pub use cleanup::{EmptyDirs, Removal, empty_directories};
pub use examine::examine;
pub use options::{Durability, FsOptions, SymlinkMode};
pub use restore_mark::{RESTORE_MARK, RestoreMark, restore_mark};
pub use store::{FsStore, Swept};
pub use trash::Kept;
