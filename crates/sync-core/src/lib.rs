//! The heart of s3mirror: what is an entry, which of two entries wins, what
//! has to be done, and how it is carried out over any two stores.
//!
//! This crate does no I/O, asks no clock and needs no runtime. A directory
//! (`sync-fs`) and a bucket (`sync-s3`) are two implementations of [`Store`].
//! [`make_plan`] lists both, joins them by [`listing::merge`] and asks [`Rule::decide`]
//! for every key; [`plan::refusals`] judges the plan; [`execute()`] carries it out.

mod budget;
pub mod checksum;
pub mod clock;
pub mod diagnosis;
pub mod entry;
pub mod error;
pub mod execute;
pub mod hint;
#[doc(hidden)]
pub mod json;
pub mod key;
pub mod listing;
pub mod plan;
pub mod rule;
pub mod select;
pub mod setting;
pub mod spool;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[doc(hidden)]
pub mod text;
mod times;
pub mod verify;

pub use entry::{Entry, Listed};
pub use error::{ErrorKind, Result, StoreError};
pub use execute::execute;
pub use key::Key;
pub use plan::make_plan;
pub use rule::{Direction, Rule};
pub use select::Selection;
pub use store::{Expected, NewEntry, Store, Writer};
