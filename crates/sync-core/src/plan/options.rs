//! How a plan is made, and why there may be none.

use std::io;
use std::sync::Arc;

use crate::listing::{Listings, MergeError, Side};
use crate::{
    error::StoreError,
    key::Key,
    key_range::KeyRange,
    rule::{Compare, Direction},
    select::Selection,
};

/// Longest key of the source by default, in bytes (design, promise 9).
pub const DEFAULT_MAX_KEY_BYTES: usize = 1000;

/// How a plan is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PlanOptions {
    /// Which way entries go.
    pub direction: Direction,
    /// How entries of the same size are told apart.
    pub compare: Compare,
    /// Whether what the source lacks is deleted from the target.
    pub deletions: Deletions,
    /// Which entries the plan concerns; the others are neither copied nor
    /// deleted.
    pub selection: Arc<Selection>,
    /// Of which keys the plan is; the others are not even listed.
    pub range: KeyRange,
    /// Longest key of the source, in bytes below the prefix.
    pub max_key_bytes: usize,
    /// Memory for sorting a listing that comes out of order, in bytes.
    pub sort_memory: usize,
    /// How many contents are compared at a time ([`Compare::Checksum`]).
    pub concurrency: usize,
    /// Memory for comparing contents, in bytes.
    pub memory: u64,
    /// Where it is counted how far the listings are.
    pub listings: Arc<Listings>,
}

impl PlanOptions {
    /// The defaults for `direction`.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            compare: Compare::default(),
            deletions: Deletions::default(),
            selection: Arc::default(),
            range: KeyRange::default(),
            max_key_bytes: DEFAULT_MAX_KEY_BYTES,
            sort_memory: 16 << 20,
            concurrency: 16,
            memory: 64 << 20,
            listings: Arc::default(),
        }
    }
}

/// Whether what the source lacks is deleted from the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deletions {
    /// Yes: the target becomes equal to the source.
    #[default]
    On,
    /// No: it is kept and counted.
    Off,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A listing failed; nothing can be concluded from it.
    #[error(transparent)]
    Listing(#[from] MergeError),
    /// Contents could not be compared.
    #[error("cannot compare contents")]
    Content(#[from] StoreError),
    /// It could not be told whether an entry reaches over the end of a range.
    #[error("cannot look at the end of a key range")]
    Boundary(#[source] StoreError),
    /// Two ranges would have to be one: an entry is in one, and keys below it may be in the
    /// other.
    #[error(
        "'{above}' reaches over the end of a key range at '{boundary}': choose the ranges again"
    )]
    Straddled {
        /// The entry.
        above: Key,
        /// Where the range begins or ends.
        boundary: String,
    },
    /// A range cannot be planned alone, since what becomes of some of its entries depends on
    /// entries elsewhere.
    #[error("a key range cannot be planned alone: {0}")]
    NotSeparable(String),
    /// A store takes names for one that differ only in case, so a list may name an entry by
    /// a name that it does not have.
    #[error(
        "a list of keys cannot be used here: the {0} takes names for one that differ only in case"
    )]
    NamesFold(Side),
    /// The plan could not be written down.
    #[error("cannot keep the plan in a temporary file (see TMPDIR)")]
    Spool(#[from] io::Error),
}
