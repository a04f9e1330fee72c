//! Transfers that something is in the way of: what blocks gives way only once
//! its replacement is ready, and only where nothing else forbids deletions.
//!
//! In a tree it is certain that a file `a` is in the way of `a/b`, and the
//! other way round. Most buckets hold both; only a server that keeps objects in
//! directories refuses. So a restore clears the way when the copy is written
//! and verified, and a backup tries first: what the plan deletes gives way once
//! the store has refused the copy for that reason.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::future::ready;
use futures::stream::{self, StreamExt};

use super::clearing::{Blockers, Clearing};
use super::events::DeletionsSkipped;
use super::rounds::{Replacement, first_round, second_round};
use super::run::{Rest, Run};
use super::transfer::Done;
use super::workspace::{Workspace, stopped};
use crate::{
    error::{ErrorKind, StoreError},
    plan::{Blocker, Plan, Transfer},
    rule::Direction,
};

/// A transfer with what may have to give way to it.
struct Job<'p> {
    transfer: Transfer,
    clearing: Option<Clearing<'p>>,
    /// Why it cannot be tried.
    hopeless: bool,
}

impl Run<'_> {
    /// All transfers that something is in the way of, and those that turned out
    /// to be such.
    pub(crate) async fn blocked_transfers(&mut self, plan: &Plan, rest: Rest) -> io::Result<()> {
        if !rest.any_blocked && rest.refused.is_empty() {
            return Ok(());
        }
        let withheld = self.withheld(plan);
        let refused = rest.refused.into_iter().map(|(at, transfer)| {
            Ok(Job {
                transfer,
                clearing: Some(Clearing::new(Blockers::From(plan, at))),
                hopeless: false,
            })
        });
        let is_halted = self.replace(refused, withheld).await?;
        if is_halted || !rest.any_blocked {
            return Ok(());
        }
        let must_clear = self.work.direction == Direction::Restore;
        let first = first_round(plan)?.map(|replacement| {
            replacement.map(|Replacement { transfer, blockers }| Job {
                transfer,
                clearing: Some(Clearing::new(blockers)),
                hopeless: must_clear && withheld.is_some(),
            })
        });
        if self.replace(first, withheld).await? {
            return Ok(());
        }
        let cleared = std::mem::take(&mut self.cleared);
        let second = second_round(plan)?.map(|next| {
            next.map(|(transfer, file)| Job {
                transfer,
                clearing: None,
                hopeless: must_clear && !cleared.has_made_way(&file),
            })
        });
        let replaced = self.replace(second, withheld).await;
        self.cleared = cleared;
        replaced.map(drop)
    }

    /// Carries out `jobs` side by side; whether an error of one stops the run.
    async fn replace<'p>(
        &mut self,
        jobs: impl Iterator<Item = io::Result<Job<'p>>> + Send,
        withheld: Option<DeletionsSkipped>,
    ) -> io::Result<bool> {
        let work = self.work;
        if withheld == Some(DeletionsSkipped::Stopped) && work.direction == Direction::Backup {
            return Ok(false);
        }
        let halted = AtomicBool::new(false);
        let mut results = stream::iter(jobs)
            .take_while(|_| ready(!halted.load(Relaxed)))
            .take_until(work.stop.clone())
            .map(|job| async {
                let mut job = job?;
                let done = work.replace(&mut job, withheld).await;
                Ok::<_, io::Error>((job, done))
            })
            .buffer_unordered(work.options.concurrency.max(1));
        while let Some(done) = results.next().await {
            let (job, done) = done?;
            if done.error().is_some_and(|error| error.kind().stops_run()) {
                halted.store(true, Relaxed);
                self.stopped = true;
            }
            match &job.clearing {
                Some(clearing) if clearing.is_done() => {
                    self.cleared.note(clearing.blockers(), &job.transfer);
                }
                Some(clearing) if matches!(done, Done::Earlier) => {
                    self.cleared.note_gone(clearing.blockers());
                }
                _ => {}
            }
            self.note_transfer(&job.transfer, &done);
        }
        drop(results);
        self.stopped |= work.is_stopped();
        Ok(halted.into_inner())
    }
}

impl Workspace<'_> {
    async fn replace(&self, job: &mut Job<'_>, withheld: Option<DeletionsSkipped>) -> Done {
        if job.hopeless {
            return match self.done_before(&job.transfer).await {
                Some(step) => self.end(step).await,
                None => Done::Failed(still_blocked(&job.transfer)),
            };
        }
        let transfer = &job.transfer;
        if self.direction == Direction::Restore {
            return self.transfer(transfer, job.clearing.as_mut()).await;
        }
        let done = self.transfer(transfer, None).await;
        let (Done::Failed(refusal), Some(clearing)) = (&done, &mut job.clearing) else {
            return done;
        };
        if refusal.kind() != ErrorKind::Blocked || withheld.is_some() || self.is_stopped() {
            return done;
        }
        let cleared = async {
            self.is_readable(&transfer.source).await?;
            clearing.clear(self, &transfer.source.key).await
        };
        match cleared.await {
            Ok(true) if self.is_stopped() => Done::Failed(stopped()),
            Ok(true) => self.transfer(transfer, None).await,
            Ok(false) => done,
            Err(error) => Done::Failed(error),
        }
    }
}

fn still_blocked(transfer: &Transfer) -> StoreError {
    let what = match &transfer.blocker {
        Some(Blocker::File(file)) => format!("the file '{}'", file.key),
        _ => "a directory".to_owned(),
    };
    let message = format!(
        "cannot write '{}': {what} is in the way, and nothing is deleted in an incomplete run",
        transfer.source.key
    );
    StoreError::new(ErrorKind::Blocked, message)
}
