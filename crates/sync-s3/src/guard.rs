//! Writing only over what was expected, and settling answers that were lost.
//!
//! A conditional write whose answer is lost is sent again, and then meets its
//! own success: the server answers 412 though the object is ours. So a refusal
//! after more than one attempt, and a failure that leaves the outcome open, is
//! settled by a HEAD that compares size and checksum (reliability case 28):
//! no false success, no false failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use sync_core::{Crc64, Entry, ErrorKind, Expected, Key, Result, StoreError, is_same_time};

use crate::checksum::bare;
use crate::error::{Attempted, Failure};
use crate::options::Conditions;
use crate::store::{Bucket, LOOK_UP};

/// Rounds of condition, answer, HEAD before a key that keeps changing is given up.
const ROUNDS: u32 = 5;

/// Rounds in which a server may refuse for the sake of an object that its HEAD
/// does not show, before the HEAD is believed.
const DOUBTS: u32 = 3;

/// Attempts of the HEAD that settles a failure: the request before it has
/// already waited out what retries can.
const SETTLE_ATTEMPTS: u32 = 2;

/// What a write demands of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing: it has been checked beforehand.
    None,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`
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
pub(crate) struct Attempts(Arc<AtomicU32>);

impl Attempts {
    fn repeated(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
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
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A write of one key that a server may be asked for several times.
#[async_trait]
pub(crate) trait Write: Sync {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure>;

    /// The ETag that a plain server gives the content, without quotes: its
    /// proof where there is no checksum.
    fn etag(&self) -> Option<String>;

    /// Whether it may be asked for again after the server found somebody else
    /// writing the same key. A CompleteMultipartUpload may not: the whole
    /// upload has to be repeated.
    fn repeats_conflicts(&self) -> bool;
}

/// One write, and what it may meet.
pub(crate) struct Guarded<'a, W> {
    pub(crate) bucket: &'a Bucket,
    pub(crate) key: &'a Key,
    pub(crate) expected: &'a Expected,
    /// Length of the content in bytes.
    pub(crate) size: u64,
    /// Sum of the content.
    pub(crate) checksum: Crc64,
    pub(crate) write: W,
}

impl<W: Write> Guarded<'_, W> {
    /// Sends until the outcome is certain.
    pub(crate) async fn run(&self) -> Result<()> {
        let mut condition = condition(self.bucket, self.key, self.expected).await?;
        let mut may_be_ours = false;
        let mut round = 1;
        loop {
            let attempts = Attempts::default();
            let Err(failure) = self.write.send(&condition, &attempts).await else {
                return Ok(());
            };
            may_be_ours |= attempts.repeated() || failure.is_in_doubt();
            match self.settle(&failure, &condition, may_be_ours, round).await {
                Outcome::Written => return Ok(()),
                Outcome::Again(next) if round < ROUNDS => condition = next,
                Outcome::Again(_) | Outcome::Failed => return Err(self.fail(failure)),
            }
            tokio::time::sleep(pause(round)).await;
            round += 1;
        }
    }

    fn is_ours(&self, found: &Entry) -> bool {
        if found.size != self.size {
            return false;
        }
        if let Some(sum) = found.checksum {
            return sum == self.checksum;
        }
        let etag = found.revision.as_ref().map(|etag| bare(etag.as_str()));
        etag.is_some() && etag == self.write.etag().as_deref()
    }

    /// What a failure means for the object.
    async fn settle(
        &self,
        failure: &Failure,
        condition: &Condition,
        may_be_ours: bool,
        round: u32,
    ) -> Outcome {
        let replaces = matches!(condition, Condition::Match(_));
        if failure.is_conflict() {
            return if self.write.repeats_conflicts() {
                Outcome::Again(condition.clone())
            } else {
                Outcome::Failed
            };
        }
        if replaces && failure.has_code(&["NoSuchKey"]) {
            // The version seen is gone; "or none any more" is expected too.
            return Outcome::Again(Condition::Absent);
        }
        let upload_gone = failure.has_code(&["NoSuchUpload"]);
        let refused = failure.is_precondition();
        if !(refused || may_be_ours && (upload_gone || failure.is_in_doubt())) {
            return Outcome::Failed;
        }
        let Ok(found) = self.bucket.head_within(self.key, SETTLE_ATTEMPTS).await else {
            return Outcome::Failed;
        };
        match found {
            Some(found) if may_be_ours && self.is_ours(&found) => Outcome::Written,
            None if refused && replaces => Outcome::Again(Condition::Absent),
            // It was there a moment ago, and is not any more; or the server
            // takes something for an object that is none, as SeaweedFS does
            // with the empty directory that deleted objects leave behind. Then
            // the HEAD of this moment has to do.
            None if refused && round < DOUBTS => Outcome::Again(condition.clone()),
            None if refused => Outcome::Again(Condition::None),
            _ => Outcome::Failed,
        }
    }

    fn fail(&self, failure: Failure) -> StoreError {
        if failure.is_precondition() {
            return changed(self.key, "something else is there than was listed");
        }
        self.bucket.fail(
            failure,
            Attempted {
                what: "upload",
                name: self.key.as_str(),
                // A condition reads what is there.
                permission: self
                    .bucket
                    .objects
                    .permissions()
                    .unwrap_or("s3:PutObject, and s3:GetObject for conditional requests"),
            },
        )
    }
}

enum Outcome {
    Written,
    /// Nothing was written, and under this condition it may be.
    Again(Condition),
    Failed,
}

/// What to demand. Where the server is not to check, we do, shortly before.
async fn condition(bucket: &Bucket, key: &Key, expected: &Expected) -> Result<Condition> {
    if bucket.conditions == Conditions::Server {
        match expected {
            Expected::Absent => return Ok(Condition::Absent),
            Expected::Version(Entry {
                revision: Some(etag),
                ..
            }) => return Ok(Condition::Match(etag.as_str().to_owned())),
            // A server without ETags: compared by size and time below.
            Expected::Version(_) => {}
        }
    }
    let found = bucket.head(key).await.map_err(|failure| {
        let attempted = Attempted {
            what: "look up",
            name: key.as_str(),
            permission: LOOK_UP,
        };
        bucket.fail(failure, attempted)
    })?;
    match (expected, found) {
        (_, None) => Ok(Condition::None),
        (Expected::Version(seen), Some(found)) if is_same(seen, &found) => Ok(Condition::None),
        _ => Err(changed(key, "something else is there than was listed")),
    }
}

/// Whether a HEAD shows the version that a listing showed.
pub(crate) fn is_same(seen: &Entry, found: &Entry) -> bool {
    let same_etag = match (&seen.revision, &found.revision) {
        (Some(seen), Some(found)) => Some(bare(seen.as_str()) == bare(found.as_str())),
        _ => None,
    };
    seen.size == found.size
        && same_etag.unwrap_or_else(|| is_same_time(seen.modified, found.modified))
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
