//! One transfer of a plan: how it begins and ends.

use chrono::{DateTime, Utc};

use super::catch_up::Kept;
use super::clearing::Clearing;
use super::copier::Copied;
use super::workspace::Workspace;
use crate::{
    entry::Entry,
    error::{Result, StoreError},
    plan::Transfer,
    rule::Direction,
    store::Expected,
};

/// How a transfer ended.
pub(crate) enum Done {
    /// The target has what is planned since an earlier execution.
    Earlier,
    /// The copy is there, of so many bytes; whether it could be kept up with the source, and
    /// how.
    Copied(u64, Result<Kept>),
    /// It would have failed, so it was not tried.
    NotTried(StoreError),
    /// There is no copy.
    Failed(StoreError),
}

impl Done {
    pub(crate) fn error(&self) -> Option<&StoreError> {
        match self {
            Self::Copied(_, caught_up) => caught_up.as_ref().err(),
            Self::Failed(error) | Self::NotTried(error) => Some(error),
            Self::Earlier => None,
        }
    }
}

/// How far a transfer has come.
pub(crate) enum Step {
    /// It has ended.
    Ended(Done),
    /// The copy is there. The file is to be looked at once more, when an edit of
    /// it is dated after its object.
    Unseen(Landed, DateTime<Utc>),
}

/// A copy that is there.
pub(crate) enum Landed {
    /// It was made just now.
    Copied(Copied),
    /// It was found. Of what it is one.
    Found(Entry),
}

impl Workspace<'_> {
    /// Copies as planned. What is in the way is deleted by `clearing` when the
    /// copy is ready.
    pub(crate) async fn transfer(
        &self,
        transfer: &Transfer,
        clearing: Option<&mut Clearing<'_>>,
    ) -> Done {
        let step = self.start(transfer, clearing).await;
        self.end(step).await
    }

    /// As [`transfer`](Self::transfer), up to a last look that has to wait.
    pub(crate) async fn start(
        &self,
        transfer: &Transfer,
        clearing: Option<&mut Clearing<'_>>,
    ) -> Step {
        if let Err(error) = self.target.may_write(&transfer.source.key).await {
            return Step::Ended(Done::NotTried(error));
        }
        if let Some(step) = self.done_before(transfer).await {
            return step;
        }
        let expected = Expected::from(transfer.target.clone());
        let copied = self.settle(&transfer.source, &expected, clearing);
        let copied = match copied.await {
            Ok(copied) => copied,
            Err(error) => return self.after_failure(transfer, error).await,
        };
        if self.direction == Direction::Restore {
            return Step::Ended(Done::Copied(copied.entry.size, Ok(Kept::Up)));
        }
        match self.seen_from(&copied.entry) {
            Some(moment) => Step::Unseen(Landed::Copied(copied), moment),
            None => Step::Ended(self.caught_up(copied, None).await),
        }
    }

    /// Ends a transfer: waits where it has to.
    pub(crate) async fn end(&self, step: Step) -> Done {
        match step {
            Step::Ended(done) => done,
            Step::Unseen(Landed::Copied(copied), moment) => {
                self.caught_up(copied, Some(moment)).await
            }
            Step::Unseen(Landed::Found(source), moment) => {
                self.until_seen(Some(moment)).await;
                self.confirm(&source).await
            }
        }
    }

    async fn caught_up(&self, mut copied: Copied, seen: Option<DateTime<Utc>>) -> Done {
        let kept = self.catch_up(&mut copied, seen).await;
        Done::Copied(copied.entry.size, kept)
    }
}
