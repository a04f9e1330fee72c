//! Replacing and deleting only what was expected, and settling answers that
//! were lost.
//!
//! The condition that expresses this is tried out before it is relied upon,
//! except at AWS, by the first request of each kind, while the others wait. The
//! object is looked up; then the request is sent under a condition that does
//! not hold. A server that carries it out ignores conditions, and the look has
//! made up for it. One that refuses it is sent the right condition; if it
//! refuses that too although nothing has changed, the same without quotes; and
//! if it accepts none, a look shortly before has to do. This costs a run one to
//! six requests of each kind (docs/prices.md), whatever its size, and leaves
//! nothing behind (`quirks` keeps what was learned).
//!
//! A conditional write whose answer is lost is sent again, and then meets its
//! own success: the server answers 412 though the object is ours. So a refusal
//! after more than one attempt, and a failure that leaves the outcome open, is
//! settled by a HEAD that compares size and checksum (reliability case 28):
//! no false success, no false failure.

mod attempts;
mod condition;
mod errors;
mod make_way;
mod outcome;
mod precheck;
mod settle;
mod trial;

use async_trait::async_trait;
use sync_core::{ErrorKind, Expected, Key, Result};

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

/// Rounds of condition, answer, HEAD before a key that keeps changing is given up.
const ROUNDS: u32 = 5;

/// A request about one key that a server may be asked for several times.
#[async_trait]
pub(crate) trait WriteRequest: Sync {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure>;

    fn kind(&self) -> Request;

    /// Whether the object that is there is the one that was to be written.
    fn is_ours(&self, found: &Head) -> bool;

    /// Whether it may be asked for again after the server found somebody else
    /// writing the same key. A CompleteMultipartUpload may not: the whole
    /// upload has to be repeated.
    fn repeats_conflicts(&self) -> bool;
}

/// One request, and what it may meet.
pub(crate) struct ConditionalWrite<'a, W> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) key: &'a Key,
    pub(crate) expected: &'a Expected,
    pub(crate) write: W,
}

impl<W: WriteRequest> ConditionalWrite<'_, W> {
    /// Sends until the outcome is certain.
    pub(crate) async fn run(&self) -> Result<()> {
        let mut met = Met::default();
        if self.is_conditional() {
            let known = self.known();
            let trial = known.trial(self.expected).await;
            if trial.is_some() && known.manner() == Manner::Untried {
                match self.is_gone().await {
                    Ok(true) => return Ok(()),
                    Ok(false) if self.try_wrong(&mut met).await? => return Ok(()),
                    Ok(false) => {}
                    // Who may write but not read has to do without the trial.
                    Err(error) if error.kind() == ErrorKind::Denied => {
                        known.learn(Manner::Quoted);
                    }
                    Err(error) => return Err(error),
                }
            }
            // Others wait while the right condition is tried.
            return self.send(&mut met).await;
        }
        self.send(&mut met).await
    }

    /// Whether the server is to check, and can: by an ETag.
    fn is_conditional(&self) -> bool {
        let can = match self.expected {
            Expected::Absent => true,
            Expected::Version(seen) => seen.revision.is_some(),
        };
        can && self.bucket.conditions != Conditions::Client
    }

    fn known(&self) -> &Conditional {
        self.bucket.conduct.of(self.write.kind())
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
