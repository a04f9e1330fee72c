//! Deletion: up to 1,000 keys a request, each with the ETag that was seen.
//!
//! DeleteObjects reports errors per key inside a 200, so its answer is read
//! key by key. It is asked to name the deleted ones too (no quiet mode):
//! silence is no proof, and a key that is missing from the answer is deleted
//! once more, singly. Keys that XML 1.0 cannot carry always go singly: the SDK
//! writes them raw, and one of them can fail the whole batch.

mod batch_answer;
pub(crate) mod batch_limits;
mod single;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures::StreamExt as _;
use futures::stream;
use sync_core::{Entry, ErrorKind, Expected, Result, StoreError};

use crate::bucket::Bucket;
use crate::client::amend::Amended;
use crate::client::content_md5::ContentMd5;
use crate::client::retry::pause;
use crate::delete::batch_answer::{is_vague, verdicts};
use crate::delete::batch_limits::{BATCH, fits_xml};
use crate::error::{Attempted, Failure};
use crate::etag::ETag;
use crate::head::Head;
use crate::options::Conditions;
use crate::quirks::{Manner, Quirk, Reason, Request};
use crate::version_check::Look;
use crate::write::conditional::{Attempts, Condition, ConditionalWrite, WriteRequest, changed};

pub(crate) use batch_answer::refuses_batches;
pub(crate) use single::delete_one;

/// Batches at once. S3 counts each key as a write, 3,500 a second a prefix,
/// so more would only bring 503.
const BATCHES: usize = 3;

/// Single requests at once.
const SINGLES: usize = 16;

/// Entries tried one by one before those that are gone are sorted out.
const TRIALS: u32 = 3;

/// Rounds in which keys with a passing error are tried.
const ROUNDS: u32 = 5;

/// What became of the entry of this index.
type Outcome = (usize, Result<()>);

/// Deletes each of `entries` that is still what it says; a result for each.
pub(crate) async fn delete(bucket: &Bucket, entries: &[Entry]) -> Vec<Result<()>> {
    Deletion { bucket, entries }.run().await
}

/// Entries go by their index from here on.
#[derive(Clone, Copy)]
struct Deletion<'a> {
    bucket: &'a Bucket,
    entries: &'a [Entry],
}

impl Deletion<'_> {
    async fn run(self) -> Vec<Result<()>> {
        let (batched, single): (Vec<_>, Vec<_>) = (0..self.entries.len()).partition(|&index| {
            let entry = self.entry(index);
            // Without ETags it is a server that keeps objects as files. A batch
            // leaves their directories there (JuiceFS), which are listed from
            // then on and in the way of a file of that name; single deletions
            // remove them. Each of these entries costs a look anyway.
            fits_xml(entry.key.as_str()) && entry.revision.is_some()
        });
        let mut outcomes = self.singly(single).await;
        let batches: Vec<_> = batched.chunks(BATCH).map(<[_]>::to_vec).collect();
        let mut batches = stream::iter(batches.into_iter().map(|batch| self.batch(batch)))
            .buffer_unordered(BATCHES);
        while let Some(done) = batches.next().await {
            outcomes.extend(done);
        }
        outcomes.sort_unstable_by_key(|(index, _)| *index);
        outcomes.into_iter().map(|(_, result)| result).collect()
    }

    fn entry(&self, index: usize) -> &Entry {
        &self.entries[index]
    }

    /// Deletes one batch, in as many rounds as it takes.
    async fn batch(self, batch: Vec<usize>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut single = Vec::new();
        let mut open = self.trials(batch, &mut outcomes, &mut single).await;
        open = self.still_the_same(open, &mut outcomes).await;
        let mut round = 1;
        while !open.is_empty() {
            match self.send(&open).await {
                Ok(answer) => {
                    let judged = self.judge(&answer, open, round < ROUNDS);
                    outcomes.extend(judged.done);
                    single.extend(judged.single);
                    open = judged.again;
                }
                Err(failure) if refuses_batches(&failure) => single.append(&mut open),
                Err(failure) => outcomes.extend(
                    open.drain(..)
                        .map(|index| (index, Err(self.fail(index, failure.clone())))),
                ),
            }
            if !open.is_empty() {
                tokio::time::sleep(pause(round)).await;
                round += 1;
            }
        }
        outcomes.extend(self.singly(single).await);
        outcomes
    }

    /// Deletes entries one by one until it is known how the server treats
    /// conditions in a batch, or that it has none; those that are left.
    async fn trials(
        self,
        batch: Vec<usize>,
        outcomes: &mut Vec<Outcome>,
        single: &mut Vec<usize>,
    ) -> Vec<usize> {
        let mut open = VecDeque::from(batch);
        let mut tried = 0;
        while let Some(&index) = open.front() {
            let expected = Expected::Version(self.entry(index).clone());
            let known = self.bucket.quirks.of(Request::DeleteBatch);
            if self.entry(index).revision.is_none()
                || self.bucket.conditions == Conditions::Client
                || !known.needs_trial(&expected)
            {
                break;
            }
            open.pop_front();
            let guarded = ConditionalWrite {
                bucket: self.bucket,
                key: &self.entry(index).key,
                expected: &expected,
                write: BatchOfOne {
                    deletion: self,
                    index,
                    has_no_batches: AtomicBool::new(false),
                },
            };
            let outcome = guarded.run().await;
            if guarded.write.has_no_batches.load(Ordering::Relaxed) {
                single.push(index);
                single.extend(std::mem::take(&mut open));
                break;
            }
            match outcome {
                Err(error) if error.kind() != ErrorKind::Changed => {
                    // It may be passing, which the batch sees to.
                    open.push_front(index);
                    break;
                }
                outcome => outcomes.push((index, outcome)),
            }
            // A key that is gone shows nothing. After an interruption thousands may be: they
            // are looked at together, not one by one.
            tried += 1;
            if tried == TRIALS && known.needs_trial(&expected) {
                open = self.look(open.into(), outcomes).await.into();
            }
        }
        open.into()
    }

    async fn send(&self, batch: &[usize]) -> Result<DeleteObjectsOutput, Failure> {
        let conditional: Vec<_> = batch
            .iter()
            .map(|&index| (index, self.condition(index)))
            .collect();
        self.send_under(&conditional).await
    }

    /// Asks for the deletion of entries, each under its condition; with
    /// `Content-MD5` once the server has asked for it.
    async fn send_under(
        &self,
        entries: &[(usize, Option<String>)],
    ) -> Result<DeleteObjectsOutput, Failure> {
        let with_md5 = self.bucket.sends_md5();
        match self.send_once(entries, with_md5).await {
            // Not every server says what it lacks.
            Err(failure) if !with_md5 && (failure.wants_md5() || is_vague(&failure)) => {
                let sent = self.send_once(entries, true).await;
                if sent.is_ok() {
                    self.bucket.quirks.note(Quirk::WantsMd5);
                }
                sent
            }
            settled => settled,
        }
    }

    async fn send_once(
        &self,
        entries: &[(usize, Option<String>)],
        with_md5: bool,
    ) -> Result<DeleteObjectsOutput, Failure> {
        let objects = entries.iter().map(|(index, etag)| {
            ObjectIdentifier::builder()
                .key(self.bucket.full_key(&self.entry(*index).key))
                .set_e_tag(etag.clone())
                .build()
        });
        let delete = objects
            .collect::<Result<Vec<_>, _>>()
            .and_then(|objects| {
                Delete::builder()
                    .set_objects(Some(objects))
                    .quiet(false)
                    .build()
            })
            .map_err(|error| Failure::protocol(error.to_string()))?;
        let mut request = self
            .bucket
            .client
            .delete_objects()
            .bucket(self.bucket.location.bucket())
            .delete(delete)
            .customize();
        if with_md5 {
            request = request.interceptor(Amended(ContentMd5));
        }
        request.send().await.map_err(|error| Failure::from(&error))
    }

    fn judge(&self, answer: &DeleteObjectsOutput, sent: Vec<usize>, may_repeat: bool) -> Judged {
        let verdicts = verdicts(answer);
        let mut judged = Judged::default();
        for index in sent {
            let key = self.bucket.full_key(&self.entry(index).key);
            let failure = match verdicts.get(key.as_str()) {
                Some(Some(error)) => Failure::of_key(error.code(), error.message()),
                Some(None) => {
                    judged.done.push((index, Ok(())));
                    continue;
                }
                None => {
                    judged.single.push(index);
                    continue;
                }
            };
            if failure.is_missing_key() {
                judged.done.push((index, Ok(())));
            } else if failure.is_precondition() {
                judged.single.push(index);
            } else if may_repeat && failure.is_passing() {
                judged.again.push(index);
            } else {
                judged.done.push((index, Err(self.fail(index, failure))));
            }
        }
        judged
    }

    /// Deletes each by a request of its own.
    async fn singly(self, entries: Vec<usize>) -> Vec<Outcome> {
        let requests = entries
            .into_iter()
            .map(|index| async move { (index, delete_one(self.bucket, self.entry(index)).await) });
        stream::iter(requests)
            .buffer_unordered(SINGLES)
            .collect()
            .await
    }

    /// The ETag that a batch names of an entry, where the server is to check it.
    fn condition(&self, index: usize) -> Option<String> {
        let etag = ETag::of(self.entry(index))?;
        if self.bucket.conditions == Conditions::Client {
            return None;
        }
        match self.bucket.quirks.of(Request::DeleteBatch).manner() {
            Manner::Bare => Some(etag.bare().to_owned()),
            Manner::Untried
            | Manner::RefusesWrong
            | Manner::Quoted
            | Manner::Look(Reason::Unanswered) => Some(etag.quoted()),
            Manner::Look(_) => None,
        }
    }

    /// Of those that the server may not check, or that have no ETag to check
    /// by: the ones that a look shows to be what was listed.
    async fn still_the_same(self, entries: Vec<usize>, outcomes: &mut Vec<Outcome>) -> Vec<usize> {
        let manner = self.bucket.quirks.of(Request::DeleteBatch).manner();
        let is_sure = manner != Manner::Look(Reason::Unanswered);
        let (mut open, unguarded): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|&index| is_sure && self.condition(index).is_some());
        open.extend(self.look(unguarded, outcomes).await);
        open
    }

    /// Those of `entries` that are what was listed, by a look at each, in their order.
    async fn look(self, entries: Vec<usize>, outcomes: &mut Vec<Outcome>) -> Vec<usize> {
        let mut open = Vec::new();
        let attempts = self.bucket.max_attempts;
        let looks = entries.into_iter().map(|index| async move {
            (index, self.bucket.look(self.entry(index), attempts).await)
        });
        let mut looks = stream::iter(looks).buffered(SINGLES);
        while let Some((index, look)) = looks.next().await {
            match look {
                Ok(Look::Gone) => outcomes.push((index, Ok(()))),
                Ok(Look::Same { .. }) => open.push(index),
                Ok(Look::Other(_)) => outcomes.push((index, Err(self.not_listed(index)))),
                Err(failure) => outcomes.push((index, Err(self.fail(index, failure)))),
            }
        }
        open
    }

    fn not_listed(&self, index: usize) -> StoreError {
        changed(
            &self.entry(index).key,
            "it is not the version that was listed",
        )
    }

    fn fail(&self, index: usize, failure: Failure) -> StoreError {
        let attempted = Attempted {
            what: "delete",
            name: self.entry(index).key.as_str(),
            permission: "s3:DeleteObject",
        };
        self.bucket.fail(failure, attempted)
    }
}

/// The deletion of one entry by a DeleteObjects.
struct BatchOfOne<'a> {
    deletion: Deletion<'a>,
    index: usize,
    /// Whether the server turns out to have no DeleteObjects.
    has_no_batches: AtomicBool,
}

#[async_trait]
impl WriteRequest for BatchOfOne<'_> {
    async fn send(&self, condition: &Condition, _: &Attempts) -> Result<(), Failure> {
        let entries = [(self.index, condition.if_match())];
        let sent = self.deletion.send_under(&entries).await;
        let answer = sent.inspect_err(|failure| {
            if refuses_batches(failure) {
                self.has_no_batches.store(true, Ordering::Relaxed);
            }
        })?;
        let key = &self.deletion.entry(self.index).key;
        let key = self.deletion.bucket.full_key(key);
        match verdicts(&answer).remove(key.as_str()) {
            Some(Some(error)) => Err(Failure::of_key(error.code(), error.message())),
            Some(None) => Ok(()),
            None => Err(Failure::protocol(
                "the answer lacks the key that was asked for",
            )),
        }
    }

    fn kind(&self) -> Request {
        Request::DeleteBatch
    }

    fn is_ours(&self, _: &Head) -> bool {
        false
    }

    fn repeats_conflicts(&self) -> bool {
        true
    }
}

/// What an answer says about each key.
#[derive(Default)]
struct Judged {
    done: Vec<Outcome>,
    /// To be sent again in a batch.
    again: Vec<usize>,
    /// To be settled by a request of their own.
    single: Vec<usize>,
}
