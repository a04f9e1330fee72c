//! What a request has met so far, and what its failure means.

use sync_core::StoreError;

use crate::quirks::Reason;
use crate::write::conditional::condition::Condition;

/// What a request has met so far.
#[derive(Default)]
pub(super) struct Met {
    /// Whether the existing object may be the one that was sent.
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
    /// The request was executed.
    Done,
    /// It was not executed, and may succeed under this condition a little later.
    Later(Condition),
    /// It was not executed, and may succeed under this condition.
    Otherwise(Condition),
    /// Objects below the key are in the way.
    Blocked,
    /// Something that has to precede it failed.
    Refused(StoreError),
    Failed,
}
