//! The plan: everything that a run will do, as a value.
//!
//! A plan is made by [`make_plan`], judged by the guards,
//! shown by a mock run and executed by a real one; so these cannot disagree.
//! Its actions wait in a [`Spool`](crate::spool::Spool), so a plan of ten million actions costs no
//! more memory than one of ten.
//!
//! # File format
//!
//! One JSON object a line, in UTF-8. The first line is the [`Header`], whose
//! field `s3mirror_plan` is the version of the format ([`FORMAT_VERSION`]). Every
//! further line is an [`Action`]; its field `action` says of which kind.
//! Actions are about in key order; what is in the way of a transfer comes
//! before that transfer.
//!
//! The header of a plan that is to be kept has a field `origin` ([`Origin`]):
//! when it was made, and what it takes to find both places again. A reader
//! passes over fields that it does not know, so a plan with or without it is
//! of the same version.
//!
//! A reader counts the lines and compares them with the header: entries and
//! bytes of transfers and of deletions by their reasons, what was skipped by
//! side and cause, conflicts and keys that are too long. A plan that has lost,
//! gained or repeated a line is invalid, whatever is left of it. Entries that
//! are kept or not selected have no line, but for those that are kept because
//! the source skipped them, so their counts cannot be compared. This is against
//! accidents and no signature: who edits both header and lines is believed.
//! Still, a line counts as what it does: one whose reason does not fit to its
//! action, or that takes something out of the way that is not, is invalid.

mod action;
mod boundaries;
mod builder;
mod counts;
mod dangling_links;
mod divide;
mod header;
mod kept_links;
mod limits;
mod make;
mod name_collisions;
mod noted_links;
mod options;
mod origin;
mod reader;
mod straddle;
mod tree;
mod value;

pub use action::{Action, Blocker, ConflictCause, Delete, Transfer};
pub use boundaries::Boundaries;
pub use counts::{Counts, Tally};
pub use divide::equal_parts;
pub use header::{FORMAT_VERSION, Header};
pub use limits::{
    CLOCK_OFFSET_WARNING, Limits, MAX_CLOCK_OFFSET, MaxDelete, Refusal, clock_offset, refusals,
};
pub use make::make_plan;
pub use options::{DEFAULT_MAX_KEY_BYTES, Deletions, PlanError, PlanOptions};
pub use origin::Origin;
pub use straddle::key_ranges;
pub use value::Plan;
