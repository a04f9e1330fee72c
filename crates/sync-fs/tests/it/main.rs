//! The directory store, over real directories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is what these are for"
)]

mod util;

mod contract;
mod delete;
mod empty_dirs;
mod key_lists;
mod links;
mod list;
mod race;
mod read;
mod write;
