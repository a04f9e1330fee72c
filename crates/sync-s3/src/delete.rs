//! Deletion: up to 1,000 keys a request, each with the ETag that was seen.
//!
//! DeleteObjects reports errors per key inside a 200, so its answer is read
//! key by key. It is asked to name the deleted ones too (no quiet mode):
//! silence is no proof, and a key that is missing from the answer is deleted
//! once more, singly. Keys that XML 1.0 cannot carry always go singly: the SDK
//! writes them raw, and one of them can fail the whole batch.

use std::collections::HashMap;

use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::types::{Delete, Error as KeyError, ObjectIdentifier};
use futures::StreamExt as _;
use futures::stream;
use sync_core::{Entry, ErrorKind, Result, StoreError};

use crate::error::{Attempted, Failure};
use crate::guard::{changed, is_same, pause};
use crate::options::Conditions;
use crate::store::Bucket;

/// Keys that one DeleteObjects takes (API Reference).
pub(crate) const BATCH: usize = 1_000;

/// Batches at once. S3 counts each key as a write, 3,500 a second a prefix,
/// so more would only bring 503.
const BATCHES: usize = 3;

/// Single requests at once.
const SINGLES: usize = 16;

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

/// Whether XML 1.0 can carry the key as it is. Parsers turn a carriage return
/// into a line feed, so that is none of the harmless ones either; and some drop
/// an element's text if it is nothing but white space.
pub(crate) fn fits_xml(key: &str) -> bool {
    !key.trim().is_empty()
        && !key
            .chars()
            .any(|c| c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

impl Deletion<'_> {
    async fn run(self) -> Vec<Result<()>> {
        let (batched, single): (Vec<_>, Vec<_>) =
            (0..self.entries.len()).partition(|&index| fits_xml(self.entry(index).key.as_str()));
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
        let (mut open, mut outcomes) = self.still_the_same(batch).await;
        let mut single = Vec::new();
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

    async fn send(&self, batch: &[usize]) -> Result<DeleteObjectsOutput, Failure> {
        let objects = batch.iter().map(|&index| {
            ObjectIdentifier::builder()
                .key(self.bucket.full_key(&self.entry(index).key))
                .set_e_tag(self.condition(index))
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
        let sent = self
            .bucket
            .client
            .delete_objects()
            .bucket(self.bucket.location.bucket())
            .delete(delete)
            .send()
            .await;
        sent.map_err(|error| Failure::from(&error))
    }

    fn judge(&self, answer: &DeleteObjectsOutput, sent: Vec<usize>, may_repeat: bool) -> Judged {
        let deleted = answer.deleted().iter().filter_map(|deleted| deleted.key());
        let mut verdicts: HashMap<&str, Option<&KeyError>> =
            deleted.map(|key| (key, None)).collect();
        // An error outweighs a success for the same key.
        let errors = answer.errors().iter();
        verdicts.extend(errors.filter_map(|error| Some((error.key()?, Some(error)))));

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
            } else if may_repeat && is_passing(&failure) {
                judged.again.push(index);
            } else {
                judged.done.push((index, Err(self.fail(index, failure))));
            }
        }
        judged
    }

    /// Deletes each by a request of its own.
    async fn singly(self, entries: Vec<usize>) -> Vec<Outcome> {
        let (open, mut outcomes) = self.still_the_same(entries).await;
        let requests = open
            .into_iter()
            .map(|index| async move { (index, self.one(index).await) });
        let mut done = stream::iter(requests).buffer_unordered(SINGLES);
        while let Some(outcome) = done.next().await {
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn one(&self, index: usize) -> Result<()> {
        let key = &self.entry(index).key;
        let sent = self
            .bucket
            .client
            .delete_object()
            .bucket(self.bucket.location.bucket())
            .key(self.bucket.key_label(key))
            .set_if_match(self.condition(index))
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        let failure = Failure::from(&error);
        if failure.is_missing_key() {
            return Ok(());
        }
        if !failure.is_precondition() {
            return Err(self.fail(index, failure));
        }
        // The server may say the same of a key that is gone, perhaps by a
        // first attempt of ours whose answer was lost.
        match self.bucket.head(key).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(self.not_listed(index)),
            Err(failure) => Err(self.fail(index, failure)),
        }
    }

    fn condition(&self, index: usize) -> Option<String> {
        let revision = self.entry(index).revision.as_ref()?;
        (self.bucket.conditions == Conditions::Server).then(|| revision.as_str().to_owned())
    }

    /// Where the server is not to check, or there is no ETag to check by:
    /// those that a HEAD shows to be what was listed, and the outcomes of the
    /// others.
    async fn still_the_same(self, entries: Vec<usize>) -> (Vec<usize>, Vec<Outcome>) {
        let (mut open, unguarded): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|&index| self.condition(index).is_some());
        let checks = unguarded
            .into_iter()
            .map(|index| async move { (index, self.bucket.head(&self.entry(index).key).await) });
        let mut checks = stream::iter(checks).buffer_unordered(SINGLES);
        let mut outcomes = Vec::new();
        while let Some((index, found)) = checks.next().await {
            match found {
                Ok(None) => outcomes.push((index, Ok(()))),
                Ok(Some(found)) if is_same(self.entry(index), &found) => open.push(index),
                Ok(Some(_)) => outcomes.push((index, Err(self.not_listed(index)))),
                Err(failure) => outcomes.push((index, Err(self.fail(index, failure)))),
            }
        }
        (open, outcomes)
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

/// What an answer says about each key.
#[derive(Default)]
struct Judged {
    done: Vec<Outcome>,
    /// To be sent again in a batch.
    again: Vec<usize>,
    /// To be settled by a request of their own.
    single: Vec<usize>,
}

/// Whether the same request may succeed a little later.
fn is_passing(failure: &Failure) -> bool {
    matches!(
        failure.kind(),
        ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Timeout
    ) || failure.is_conflict()
}

/// Servers without DeleteObjects, or that insist on a `Content-MD5`.
fn refuses_batches(failure: &Failure) -> bool {
    matches!(failure.status, Some(405 | 501))
        || failure.has_code(&[
            "NotImplemented",
            "MethodNotAllowed",
            "MissingContentMD5",
            "InvalidDigest",
            "InvalidRequest",
            "InvalidArgument",
            "MalformedXML",
        ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_go_into_xml() {
        for key in [
            "a\nb", "a\rb", "a\tb", "\u{1}", "\u{1f}", "\u{ffff}", " ", "\u{3000}",
        ] {
            assert!(!fits_xml(key), "{key:?}");
        }
        for key in ["a b", "é", "\u{7f}", "<&>\"'", "😀"] {
            assert!(fits_xml(key), "{key:?}");
        }
    }
}
