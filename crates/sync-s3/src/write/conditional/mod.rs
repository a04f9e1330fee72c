//! Replaces and deletes only the expected version, and settles requests whose answers
//! were lost.
//!
//! Except at AWS, conditions are tried before they are relied upon, by the first request
//! of each kind, while the others wait. The object is looked up; then the request is
//! sent under a condition that does not hold. A server that executes it ignores
//! conditions, and the look-up has replaced the condition. If it refuses the request, it
//! is sent under the right condition; if it refuses that too although nothing has
//! changed, without the quotes of the ETag; and if it accepts none, a look-up shortly
//! before has to suffice. This costs a run one to six requests of each kind
//! (docs/prices.md), whatever its size, and leaves nothing behind (`quirks` remembers
//! the result).
//!
//! A conditional write whose answer is lost is retried, and then meets its own success:
//! the server answers 412 although the object is ours. So a refusal after more than one
//! attempt, and a failure that leaves the outcome open, is settled by a HEAD that
//! compares size and checksum (reliability case 28): no false success, no false failure.

mod attempts;
mod condition;
mod errors;
mod make_way;
mod outcome;
mod precheck;
mod settle;
mod trial;

use async_trait::async_trait;
use sync_core::{Expected, Key, Result};

use crate::bucket::Bucket;
use crate::client::retry::pause;
use crate::error::Failure;
use crate::head::Head;
use crate::options::Conditions;
use crate::quirks::{Conditional, Manner, Request};
use outcome::{Met, Outcome};

pub(crate) use attempts::Attempts;
pub(crate) use condition::{Condition, WRONG_ETAG};
pub(crate) use errors::changed;

/// Rounds of condition, answer and HEAD before a key that keeps changing fails.
const ROUNDS: u32 = 5;

/// A request about one key that may be sent several times.
#[async_trait]
pub(crate) trait WriteRequest: Sync {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure>;

    fn kind(&self) -> Request;

    /// Whether the existing object is the one that this request writes.
    fn is_ours(&self, found: &Head) -> bool;

    /// Whether it may be sent again after a conflict with another write of the same key.
    /// A CompleteMultipartUpload may not: the whole upload has to be repeated.
    fn repeats_conflicts(&self) -> bool;
}

/// A request that replaces or deletes only what is expected.
pub(crate) struct ConditionalWrite<'a, W> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) key: &'a Key,
    pub(crate) expected: &'a Expected,
    pub(crate) write: W,
}

impl<W: WriteRequest> ConditionalWrite<'_, W> {
    /// Sends the request until its outcome is certain.
    pub(crate) async fn run(&self) -> Result<()> {
        let mut met = Met::default();
        let trial = if self.is_conditional() {
            self.known().trial(self.expected).await
        } else {
            None
        };
        let is_untried = trial.is_some() && self.known().manner() == Manner::Untried;
        if is_untried && self.try_conditions(&mut met).await? {
            return Ok(());
        }
        // Others wait for `trial` while the right condition is tried.
        self.send(&mut met).await
    }

    /// Whether the server should check a condition, and can: by an ETag.
    fn is_conditional(&self) -> bool {
        let can = match self.expected {
            Expected::Absent => true,
            Expected::Version(seen) => seen.revision.is_some(),
        };
        can && self.bucket.conditions != Conditions::Client
    }

    fn known(&self) -> &Conditional {
        self.bucket.quirks.of(self.write.kind())
    }

    fn deletes(&self) -> bool {
        matches!(self.write.kind(), Request::Delete | Request::DeleteBatch)
    }

    async fn send(&self, met: &mut Met) -> Result<()> {
        let Some(mut condition) = self.opening().await? else {
            return Ok(());
        };
        let mut round = 1;
        loop {
            let attempts = Attempts::of(self.share(met));
            let Err(mut failure) = self.write.send(&condition, &attempts).await else {
                self.learn(&condition, met);
                return Ok(());
            };
            met.may_be_ours |= attempts.repeated() || failure.is_in_doubt();
            let outcome = match self.make_way(&failure, &condition, met).await {
                Some(outcome) => outcome,
                None => self.settle(&failure, &condition, met, round).await,
            };
            match outcome {
                Outcome::Done => return Ok(()),
                Outcome::Refused(error) => return Err(error),
                Outcome::Blocked => {
                    failure.found_objects_below = true;
                    return Err(self.fail(failure));
                }
                Outcome::Otherwise(next) => {
                    condition = next;
                    continue;
                }
                Outcome::Later(next) if round < ROUNDS => condition = next,
                Outcome::Later(_) | Outcome::Failed => return Err(self.fail(failure)),
            }
            tokio::time::sleep(pause(round)).await;
            round += 1;
        }
    }
}
