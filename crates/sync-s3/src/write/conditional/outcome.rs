//! What a request has met, and what its failure means.

use sync_core::StoreError;

use crate::quirks::Reason;
use crate::write::conditional::condition::Condition;

/// What a request has met so far.
#[derive(Default)]
pub(super) struct Met {
    /// Whether what is there may be what was sent.
    pub(super) may_be_ours: bool,
    /// Whether a condition that does not hold was refused.
    pub(super) refuses_wrong: bool,
    /// The values of `If-Match` that were refused although they hold.
    pub(super) refused: Vec<String>,
    /// Why the request is sent without a condition.
    pub(super) reason: Option<Reason>,
    /// Whether a directory of the object's name was looked for.
    pub(super) has_looked_for_directory: bool,
}

/// What a failure means.
pub(super) enum Outcome {
    /// The request has done its work.
    Done,
    /// Nothing was done, and under this condition it may be, a little later.
    Later(Condition),
    /// Nothing was done, and in this form it may be.
    Otherwise(Condition),
    /// Objects below the key are in the way.
    Blocked,
    /// What had to be done first was not.
    Refused(StoreError),
    Failed,
}
