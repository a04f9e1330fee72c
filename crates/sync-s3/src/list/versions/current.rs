//! Whether a server lists versions of all objects that it has.
//!
//! Some servers lose versions between pages. The keys of the current objects that were
//! not written since the moment must all come among the keys that have versions, in the
//! same order: so the two listings are read side by side, and neither is held.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, StreamExt};
use sync_core::{
    Entry, ErrorKind, KeyRange, Listed, Result, Selection, StoreError, text::printable,
};

use crate::bucket::Bucket;
use crate::list;
use crate::list::parallel::tuning::Tuning;
use crate::list::prune::Pruner;

/// The keys of the current objects that were there at the moment.
pub(super) struct CurrentKeys {
    bucket: Arc<Bucket>,
    /// What it skips is not looked for.
    pruner: Arc<Pruner>,
    at: DateTime<Utc>,
    entries: BoxStream<'static, Result<Listed>>,
    next: Option<Entry>,
    begun: bool,
}

impl CurrentKeys {
    pub(super) fn new(
        bucket: &Arc<Bucket>,
        selection: Arc<Selection>,
        pruner: Arc<Pruner>,
        at: DateTime<Utc>,
        tuning: Tuning,
    ) -> Self {
        let all = KeyRange::default();
        Self {
            entries: list::list_tuned(Arc::clone(bucket), selection, all, tuning),
            bucket: Arc::clone(bucket),
            pruner,
            at,
            next: None,
            begun: false,
        }
    }

    /// Versions of `key` have been listed.
    pub(super) async fn pass(&mut self, key: &str) -> Result<()> {
        if !self.begun {
            self.advance().await?;
            self.begun = true;
        }
        if self
            .next
            .as_ref()
            .is_some_and(|next| next.key.as_str() == key)
        {
            self.advance().await?;
        }
        Ok(())
    }

    /// All versions have been listed.
    pub(super) async fn end(mut self) -> Result<()> {
        if !self.begun {
            self.advance().await?;
        }
        let Some(entry) = self.next else {
            return Ok(());
        };
        let key = self.bucket.full_key(&entry.key);
        let key = printable(&key);
        let message = format!("cannot rely on the versions of {}", self.bucket.location);
        let why = format!(
            "the server lists the object '{key}', but no version of it in its place: it loses \
             versions between pages, or lists objects and versions in different orders"
        );
        Err(StoreError::new(ErrorKind::Unsupported, message)
            .with_source(why)
            .with_hint("`s3mirror doctor` tells whether this server is fit for --at"))
    }

    async fn advance(&mut self) -> Result<()> {
        self.next = None;
        while let Some(item) = self.entries.next().await {
            if let Listed::Entry(entry) = item?
                && entry.modified <= self.at
                && self.pruner.pruned_parent(entry.key.as_str()).is_none()
            {
                self.next = Some(entry);
                break;
            }
        }
        Ok(())
    }
}
