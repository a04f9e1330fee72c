//! The heart of s3mirror: what is an entry, which of two entries wins, what
//! has to be done, and how it is carried out over any two stores.
//!
//! This crate does no I/O, asks no clock and needs no runtime. A directory
//! (`sync-fs`) and a bucket (`sync-s3`) are two implementations of [`Store`].
//! [`make_plan`] lists both, joins them by [`merge`] and asks [`Rule::decide`]
//! for every key; [`refusals`] judges the plan; [`execute()`] carries it out.

mod budget;
mod checksum;
mod clock;
mod diagnosis;
mod entry;
mod error;
mod execute;
mod json;
mod key;
mod listing;
mod plan;
mod rule;
mod select;
mod spool;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod times;
mod verify;

pub use checksum::{Algorithm, Crc64, Digest};
pub use clock::{Answer, LONGEST_WAIT, Present, ServerClock};
pub use diagnosis::{Diagnosis, Level, Scope};
pub use entry::{Coarse, Entry, Link, Listed, Revision, SkipCause, Skipped};
pub use error::{ErrorKind, Result, StoreError};
pub use execute::{
    Call, DeletionsSkipped, Event, ExecuteOptions, MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS,
    MIN_PART_SIZE, Observer, OnSourceChange, Outcomes, Report, execute, forecast, part_size,
};
pub use json::{escape_json, write_json};
pub use key::{Key, KeyError, MAX_KEY_BYTES, drives_terminal, printable, printable_text};
pub use listing::{Joined, Listings, Merge, MergeError, Side, merge};
pub use plan::{
    Action, CLOCK_OFFSET_WARNING, ConflictCause, Counts, DEFAULT_MAX_KEY_BYTES, Delete, Deletions,
    FORMAT_VERSION, Header, InTheWay, Limits, MAX_CLOCK_OFFSET, MaxDelete, Origin, Plan, PlanError,
    PlanOptions, Refusal, Tally, Transfer, make_plan, refusals,
};
pub use rule::{Compare, Decision, Direction, Pair, Reason, Rule};
pub use select::{Criteria, Excluded, GlobError, IgnoreFile, NameRule, PathKind, Selection};
pub use spool::{MemorySpools, Spool, Spools};
pub use store::{Expected, Store, Writer};
#[cfg(feature = "testing")]
pub use store::{MockStore, MockWriter};
pub use times::is_same_time;
pub use verify::{Evidence, Finding, Survey, Verdict, Verified, VerifyOptions, survey};
