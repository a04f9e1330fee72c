//! The listings of two stores: joined, sorted where they are out of order, and
//! counted while they are read.

mod absent;
mod counter;
mod merge;
mod only;
mod pairs;
mod skipped_names;
mod sort;

pub use counter::Listings;
pub use merge::{Joined, Merge, MergeError, Side, merge};
pub(crate) use pairs::{Opened, Pairs, Selected, SelectedPairs};
pub(crate) use skipped_names::{SkippedNames, may_be_directory_of};
