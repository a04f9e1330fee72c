//! Stores for tests, the contract that every store must keep, and strategies
//! for property tests (feature `testing`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is what this module is for"
)]

mod contract;
mod memory;
pub mod strategies;

pub use crate::store_contract;
pub use contract::{Capabilities, Clause};
pub use memory::{MemoryStore, Object};
