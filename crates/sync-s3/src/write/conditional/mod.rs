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

mod make_way;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use sync_core::{Entry, ErrorKind, Expected, Key, Result, StoreError};

use crate::bucket::Bucket;
use crate::client::retry::{SETTLE_ATTEMPTS, Share};
use crate::error::{Attempted, Failure, Origin};
use crate::etag::ETag;
use crate::head::LOOK_UP;
use crate::options::Conditions;
use crate::quirks::{Conditional, Manner, Reason, Request};
use crate::version_check::Look;

/// Rounds of condition, answer, HEAD before a key that keeps changing is given up.
const ROUNDS: u32 = 5;

/// Rounds in which a server may refuse for the sake of an object that its HEAD
/// does not show, before the HEAD is believed.
const DOUBTS: u32 = 3;

/// An ETag that no object has.
pub(crate) const WRONG_ETAG: &str = "\"00000000000000000000000000000000\"";

/// What a request demands of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing: it has been checked beforehand.
    None,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`, with this value.
    Match(String),
}

impl Condition {
    pub(crate) fn if_match(&self) -> Option<String> {
        match self {
            Self::Match(etag) => Some(etag.clone()),
            Self::None | Self::Absent => None,
        }
    }

    pub(crate) fn if_none_match(&self) -> Option<String> {
        (*self == Self::Absent).then(|| "*".to_owned())
    }
}

/// How often a request was sent, counted for one operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts {
    made: Arc<AtomicU32>,
    pub(crate) share: Share,
}

impl Attempts {
    fn of(share: Share) -> Self {
        Self {
            share,
            ..Self::default()
        }
    }

    fn repeated(&self) -> bool {
        self.made.load(Ordering::Relaxed) > 1
    }
}

#[dyn_dispatch_hint]
impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A request about one key that a server may be asked for several times.
#[async_trait]
pub(crate) trait Write: Sync {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure>;

    fn kind(&self) -> Request;

    /// Whether the object that is there is the one that was to be written.
    fn is_ours(&self, found: &Entry) -> bool;

    /// Whether it may be asked for again after the server found somebody else
    /// writing the same key. A CompleteMultipartUpload may not: the whole
    /// upload has to be repeated.
    fn repeats_conflicts(&self) -> bool;
}

/// One request, and what it may meet.
pub(crate) struct Guarded<'a, W> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) key: &'a Key,
    pub(crate) expected: &'a Expected,
    pub(crate) write: W,
}

/// What a request has met so far.
#[derive(Default)]
struct Met {
    /// Whether what is there may be what was sent.
    may_be_ours: bool,
    /// Whether a condition that does not hold was refused.
    refuses_wrong: bool,
    /// The values of `If-Match` that were refused although they hold.
    refused: Vec<String>,
    /// Why the request is sent without a condition.
    reason: Option<Reason>,
    /// Whether a directory of the object's name was looked for.
    has_looked_for_directory: bool,
}

/// What a look before a request shows.
enum Before {
    /// What was expected.
    Expected,
    /// No object, where a version was expected.
    Gone,
}

/// What a failure means.
enum Outcome {
    /// The request has done its work.
    Done,
    /// Nothing was done, and under this condition it may be, a little later.
    Later(Condition),
    /// Nothing was done, and in this form it may be.
    Otherwise(Condition),
    /// Objects below the key are in the way.
    Blocked,
    /// What had to be done first was not.
    Refused(StoreError),
    Failed,
}

impl<W: Write> Guarded<'_, W> {
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

    /// Sends the request under a condition that does not hold, after a look;
    /// whether it was carried out all the same. A server that does not answer
    /// is not asked again under another condition, nor are those that wait for
    /// the trial held up by another.
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
        // An earlier attempt may have been carried out, its answer being lost.
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

    /// What to demand first; `None` if there is nothing to delete any more.
    /// Where the server does not check, we do, shortly before.
    async fn opening(&self) -> Result<Option<Condition>> {
        let manner = self.known().manner();
        let is_checked = self.is_conditional()
            && match manner {
                // It is obeyed, only in no form that has an ETag.
                Manner::Look(Reason::Refused) => *self.expected == Expected::Absent,
                // It may be.
                Manner::Look(Reason::Unanswered) => !self.is_gone().await?,
                Manner::Look(_) => false,
                Manner::Untried | Manner::RefusesWrong | Manner::Quoted | Manner::Bare => true,
            };
        if !is_checked {
            if matches!(self.expected, Expected::Version(seen) if seen.revision.is_none()) {
                self.bucket.conduct.met_no_etag();
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
        if self.bucket.conduct.lists_other_etags() {
            return Ok(match self.look(seen).await? {
                Look::Same { etag, .. } => Some(in_form(manner, etag.as_deref())),
                Look::Gone if self.deletes() => None,
                Look::Gone => Some(Condition::Absent),
                Look::Other(_) => return Err(self.changed()),
            });
        }
        let etag = seen.revision.as_ref().map(sync_core::Revision::as_str);
        Ok(Some(in_form(manner, etag)))
    }

    async fn look(&self, seen: &Entry) -> Result<Look> {
        let look = self.bucket.look(seen, self.bucket.max_attempts).await;
        look.map_err(|failure| self.cannot_look(failure))
    }

    /// Looks whether what was expected is there: an error if it is not, and
    /// whether there is nothing left to delete.
    async fn is_gone(&self) -> Result<bool> {
        let before = match self.expected {
            Expected::Absent => match self.bucket.head(self.key).await {
                Ok(None) => Before::Expected,
                Ok(Some(_)) => return Err(self.changed()),
                Err(failure) => return Err(self.cannot_look(failure)),
            },
            Expected::Version(seen) => match self.look(seen).await? {
                Look::Same { .. } => Before::Expected,
                Look::Gone => Before::Gone,
                Look::Other(_) => return Err(self.changed()),
            },
        };
        Ok(self.deletes() && matches!(before, Before::Gone))
    }

    /// Takes note of what has worked.
    fn learn(&self, condition: &Condition, met: &Met) {
        let manner = match (condition, met.reason) {
            (Condition::None, Some(reason)) => Manner::Look(reason),
            (Condition::Match(value), _) if value.starts_with('"') => Manner::Quoted,
            (Condition::Match(_), _) => Manner::Bare,
            _ if met.refuses_wrong => Manner::RefusesWrong,
            _ => return,
        };
        let known = self.known();
        // What a server accepts tells something only of one that also refuses.
        if known.manner() == Manner::RefusesWrong || met.refuses_wrong || met.reason.is_some() {
            known.learn(manner);
        }
    }

    /// What a failure means for the object.
    async fn settle(
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
            // The version seen is gone; "or none any more" is expected too.
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
        let refused = failure.is_precondition();
        if !(refused || met.may_be_ours && (upload_gone || failure.is_in_doubt())) {
            return Outcome::Failed;
        }
        let Ok(look) = self.look_after().await else {
            return Outcome::Failed;
        };
        match look {
            Look::Same { found, .. } | Look::Other(found)
                if met.may_be_ours && self.write.is_ours(&found) =>
            {
                Outcome::Done
            }
            // It has not been carried out, or somebody has come after it.
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
            // It was there a moment ago, and is not any more; or the server
            // takes something for an object that is none, as SeaweedFS does
            // with the empty directory that deleted objects leave behind. Then
            // the HEAD of this moment has to do.
            Look::Gone if refused && round < DOUBTS => Outcome::Later(condition.clone()),
            Look::Gone if refused => Outcome::Later(Condition::None),
            _ => Outcome::Failed,
        }
    }

    fn when_gone(&self) -> Outcome {
        if self.deletes() {
            Outcome::Done
        } else {
            Outcome::Later(Condition::Absent)
        }
    }

    /// What is there after a failure.
    async fn look_after(&self) -> Result<Look, Failure> {
        match self.expected {
            Expected::Version(seen) => self.bucket.look(seen, SETTLE_ATTEMPTS).await,
            Expected::Absent => {
                let found = self.bucket.head_within(self.key, SETTLE_ATTEMPTS).await?;
                Ok(found.map_or(Look::Gone, Look::Other))
            }
        }
    }

    /// The version that was expected is there, but the server has refused
    /// `sent`: another form of its ETag, or none, if all have been refused.
    fn next_form(&self, sent: &Condition, etag: Option<&str>, met: &mut Met) -> Condition {
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

    fn changed(&self) -> StoreError {
        let why = if self.deletes() {
            "it is not the version that was listed"
        } else {
            "something else is there than was listed"
        };
        changed(self.key, why)
    }

    fn cannot_look(&self, failure: Failure) -> StoreError {
        self.bucket.fail(
            failure,
            Attempted {
                what: "look up",
                name: self.key.as_str(),
                permission: LOOK_UP,
            },
        )
    }

    fn fail(&self, failure: Failure) -> StoreError {
        if failure.is_precondition() {
            return self.changed();
        }
        let attempted = if self.deletes() {
            Attempted {
                what: "delete",
                name: self.key.as_str(),
                permission: "s3:DeleteObject",
            }
        } else {
            Attempted {
                what: "upload",
                name: self.key.as_str(),
                // A condition reads what is there.
                permission: self
                    .bucket
                    .objects
                    .permissions()
                    .unwrap_or("s3:PutObject, and s3:GetObject for conditional requests"),
            }
        };
        self.bucket.fail(failure, attempted)
    }
}

/// The condition that `etag` is there, in the form that the server takes.
fn in_form(manner: Manner, etag: Option<&str>) -> Condition {
    match etag.and_then(ETag::parse) {
        Some(etag) if manner == Manner::Bare => Condition::Match(etag.bare().to_owned()),
        Some(etag) => Condition::Match(etag.quoted()),
        None => Condition::None,
    }
}

pub(crate) fn changed(key: &Key, why: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Changed, format!("'{key}' has changed")).with_source(why)
}

/// How long to wait before attempt `round + 1`: 0.2 s, doubled each time up
/// to 10 s, and up to as much again at random, lest all wait alike.
pub(crate) fn pause(round: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let base = 200_u64 << round.saturating_sub(1).min(6);
    let base = base.min(10_000);
    Duration::from_millis(base + RandomState::new().hash_one(round) % base)
}
