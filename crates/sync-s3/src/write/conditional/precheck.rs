//! The first condition of a request, and the look-up that replaces it at a server that
//! does not check conditions.

use sync_core::{Entry, Expected, Result};

use crate::quirks::{Manner, Quirk, Reason};
use crate::version_check::Look;
use crate::write::conditional::condition::{Condition, in_form};
use crate::write::conditional::{ConditionalWrite, WriteRequest};

impl<W: WriteRequest> ConditionalWrite<'_, W> {
    /// The first condition; `None` if there is nothing to delete any more. Where the
    /// server does not check it, a look-up shortly before does.
    pub(super) async fn opening(&self) -> Result<Option<Condition>> {
        let manner = self.known().manner();
        let is_checked = self.is_conditional()
            && match manner {
                // Only `If-None-Match: *` is obeyed.
                Manner::Look(Reason::Refused) => *self.expected == Expected::Absent,
                // The condition may be obeyed, which is not relied upon.
                Manner::Look(Reason::Unanswered) => !self.is_gone().await?,
                Manner::Look(_) => false,
                Manner::Untried | Manner::RefusesWrong | Manner::Quoted | Manner::Bare => true,
            };
        if !is_checked {
            if matches!(self.expected, Expected::Version(seen) if seen.revision.is_none()) {
                self.bucket.quirks.note(Quirk::NoETags);
            }
            let is_gone = self.is_gone().await?;
            // Servers that ignore `If-Match` may still obey the other one.
            let condition = if manner == Manner::Look(Reason::Ignored)
                && self.is_conditional()
                && *self.expected == Expected::Absent
            {
                Condition::Absent
            } else {
                Condition::None
            };
            return Ok((!is_gone).then_some(condition));
        }
        let Expected::Version(seen) = self.expected else {
            return Ok(Some(Condition::Absent));
        };
        if self.bucket.quirks.has(Quirk::OtherETagsListed) {
            return Ok(match self.look(seen).await? {
                Look::Same { etag, .. } => Some(in_form(manner, etag.as_deref())),
                Look::Gone if self.deletes() => None,
                Look::Gone => Some(Condition::Absent),
                Look::Other(_) => return Err(self.changed()),
            });
        }
        let etag = seen
            .revision
            .as_ref()
            .map(sync_core::entry::Revision::as_str);
        Ok(Some(in_form(manner, etag)))
    }

    pub(super) async fn look(&self, seen: &Entry) -> Result<Look> {
        let look = self.bucket.look(seen, self.bucket.max_attempts).await;
        look.map_err(|failure| self.cannot_look(failure))
    }

    /// Checks that the object is as expected: an error if it is not. Returns whether
    /// there is nothing to delete any more.
    pub(super) async fn is_gone(&self) -> Result<bool> {
        match self.expected {
            Expected::Absent => match self.bucket.head(self.key).await {
                Ok(None) => Ok(false),
                Ok(Some(_)) => Err(self.changed()),
                Err(failure) => Err(self.cannot_look(failure)),
            },
            Expected::Version(seen) => match self.look(seen).await? {
                Look::Same { .. } => Ok(false),
                Look::Gone => Ok(self.deletes()),
                Look::Other(_) => Err(self.changed()),
            },
        }
    }
}
