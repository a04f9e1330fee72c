//! The uploads that were begun and not ended, so that the next run can go on
//! with or abort what a killed one left.
//!
//! Nothing in a bucket tells whose an open upload is, so the one who begins
//! them keeps account, wherever it likes. What is in the journal is ours, and
//! nothing else is ever aborted; what was begun elsewhere cannot be in it.

use std::fmt::Debug;
use std::io;

use chrono::{DateTime, Utc};

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
