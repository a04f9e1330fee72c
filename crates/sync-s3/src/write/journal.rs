//! The uploads that are open, so that the next run can resume or abort those of a
//! killed one.
//!
//! Nothing in a bucket shows whose an open upload is, so its owner records it,
//! wherever it likes. Uploads in the journal are ours, and no others are ever
//! aborted; an upload that was begun elsewhere cannot be in it.

use std::fmt::Debug;
use std::io;

use chrono::{DateTime, Utc};

/// Records the open uploads below one prefix of a bucket, from run to run.
///
/// Only one run at a time may use a journal: pending uploads are assumed to belong
/// to earlier runs. Its methods are called where blocking is not allowed, so they
/// must be quick.
pub trait UploadJournal: Debug + Send + Sync {
    /// Records an upload before its first part is sent. An upload that cannot be
    /// recorded is aborted.
    ///
    /// # Errors
    /// A text that names the journal and says why it cannot be written.
    fn record(&self, upload: &OpenUpload) -> io::Result<()>;

    /// Removes an upload that is no longer open. If that fails, the next run finds
    /// that it is gone. Removing an upload that was never recorded does nothing.
    fn remove(&self, upload_id: &str);

    /// The uploads that earlier runs began and that were neither completed nor aborted.
    ///
    /// # Errors
    /// A text that names the journal and says why it cannot be read.
    fn pending(&self) -> io::Result<Vec<OpenUpload>>;
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key in the bucket, with the prefix.
    pub key: String,
    /// The identifier that the server gave the upload.
    pub upload_id: String,
    /// A digest of the [`ObjectSettings`](crate::ObjectSettings) that it was begun
    /// with, and of the key of SSE-C; empty for the defaults. Only an upload with the same settings is
    /// resumed.
    pub settings: String,
    /// Files up to this time are not later than the object, if the server dates it by
    /// the beginning of the upload, as AWS does; `None` if unknown.
    pub covers: Option<DateTime<Utc>>,
}
