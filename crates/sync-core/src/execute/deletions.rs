//! The last step of an execution: deletions, in batches, each after one more
//! look at the source where that tells something.

use std::io;

use futures::stream::{self, StreamExt};

use super::events::DeletionsSkipped;
use super::options::OnSourceChange;
use super::run::Run;
use super::workspace::DELETE_BATCH;
use crate::{
    entry::Entry,
    error::{ErrorKind, StoreError},
    plan::{Action, Plan},
    rule::Direction,
    store::delete,
};

impl Run<'_> {
    /// Deletes what the plan names and is not gone yet, if all was copied.
    pub(crate) async fn deletions(&mut self, plan: &Plan) -> io::Result<()> {
        if plan.counts().deleted().entries == 0 {
            return Ok(());
        }
        self.deletions_withheld = self.withheld(plan);
        let mut batch = Vec::new();
        for action in plan.actions()? {
            if self.deletions_withheld.is_some() {
                return Ok(());
            }
            if let Action::Delete(delete) = action?
                && !self.cleared.has(&delete.target.key)
            {
                batch.push(delete.target);
            }
            if batch.len() == DELETE_BATCH {
                self.delete(plan, std::mem::take(&mut batch)).await;
            }
        }
        self.delete(plan, batch).await;
        Ok(())
    }

    async fn delete(&mut self, plan: &Plan, mut batch: Vec<Entry>) {
        if self.work.is_stopped() {
            self.stop_deleting();
            return;
        }
        if must_look_again(plan.direction(), self.work.options.on_source_change) {
            batch = self.still_absent(batch).await;
            // A thousand looks take their time, and may fail.
            if self.stopped || self.work.is_stopped() {
                self.stop_deleting();
                return;
            }
        }
        if batch.is_empty() {
            return;
        }
        for (entry, result) in delete(self.work.target, &batch).await {
            match result {
                Ok(()) => self.note_deleted(entry),
                // As on a read-only file system: the first is named.
                Err(error) if self.is_known(&error) => {
                    self.note_not_written(&error.to_string());
                }
                Err(error) => {
                    if error.kind().stops_run() {
                        self.stop_deleting();
                    }
                    self.note_failed(&entry.key, &error);
                }
            }
        }
    }

    fn stop_deleting(&mut self) {
        self.stopped = true;
        self.deletions_withheld = Some(DeletionsSkipped::Stopped);
    }

    /// Those that the source still lacks.
    async fn still_absent(&mut self, batch: Vec<Entry>) -> Vec<Entry> {
        let source = self.work.source;
        let found: Vec<_> = stream::iter(&batch)
            .take_until(self.work.stop.clone())
            .map(|entry| source.lacks(&entry.key))
            .buffered(self.work.options.concurrency.max(1))
            .collect()
            .await;
        let mut absent = Vec::with_capacity(batch.len());
        for (entry, found) in batch.into_iter().zip(found) {
            match found {
                Ok(true) => absent.push(entry),
                Ok(false) => {
                    let message = format!("'{}' is in the source again; it is kept", entry.key);
                    let error = StoreError::new(ErrorKind::Changed, message);
                    self.note_failed(&entry.key, &error);
                }
                Err(error) => {
                    self.stopped |= error.kind().stops_run();
                    self.note_failed(&entry.key, &error);
                }
            }
        }
        absent
    }
}

/// Whether the source is asked once more before anything is deleted. A tree is
/// no snapshot: a file that was renamed during the walk may have been missed
/// under both names. In a restore it would cost a request each, and the listing
/// of a bucket is consistent; but what was listed long ago may have come since.
pub(crate) fn must_look_again(direction: Direction, on_change: OnSourceChange) -> bool {
    direction == Direction::Backup || on_change == OnSourceChange::Refuse
}
