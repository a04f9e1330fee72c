//! The heart of s3mirror: what is an entry, which of two entries wins, what
//! has to be done, and how it is carried out over any two stores.
//!
//! This crate does no I/O, asks no clock and needs no runtime. A directory
//! (`sync-fs`) and a bucket (`sync-s3`) are two implementations of [`Store`].
//! [`make_plan`] lists both, joins them by [`merge`] and asks [`Rule::decide`]
//! for every key; [`refusals`] judges the plan; [`execute`] carries it out.

// In the order in which to read them.
mod blocked;
mod budget;
mod checksum;
mod clearing;
mod clock;
mod content;
mod covered;
mod dangling;
mod deletions;
mod diagnosis;
mod digest;
mod draft;
mod entry;
mod error;
mod execute;
mod folding;
mod forecast;
mod guard;
mod json;
mod key;
mod last_looks;
mod layout;
mod linked;
mod merge;
mod observe;
mod parts;
mod plan;
mod planner;
mod rule;
mod select;
mod sort;
mod spool;
mod steps;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod times;
mod transfer;
mod verify;
mod young;

pub use checksum::Crc64;
pub use clock::{Answer, LONGEST_WAIT, Present, ServerClock};
pub use diagnosis::{Diagnosis, Level, Scope};
pub use digest::{Algorithm, Digest};
pub use entry::{Coarse, Entry, Link, Listed, Revision, SkipCause, Skipped};
pub use error::{ErrorKind, Result, StoreError};
pub use execute::{ExecuteOptions, Versions, execute};
pub use forecast::{Call, forecast};
pub use guard::{CLOCK_OFFSET_WARNING, Limits, MAX_CLOCK_OFFSET, MaxDelete, Refusal, refusals};
pub use json::{escape_json, write_json};
pub use key::{Key, KeyError, MAX_KEY_BYTES, drives_terminal, printable, printable_text};
pub use merge::{Joined, Merge, MergeError, Side, merge};
pub use observe::{Event, Listings, Observer, Outcomes, Report, Withheld};
pub use parts::{MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE, part_size};
pub use plan::{
    Action, ConflictCause, Counts, Delete, FORMAT_VERSION, Header, InTheWay, Origin, Plan, Tally,
    Transfer,
};
pub use planner::{DEFAULT_MAX_KEY_BYTES, Deletions, PlanError, PlanOptions, make_plan};
pub use rule::{Compare, Decision, Direction, Pair, Reason, Rule};
pub use select::{Criteria, Excluded, GlobError, IgnoreFile, NameRule, PathKind, Selection};
pub use spool::{MemorySpools, Spool, Spools};
pub use store::{Expected, Store, Writer};
#[cfg(feature = "testing")]
pub use store::{MockStore, MockWriter};
pub use times::is_same_time;
pub use verify::{Finding, Proof, Survey, Verdict, Verified, VerifyOptions, survey};
