//! What of a plan could not be read, named, placed or compared, so that nothing is deleted: by
//! name, because the output of whoever has made the plan is one of hundreds.

use std::io;

use serde::{Deserialize, Serialize};
use sync_core::{
    entry::SkipCause,
    listing::Side,
    plan::{Action, Counts, Plan},
};

use crate::state::registry::Process;

/// Names that are kept of a plan.
const MOST_NAMES: usize = 10;

/// What keeps all deletions of a run back, of one of its plans.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unread {
    /// The number of the range that was planned; none if one machine has planned all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<usize>,
    /// The machine that planned it, or has divided the plan; none if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How many names.
    pub names: u64,
    /// The first of them: what was skipped, or is in conflict.
    pub first: Vec<Action>,
}

impl Unread {
    /// That of `plan`, which this process has made or divides; none if all was read.
    pub(super) fn of(plan: &Plan, range: Option<usize>) -> io::Result<Option<Self>> {
        let names = number(plan.counts());
        if names == 0 {
            return Ok(None);
        }
        let mut first = Vec::new();
        for action in plan.actions()? {
            let action = action?;
            if is_unread(&action) {
                first.push(action);
            }
            if first.len() == MOST_NAMES {
                break;
            }
        }
        Ok(Some(Self {
            range,
            host: Some(Process::this().host),
            names,
            first,
        }))
    }
}

/// Whether an action is one of those that [`Counts::incomplete`] is about.
fn is_unread(action: &Action) -> bool {
    match action {
        Action::Skip { side, skipped } => match side {
            Side::Source => skipped.cause.hides_content(),
            Side::Target => skipped.cause == SkipCause::Uncompared,
        },
        Action::Conflict { .. } => true,
        _ => false,
    }
}

/// How many there are of them, by the counts of a plan.
pub(super) fn number(counts: &Counts) -> u64 {
    if !counts.incomplete() {
        return 0;
    }
    let source = counts.skipped_in_source.iter();
    let hidden = source.filter(|(cause, _)| cause.hides_content());
    let hidden: u64 = hidden.map(|(_, number)| number).sum();
    let uncompared = counts.skipped_in_target.get(&SkipCause::Uncompared);
    counts.conflicts + hidden + uncompared.copied().unwrap_or_default()
}
