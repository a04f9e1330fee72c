//! The last step of an execution: deletions, in batches, each after one more
//! look at the source where that tells something.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::future::ready;
use futures::stream::{self, StreamExt};

use super::cleared::Cleared;
use super::clearing::is_back;
use super::events::DeletionsSkipped;
use super::options::{DeletionScope, OnSourceChange};
use super::run::Run;
use super::workspace::{DELETE_BATCH, Workspace};
use crate::{
    entry::Entry,
    error::Result,
    plan::{Action, Plan},
    rule::Direction,
};

/// Batches in flight at most. Eight of a thousand keys are more than S3 takes in a
/// second at one prefix (User Guide, "Optimizing Amazon S3 performance": 3,500
/// writes), and little memory.
const BATCHES: usize = 8;

/// What has become of a batch.
struct Outcome {
    /// The entries that were looked at or deleted.
    entries: Vec<(Entry, Result<()>)>,
    /// Whether the rest of the batch was not tried, because the run stops.
    is_cut: bool,
}

impl Run<'_> {
    /// Deletes what the plan names and is not gone yet, if all was copied. Several
    /// batches are in flight at a time.
    pub(crate) async fn deletions(&mut self, plan: &Plan) -> io::Result<()> {
        let is_whole = self.work.options.deletions == DeletionScope::All;
        if plan.counts().deleted().entries == 0 || !is_whole {
            return Ok(());
        }
        self.deletions_withheld = self.withheld(plan);
        if self.deletions_withheld.is_some() {
            return Ok(());
        }
        let (work, halted) = (self.work, AtomicBool::new(false));
        let cleared = std::mem::take(&mut self.cleared);
        let looks = must_look_again(plan.direction(), work.options.on_source_change);
        let mut batches = batches(plan, &cleared)?;
        // The first goes alone: what refuses every deletion is found by one request.
        if let Some(first) = batches.next() {
            let first = work.delete(first?, looks, &halted).await;
            self.note_deletions(&first, &halted);
        }
        let mut outcomes = pin!(
            stream::iter(batches)
                .take_while(|_| ready(!halted.load(Relaxed)))
                .take_until(work.stop.clone())
                .map(|batch| async {
                    let batch = batch?;
                    let _permit = work.permit(0).await;
                    Ok::<_, io::Error>(work.delete(batch, looks, &halted).await)
                })
                .buffer_unordered(BATCHES)
        );
        while let Some(outcome) = outcomes.next().await {
            self.note_deletions(&outcome?, &halted);
        }
        if work.is_stopped() {
            self.stop_deleting();
        }
        Ok(())
    }

    /// Notes what has become of a batch; sets `halted` if no other is to be begun.
    fn note_deletions(&mut self, outcome: &Outcome, halted: &AtomicBool) {
        for (entry, result) in &outcome.entries {
            self.note_deletion(entry, result);
        }
        if outcome.is_cut || self.stopped {
            halted.store(true, Relaxed);
            self.stop_deleting();
        }
    }

    fn note_deletion(&mut self, entry: &Entry, result: &Result<()>) {
        match result {
            Ok(()) => self.note_deleted(entry),
            // As on a read-only file system: the first is named.
            Err(error) if self.is_known(error) => self.note_not_written(&error.to_string()),
            Err(error) => {
                self.stopped |= error.kind().stops_run();
                self.note_failed(&entry.key, error);
            }
        }
    }

    fn stop_deleting(&mut self) {
        self.stopped = true;
        self.deletions_withheld = Some(DeletionsSkipped::Stopped);
    }
}

/// The deletions of `plan` that have not been made yet, in batches.
fn batches<'c>(
    plan: &Plan,
    cleared: &'c Cleared,
) -> io::Result<impl Iterator<Item = io::Result<Vec<Entry>>> + use<'c>> {
    let mut entries = plan.actions()?.filter_map(|action| match action {
        Ok(Action::Delete(delete)) if !cleared.has(&delete.target.key) => Some(Ok(delete.target)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    Ok(std::iter::from_fn(move || {
        let batch: io::Result<Vec<Entry>> = entries.by_ref().take(DELETE_BATCH).collect();
        match batch {
            Ok(batch) if batch.is_empty() => None,
            batch => Some(batch),
        }
    }))
}

impl Workspace<'_> {
    /// Deletes `batch`, if `looks` after a look at the source.
    async fn delete(&self, batch: Vec<Entry>, looks: bool, halted: &AtomicBool) -> Outcome {
        let mut outcome = Outcome {
            entries: Vec::with_capacity(batch.len()),
            is_cut: false,
        };
        let batch = if looks {
            self.still_absent(batch, &mut outcome.entries).await
        } else {
            batch
        };
        let stops = |(_, result): &(Entry, Result<()>)| {
            let error = result.as_ref().err();
            error.is_some_and(|error| error.kind().stops_run())
        };
        // A thousand looks take their time, and may fail.
        if self.is_stopped() || halted.load(Relaxed) || outcome.entries.iter().any(stops) {
            outcome.is_cut = true;
        } else if !batch.is_empty() {
            let results = self.delete_planned(&batch).await.into_iter();
            let results = results.map(|(_, result)| result).collect::<Vec<_>>();
            outcome.entries.extend(batch.into_iter().zip(results));
        }
        outcome
    }

    /// Those that the source still lacks; the others are added to `kept`.
    async fn still_absent(
        &self,
        batch: Vec<Entry>,
        kept: &mut Vec<(Entry, Result<()>)>,
    ) -> Vec<Entry> {
        let found: Vec<_> = stream::iter(&batch)
            .take_until(self.stop.clone())
            .map(|entry| self.source.lacks(&entry.key))
            .buffered(self.options.concurrency.max(1))
            .collect()
            .await;
        let mut absent = Vec::with_capacity(batch.len());
        for (entry, found) in batch.into_iter().zip(found) {
            match found {
                Ok(true) => absent.push(entry),
                Ok(false) => {
                    let error = is_back(&entry.key);
                    kept.push((entry, Err(error)));
                }
                Err(error) => kept.push((entry, Err(error))),
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
