//! Whether a directory and a bucket hold the same content. Nothing is changed.
//!
//! [`survey`] lists both and notes what there is to compare; only when both
//! listings have come to their end is anything concluded. [`Survey::compare`]
//! then compares the contents, many at once, and tells a [`Finding`] for each
//! name, as it is done and so in no order.
//!
//! The checksum that a bucket keeps of a whole object costs one request
//! without its bytes; where there is none, or where it is not to be trusted
//! ([`Evidence::Bytes`]), the bytes are read and compared.

mod compare;
pub(crate) mod content;
mod findings;
mod survey;

use std::sync::Arc;

pub use findings::{Evidence, Finding, Verdict, Verified};
pub use survey::{Survey, survey};

use crate::select::Selection;

/// How two places are compared.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// What is believed: a checksum that the bucket keeps, or only bytes.
    pub evidence: Evidence,
    /// Which entries are compared. Of the others nothing is said.
    pub selection: Arc<Selection>,
    /// How many contents are compared at a time.
    pub concurrency: usize,
    /// Memory for contents, in bytes.
    pub memory: u64,
    /// How contents are cut for reading, in bytes.
    pub part_size: u64,
    /// Memory for sorting a listing that comes out of order, in bytes.
    pub sort_memory: usize,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            evidence: Evidence::StoredChecksum,
            selection: Arc::default(),
            concurrency: 16,
            memory: 20 << 20,
            part_size: 4 << 20,
            sort_memory: 16 << 20,
        }
    }
}
