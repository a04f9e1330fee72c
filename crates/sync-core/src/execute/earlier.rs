//! What an earlier execution of the same plan has done already.
//!
//! A saved plan may be executed again: after an interruption, on another machine, or by
//! mistake. What the target has as the plan wants it counts as done: another version than
//! the plan replaces, which the rule would keep. A first execution pays no request for
//! that. Only where the target refuses a write because something else is there than
//! planned, a look decides. If an earlier execution is likely then, the next transfers are
//! looked at before anything is read or sent for them, as long as such looks find something. A
//! restore always looks, since that costs no request and may save a download.

use super::catch_up::outdated;
use super::copier::CopyError;
use super::options::{EarlierAttempt, ExecuteOptions, OnSourceChange};
use super::transfer::{Done, Landed, Step};
use super::workspace::Workspace;
use crate::{
    entry::Entry,
    error::{ErrorKind, Result},
    listing::Side,
    plan::Transfer,
    rule::{Decision, Direction, Pair, Reason, Rule},
    verify::content::same_content,
};

/// Whether every transfer is looked at before it is tried.
pub(crate) fn always_looks_first(direction: Direction, options: &ExecuteOptions) -> bool {
    options.on_source_change == OnSourceChange::Refuse
        && (direction == Direction::Restore || options.earlier_attempt == EarlierAttempt::Began)
}

impl Workspace<'_> {
    /// How `transfer` has ended if an earlier execution has done it, as far as that is worth
    /// a look.
    pub(super) async fn done_before(&self, transfer: &Transfer) -> Option<Step> {
        let looks = always_looks_first(self.direction, self.options) || self.evidence.is_likely();
        if !looks {
            return None;
        }
        // What cannot be looked at is tried.
        let is_done = self.is_as_planned(transfer).await.unwrap_or(false);
        self.evidence.record(is_done);
        if is_done {
            Some(self.found(&transfer.source).await)
        } else {
            None
        }
    }

    /// How `transfer` has ended that could not be copied: it is done if the target has
    /// refused it because it has what is planned.
    pub(super) async fn after_failure(&self, transfer: &Transfer, failure: CopyError) -> Step {
        let CopyError { side, error } = failure;
        let may_be_done = side == Side::Target
            && self.options.on_source_change == OnSourceChange::Refuse
            && matches!(
                error.kind(),
                ErrorKind::Changed | ErrorKind::Aborted | ErrorKind::Conflict
            );
        if !may_be_done || self.is_stopped() {
            return Step::Ended(Done::Failed(error));
        }
        match self.is_as_planned(transfer).await {
            Ok(true) => {
                self.evidence.record(true);
                self.found(&transfer.source).await
            }
            // Whether it has changed since the plan was made is not known then.
            Err(look) if look.kind().may_pass() => Step::Ended(Done::Failed(look)),
            Ok(false) | Err(_) => Step::Ended(Done::Failed(error)),
        }
    }

    /// Whether the target has what `transfer` would write.
    async fn is_as_planned(&self, transfer: &Transfer) -> Result<bool> {
        let source = &transfer.source;
        let Some(found) = self.target.stat(&source.key).await? else {
            return Ok(false);
        };
        if let Some(replaced) = &transfer.target
            && self.target.is_unchanged(replaced, &found).await
        {
            return Ok(false);
        }
        // Nothing is written as a link.
        if found.link.is_some() {
            return Ok(false);
        }
        let target = &found;
        match self.rule().decide(Pair::Both { source, target }) {
            Decision::Settled(outcome) => Ok(outcome.reason() == Reason::Unchanged),
            Decision::CompareContent { source, target } => {
                let same = same_content(self.source, source, self.target, target, &self.budget);
                same.await.map_err(|(_, error)| error)
            }
        }
    }

    /// The rule of the plan, at the present: objects have been written since it was made.
    fn rule(&self) -> Rule {
        let objects = match self.direction {
            Direction::Backup => self.target,
            Direction::Restore => self.source,
        };
        let latest = objects.present().map(|present| present.latest);
        Rule {
            latest,
            ..self.rule
        }
    }

    /// The end of a transfer whose copy was found. A backup looks at the file once more, as
    /// after every copy: the earlier execution may have ended before it did.
    async fn found(&self, source: &Entry) -> Step {
        if self.direction == Direction::Restore {
            return Step::Ended(Done::Earlier);
        }
        match self.seen_from(source) {
            Some(moment) => Step::Unseen(Landed::Found(source.clone()), moment),
            None => Step::Ended(self.confirm(source).await),
        }
    }

    /// The end of a transfer whose copy was found, after a last look at its source.
    pub(super) async fn confirm(&self, source: &Entry) -> Done {
        match self.successor(source).await {
            Ok(None) => Done::Earlier,
            Ok(Some(_)) => Done::Failed(outdated(source, "it was written since the plan was made")),
            Err(error) => Done::Failed(error),
        }
    }
}
