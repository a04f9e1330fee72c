//! The uploads that were begun and not ended, so that the next run can go on
//! with or abort what a killed one left.
//!
//! Nothing in a bucket tells whose an open upload is, so the one who begins
//! them keeps account, wherever it likes. What is in the journal is ours, and
//! nothing else is ever aborted; what was begun elsewhere cannot be in it.

use std::fmt::Debug;
use std::io;

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream;
use sync_core::{ErrorKind, Result, StoreError};

use crate::error::Attempted;
use crate::store::Bucket;
use crate::write::session;

/// Requests at once; a killed run leaves about as many uploads as it had
/// requests under way.
const ABORTS: usize = 16;

/// Keeps account of open uploads in one place in a bucket, from run to run.
///
/// Only one run at a time may use a journal: what is left in it is taken to
/// belong to runs that are no more. Its methods are called where waiting is
/// not allowed, so they must be quick.
pub trait UploadJournal: Debug + Send + Sync {
    /// Notes an upload before its first part is sent. An upload that cannot
    /// be noted is not made.
    ///
    /// # Errors
    /// A text that names the journal and says why it cannot be written.
    fn begun(&self, upload: &OpenUpload) -> io::Result<()>;

    /// Forgets an upload that is open no more. If that fails, the next run
    /// finds it to be gone; and one that was never noted is nothing to forget.
    fn ended(&self, upload_id: &str);

    /// What earlier runs began and nobody ended.
    ///
    /// # Errors
    /// A text that names the journal and says why it cannot be read.
    fn left(&self) -> io::Result<Vec<OpenUpload>>;
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key in the bucket, with the prefix.
    pub key: String,
    /// What the server calls the upload.
    pub upload_id: String,
    /// A digest of the [`ObjectSettings`](crate::ObjectSettings) that it was
    /// begun with; empty for the defaults. Only the same are gone on with.
    pub settings: String,
    /// Files up to this time are not later than the object, should the server
    /// date it by the beginning of the upload, as AWS does; none if unknown.
    pub covers: Option<DateTime<Utc>>,
}

/// What became of the uploads that earlier runs left open.
#[derive(Debug, Default)]
pub struct LeftUploads {
    /// How many were aborted. Those that were gone already don't count.
    pub aborted: usize,
    /// Why others were not; they stay in the journal.
    pub failed: Vec<StoreError>,
}

/// Aborts what the bucket's journal says is left. No request if that is nothing.
pub(crate) async fn abort_left(bucket: &Bucket) -> LeftUploads {
    let mut done = LeftUploads::default();
    let Some(journal) = &bucket.journal else {
        return done;
    };
    let left = journal.left().unwrap_or_else(|error| {
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

/// Whether there still was something to abort.
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
    journal.ended(&upload.upload_id);
    Ok(was_open)
}
