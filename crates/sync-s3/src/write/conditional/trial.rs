//! How the server treats conditions: tried by a request that must be refused, and
//! learned from those that it accepts.

use sync_core::{ErrorKind, Result};

use crate::quirks::{Manner, Reason};
use crate::write::conditional::attempts::Attempts;
use crate::write::conditional::condition::{Condition, WRONG_ETAG};
use crate::write::conditional::outcome::{Met, Outcome};
use crate::write::conditional::{ConditionalWrite, ROUNDS, WriteRequest};

impl<W: WriteRequest> ConditionalWrite<'_, W> {
    /// Looks the object up and tries a condition that does not hold. Returns whether the
    /// request is done: the object is gone, or the server has ignored the condition.
    pub(super) async fn try_conditions(&self, met: &mut Met) -> Result<bool> {
        match self.is_gone().await {
            Ok(true) => Ok(true),
            Ok(false) => self.try_wrong(met).await,
            // Without the permission to read there is no trial.
            Err(error) if error.kind() == ErrorKind::Denied => {
                self.known().learn(Manner::Quoted);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the request under a condition that does not hold, after a look-up; returns
    /// whether it was executed all the same. A server that does not answer is not tried
    /// again, neither with another condition nor by those that wait for the trial.
    async fn try_wrong(&self, met: &mut Met) -> Result<bool> {
        let attempts = Attempts::of(self.share(met));
        let wrong = Condition::Match(WRONG_ETAG.to_owned());
        let Err(failure) = self.write.send(&wrong, &attempts).await else {
            self.known().learn(Manner::Look(Reason::Ignored));
            return Ok(true);
        };
        if failure.is_precondition() || failure.is_missing_key() || failure.is_conflict() {
            self.known().learn(Manner::RefusesWrong);
        }
        met.refuses_wrong = failure.is_refusal();
        // An earlier attempt may have been executed, its answer being lost.
        met.may_be_ours = attempts.repeated() || failure.is_in_doubt();
        if failure.kind() != ErrorKind::Timeout {
            return Ok(false);
        }
        self.known().learn(Manner::Look(Reason::Unanswered));
        match self.settle(&failure, &wrong, met, ROUNDS).await {
            Outcome::Done => Ok(true),
            _ => Err(self.fail(failure)),
        }
    }

    /// Remembers the form of a condition that was accepted.
    pub(super) fn learn(&self, condition: &Condition, met: &Met) {
        let manner = match (condition, met.reason) {
            (Condition::None, Some(reason)) => Manner::Look(reason),
            (Condition::Match(value), _) if value.starts_with('"') => Manner::Quoted,
            (Condition::Match(_), _) => Manner::Bare,
            _ if met.refuses_wrong => Manner::RefusesWrong,
            _ => return,
        };
        let known = self.known();
        // Acceptance means something only at a server that also refuses.
        if known.manner() == Manner::RefusesWrong || met.refuses_wrong || met.reason.is_some() {
            known.learn(manner);
        }
    }
}
