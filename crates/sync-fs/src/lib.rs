//! A directory tree as a [`Store`](sync_core::Store): ordered listing,
//! confined reads and writes, removal of empty directories.
//!
//! Invariants, each kept in one module:
//!
//! - No path is resolved outside `sys::confined`, and none through a link: nothing
//!   outside the root is opened, made, replaced or removed.
//! - A listing that could not see everything reports that; it never just ends.
//! - A file at its final name is wholly old or wholly new (`write`).
//! - With a trash, nothing is replaced or removed but into it (`trash`).
//! - Directories are removed only by `empty_dirs`, or where a file must take
//!   the place of one that holds nothing but empty directories.
//!
//! | module | subject |
//! |---|---|
//! | `store` | [`FsStore`], and what each method of `Store` calls |
//! | `options`, `error` | the options of a caller; errors of the system as errors of a store |
//! | `directory` | the state that all operations on one directory share |
//! | `jobs` | the hop to a thread that may block; more threads where the file system is slow |
//! | `stat` | what is found under one key |
//! | `list` | the listing: walk, order of names, access; looks ahead where metadata calls are slow |
//! | `read` | reading a range, with and without a hop to another thread |
//! | `write` | temporaries, commits, replacing what is there |
//! | `delete`, `trash` | deletions; the directory that keeps what is deleted or replaced |
//! | `change_detection` | whether a file is still the listed version |
//! | `restore_mark` | the mark of an unfinished restore |
//! | `empty_dirs`, `doctor` | the commands `cleanup` and `doctor` |
//! | `sys` | system calls: confined paths, attributes, times, syncs, links |

mod change_detection;
mod delete;
mod directory;
mod doctor;
mod empty_dirs;
mod error;
mod jobs;
mod list;
mod options;
mod read;
mod restore_mark;
mod stat;
mod store;
mod sweep;
mod sys;
mod trash;
mod write;

pub use doctor::examine;
pub use empty_dirs::{EmptyDirs, Removal, empty_directories};
pub use options::{Durability, FsOptions, SymlinkMode};
pub use restore_mark::{RESTORE_MARK, RestoreMark, restore_mark};
pub use store::FsStore;
pub use sweep::Swept;
pub use trash::Kept;
