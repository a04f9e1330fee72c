//! The transfers of a plan that something is in the way of, in the two rounds
//! in which they are carried out.
//!
//! In the first round, one transfer for each thing in the way: it deletes that
//! once its own copy is ready. All of them may go side by side. In the second
//! round, the others that the same thing was in the way of, which is gone then.
//! So a file that became a directory of many costs one careful replacement,
//! and the rest is copied like anything else.

use std::collections::HashSet;
use std::io;

use super::clearing::Blockers;
use crate::{
    key::Key,
    plan::{Action, Blocker, Plan, Transfer},
};

/// A transfer that must clear its way.
pub(crate) struct Replacement<'p> {
    pub(crate) transfer: Transfer,
    pub(crate) blockers: Blockers<'p>,
}

/// The first round.
pub(crate) fn first_round(
    plan: &Plan,
) -> io::Result<impl Iterator<Item = io::Result<Replacement<'_>>> + Send> {
    let mut files = HashSet::new();
    // Where the plan's deletions begin that may be in the way of a file: they
    // come before it.
    let mut blocking = None;
    Ok(plan.actions_from(0)?.filter_map(move |line| {
        let (at, action) = match line {
            Ok(line) => line,
            Err(error) => return Some(Err(error)),
        };
        let transfer = match action {
            Action::Transfer(transfer) => transfer,
            Action::Delete(delete) if delete.blocks => {
                blocking.get_or_insert(at);
                return None;
            }
            _ => return None,
        };
        let blockers = match &transfer.blocker {
            None => return None,
            Some(Blocker::Directory) => Blockers::Between(plan, blocking.take().unwrap_or(at)..at),
            Some(Blocker::File(file)) => {
                if !files.insert(file.key.clone()) {
                    return None;
                }
                Blockers::File(file.clone())
            }
        };
        Some(Ok(Replacement { transfer, blockers }))
    }))
}

/// The second round: each with the key of what was in its way.
pub(crate) fn second_round(
    plan: &Plan,
) -> io::Result<impl Iterator<Item = io::Result<(Transfer, Key)>> + Send> {
    let mut files = HashSet::new();
    Ok(plan.actions()?.filter_map(move |action| {
        let transfer = match action {
            Ok(Action::Transfer(transfer)) => transfer,
            Ok(_) => return None,
            Err(error) => return Some(Err(error)),
        };
        let Some(Blocker::File(file)) = &transfer.blocker else {
            return None;
        };
        let key = file.key.clone();
        (!files.insert(key.clone())).then_some(Ok((transfer, key)))
    }))
}
