//! The deletion of one object by a DeleteObject.

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use sync_core::{Entry, Expected, Result};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::head::Head;
use crate::quirks::Request;
use crate::write::conditional::{Attempts, Condition, ConditionalWrite, WRONG_ETAG, WriteRequest};

/// Deletes `entry`, if it is still what it says, by a request of its own.
pub(crate) fn delete_one<'a>(bucket: &'a Bucket, entry: &'a Entry) -> BoxFuture<'a, Result<()>> {
    async move {
        let guarded = ConditionalWrite {
            bucket,
            key: &entry.key,
            expected: &Expected::Version(entry.clone()),
            write: One { bucket, entry },
        };
        guarded.run().await
    }
    .boxed()
}

/// The deletion of one entry by a DeleteObject.
struct One<'a> {
    bucket: &'a Bucket,
    entry: &'a Entry,
}

#[async_trait]
impl WriteRequest for One<'_> {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let sent = self
            .bucket
            .client
            .delete_object()
            .bucket(self.bucket.location.bucket())
            .key(self.bucket.key_label(&self.entry.key))
            .set_if_match(condition.if_match())
            .customize()
            .interceptor(attempts.clone())
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        let failure = Failure::from(&error);
        // What is gone is deleted; under a wrong condition that tells nothing.
        let is_trial = condition.if_match().is_some_and(|etag| etag == WRONG_ETAG);
        if failure.is_missing_key() && !is_trial {
            return Ok(());
        }
        Err(failure)
    }

    fn kind(&self) -> Request {
        Request::Delete
    }

    fn is_ours(&self, _: &Head) -> bool {
        false
    }

    fn repeats_conflicts(&self) -> bool {
        true
    }
}
