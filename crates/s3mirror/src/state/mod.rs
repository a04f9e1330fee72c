//! What s3mirror knows on this machine from one run to the next, and which
//! other runs are at work.
//!
//! `directory` finds the state directory. `tree` and `bucket` tell when two
//! places are one, or one is in the other, however they are written. On these
//! stand the locks (`registry`, `lock`), the marks of unfinished restores
//! (`restore_mark`) and whose the keys in a bucket are (`owners`). The journal of
//! open uploads is a file here too (`upload_journal`); lists that are larger than
//! memory are kept in files without a name (`temp_spool`).

mod bucket;
mod directory;
mod private;
mod temp_spool;
mod tree;

pub(crate) mod lock;
pub(crate) mod owners;
pub(crate) mod registry;
pub(crate) mod restore_mark;
pub(crate) mod upload_journal;

pub use bucket::BucketPlace;
pub(crate) use directory::StateDir;
pub use temp_spool::TempSpools;
pub use tree::{Relation, Tree};
