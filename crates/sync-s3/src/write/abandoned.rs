//! Aborts the uploads that earlier runs left open.

use futures::StreamExt as _;
use futures::stream;
use sync_core::{ErrorKind, Result, StoreError};

use crate::bucket::Bucket;
use crate::error::Attempted;
use crate::write::journal::{OpenUpload, UploadJournal};
use crate::write::session;

/// Requests at once; a killed run leaves about as many uploads as it had requests in
/// flight.
const ABORTS: usize = 16;

/// What became of the uploads that earlier runs left open.
#[derive(Debug, Default)]
pub struct LeftUploads {
    /// How many were aborted. Those that were gone already do not count.
    pub aborted: usize,
    /// Why the others were not; they stay in the journal.
    pub failed: Vec<StoreError>,
}

/// Aborts the pending uploads of the bucket's journal. Sends no request if there are
/// none.
pub(crate) async fn abort_left(bucket: &Bucket) -> LeftUploads {
    let mut done = LeftUploads::default();
    let Some(journal) = &bucket.journal else {
        return done;
    };
    let left = journal.pending().unwrap_or_else(|error| {
        let message = "cannot tell which uploads an earlier run left open";
        done.failed
            .push(StoreError::new(ErrorKind::Other, message).with_source(error));
        Vec::new()
    });
    let aborts = left
        .into_iter()
        .map(|upload| async move { abort_one(bucket, &**journal, &upload).await });
    let mut aborts = stream::iter(aborts).buffered(ABORTS);
    while let Some(result) = aborts.next().await {
        match result {
            Ok(was_open) => done.aborted += usize::from(was_open),
            Err(error) => done.failed.push(error),
        }
    }
    done
}

/// Returns whether the upload was still open.
async fn abort_one(
    bucket: &Bucket,
    journal: &dyn UploadJournal,
    upload: &OpenUpload,
) -> Result<bool> {
    let key = upload.key.as_str();
    let was_open = session::abort(bucket, key, &upload.upload_id)
        .await
        .map_err(|failure| {
            let attempted = Attempted {
                what: "abort the unfinished upload of",
                name: key.strip_prefix(bucket.location.prefix()).unwrap_or(key),
                permission: "s3:AbortMultipartUpload",
            };
            bucket.fail(failure, attempted)
        })?;
    journal.remove(&upload.upload_id);
    Ok(was_open)
}
