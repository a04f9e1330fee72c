//! What became of a request that failed: whether it was executed all the same, and
//! whether and under which condition it can be sent again.

use sync_core::{Expected, Result};

use crate::client::retry::SETTLE_ATTEMPTS;
use crate::error::{Failure, Origin};
use crate::etag::ETag;
use crate::quirks::Reason;
use crate::version_check::Look;
use crate::write::conditional::condition::Condition;
use crate::write::conditional::outcome::{Met, Outcome};
use crate::write::conditional::{ConditionalWrite, WriteRequest};

/// Rounds in which a server may refuse because of an object that its HEAD does not show,
/// before the HEAD is trusted.
const DOUBTS: u32 = 3;

impl<W: WriteRequest> ConditionalWrite<'_, W> {
    /// What a failure means for the object.
    pub(super) async fn settle(
        &self,
        failure: &Failure,
        condition: &Condition,
        met: &mut Met,
        round: u32,
    ) -> Outcome {
        let replaces = matches!(condition, Condition::Match(_));
        if failure.is_conflict() {
            return if self.write.repeats_conflicts() {
                Outcome::Later(condition.clone())
            } else {
                Outcome::Failed
            };
        }
        if replaces && failure.has_code(&["NoSuchKey"]) {
            // The version seen is gone, which is as good as absent.
            return self.when_gone();
        }
        let is_conditional = *condition != Condition::None;
        if is_conditional && failure.is_not_implemented() && met.reason.is_none() {
            met.reason = Some(Reason::Unsupported);
            return match self.is_gone().await {
                Ok(true) => Outcome::Done,
                Ok(false) => Outcome::Otherwise(Condition::None),
                Err(_) => Outcome::Failed,
            };
        }
        let upload_gone = failure.has_code(&["NoSuchUpload"]);
        let is_unclear = met.may_be_ours && (upload_gone || failure.is_in_doubt());
        if !(failure.is_precondition() || is_unclear) {
            return Outcome::Failed;
        }
        match self.look_after().await {
            Ok(look) => self.settle_by(look, failure, condition, met, round),
            Err(_) => Outcome::Failed,
        }
    }

    /// What a failure means for the object, which is there as `look` shows.
    fn settle_by(
        &self,
        look: Look,
        failure: &Failure,
        condition: &Condition,
        met: &mut Met,
        round: u32,
    ) -> Outcome {
        let replaces = matches!(condition, Condition::Match(_));
        let refused = failure.is_precondition();
        match look {
            Look::Same { found, .. } | Look::Other(found)
                if met.may_be_ours && self.write.is_ours(&found) =>
            {
                Outcome::Done
            }
            // The request was not carried out, or was overwritten by another one.
            Look::Same { .. } if failure.origin == Origin::Foreign => {
                Outcome::Later(condition.clone())
            }
            Look::Gone if failure.origin == Origin::Foreign && !self.deletes() => {
                Outcome::Later(condition.clone())
            }
            Look::Same { etag, .. } if refused && replaces => {
                Outcome::Otherwise(self.next_form(condition, etag.as_deref(), met))
            }
            Look::Gone if replaces && refused || self.deletes() => self.when_gone(),
            // It was there a moment ago and is gone; or the server takes something
            // for an object that is none, as SeaweedFS does with the empty directory
            // that deleted objects leave behind. Then this HEAD has to suffice.
            Look::Gone if refused && round < DOUBTS => Outcome::Later(condition.clone()),
            Look::Gone if refused => Outcome::Later(Condition::None),
            _ => Outcome::Failed,
        }
    }

    pub(super) fn when_gone(&self) -> Outcome {
        if self.deletes() {
            Outcome::Done
        } else {
            Outcome::Later(Condition::Absent)
        }
    }

    /// Looks the object up after a failure.
    pub(super) async fn look_after(&self) -> Result<Look, Failure> {
        match self.expected {
            Expected::Version(seen) => self.bucket.look(seen, SETTLE_ATTEMPTS).await,
            Expected::Absent => {
                let found = self.bucket.head_within(self.key, SETTLE_ATTEMPTS).await?;
                Ok(found.map_or(Look::Gone, Look::Other))
            }
        }
    }

    /// The condition after the server has refused `sent` although the expected version is
    /// there: another form of its ETag, or none, if all have been refused.
    pub(super) fn next_form(
        &self,
        sent: &Condition,
        etag: Option<&str>,
        met: &mut Met,
    ) -> Condition {
        met.refused.extend(sent.if_match());
        let answered = etag.and_then(ETag::parse);
        let forms = [
            answered.map(ETag::quoted),
            answered.map(|etag| etag.bare().to_owned()),
        ];
        let next = forms
            .into_iter()
            .flatten()
            .find(|form| !met.refused.contains(form));
        if let Some(next) = next {
            return Condition::Match(next);
        }
        met.reason = Some(Reason::Refused);
        Condition::None
    }
}
