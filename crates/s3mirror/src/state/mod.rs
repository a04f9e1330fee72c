//! What s3mirror keeps on this machine from one run to the next, and which
//! other runs are active.
//!
//! `directory` finds the state directory. `tree` and `bucket` determine whether
//! two places are the same or nested, however they are written. On these are
//! based the locks (`registry`, `lock`), the marks of unfinished restores
//! (`restore_mark`) and the owners of keys in a bucket (`owners`). The journal
//! of open uploads is a file here too (`upload_journal`); lists that are larger
//! than memory are kept in files without a name (`temp_spool`).

mod bucket;
mod directory;
mod temp_spool;
mod tree;

pub(crate) mod lock;
pub(crate) mod owners;
pub(crate) mod private;
pub(crate) mod registry;
pub(crate) mod restore_mark;
pub(crate) mod upload_journal;

pub use bucket::BucketPlace;
pub(crate) use directory::StateDir;
pub use temp_spool::TempSpools;
pub use tree::{Relation, Tree};
