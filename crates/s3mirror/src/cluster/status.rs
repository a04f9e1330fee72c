//! How far a run is, by the files of its directory alone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sync_core::plan::Tally;

use super::error::Result;
use super::files::{BeatFile, BeganFile, FailedFile, now};
use super::run::ClusterRun;
use super::shard::{Shard, ShardState};
use crate::progress::Share;

/// What state a run is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// It was divided; no shard has begun.
    Sealed,
    /// Shards are executed.
    Copying,
    /// All shards are done; it can be finished.
    Copied,
    /// Nothing is left to do.
    Finished,
    /// Nothing is left to do, but some of the source could not be read, so that
    /// nothing was deleted.
    Incomplete,
}

/// How far a run is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// What state it is in.
    pub state: State,
    /// Shards that are done.
    pub shards: Share,
    /// Those that nobody has begun.
    pub waiting: usize,
    /// Those at which somebody works, or was killed.
    pub running: Vec<RunningShard>,
    /// Those whose last attempt failed.
    pub failed: Vec<FailedShard>,
    /// Entries copied, those of unfinished shards as of their last beats.
    pub transfers: Share,
    /// Bytes copied, likewise.
    pub bytes: Share,
    /// What is to be deleted at the end.
    pub deletions: Tally,
    /// When the first shard began.
    pub began: Option<DateTime<Utc>>,
    /// Bytes a second since then.
    pub rate: Option<u64>,
    /// How long the rest will take at that rate.
    pub left: Option<Duration>,
}

/// A shard at which somebody works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunningShard {
    /// Its number.
    pub shard: usize,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// Where it runs.
    pub host: String,
    /// The number of its process there.
    pub process: i32,
    /// What the scheduler calls the job.
    pub job: Option<String>,
    /// When it last wrote how far it is, by the clocks of both machines.
    pub beat: Duration,
    /// Entries copied.
    pub transfers: Share,
    /// Bytes copied.
    pub bytes: Share,
}

/// A shard whose last attempt failed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FailedShard {
    /// Its number.
    pub shard: usize,
    /// How many attempts have failed.
    pub attempt: u32,
    /// Where the last one ran.
    pub host: String,
    /// Why, if it was not for the sake of entries.
    pub why: Option<String>,
    /// Entries that failed.
    pub entries: u64,
    /// Whether another attempt would fail in the same way, because they are no longer
    /// what was planned.
    pub is_outdated: bool,
    /// The first of them, each with its error.
    pub names: Vec<(String, String)>,
}

impl ClusterRun {
    /// How far it is.
    ///
    /// # Errors
    /// Those of reading its directory.
    pub fn status(&self) -> Result<Status> {
        let counts = self.counts();
        let planned = counts.created() + counts.overwritten();
        let share = |all| Share { done: 0, all };
        let mut status = Status {
            state: State::Sealed,
            shards: share(self.shards() as u64),
            waiting: 0,
            running: Vec::new(),
            failed: Vec::new(),
            transfers: share(planned.entries),
            bytes: share(planned.bytes),
            deletions: counts.deleted(),
            began: None,
            rate: None,
            left: None,
        };
        for index in 0..self.shards() {
            let shard = Shard(index);
            self.add(shard, shard.state(&self.directory)?, &mut status)?;
        }
        status.state = match self.finished_file()? {
            Some(finished) if finished.complete => State::Finished,
            Some(_) => State::Incomplete,
            None if status.waiting == self.shards() => State::Sealed,
            None if status.shards.done == status.shards.all => State::Copied,
            None => State::Copying,
        };
        status.estimate();
        Ok(status)
    }

    fn add(&self, shard: Shard, state: ShardState, status: &mut Status) -> Result<()> {
        match state {
            ShardState::Waiting => status.waiting += 1,
            ShardState::Running(began, beat) => {
                let work = self.part(shard.0)?.span.work;
                status.add_running(shard, began, beat, (work.transfers, work.bytes));
            }
            ShardState::Failed(failed) => status.failed.push(FailedShard::of(shard, failed)),
            ShardState::Done(_) => {
                let work = self.part(shard.0)?.span.work;
                status.shards.done += 1;
                status.transfers.done += work.transfers;
                status.bytes.done += work.bytes;
            }
        }
        let began = shard.first_began(&self.directory);
        status.began = status.began.into_iter().chain(began).min();
        Ok(())
    }
}

impl Status {
    fn add_running(
        &mut self,
        shard: Shard,
        began: BeganFile,
        beat: Option<BeatFile>,
        (transfers, bytes): (u64, u64),
    ) {
        let share = |all| Share { done: 0, all };
        let running = RunningShard {
            shard: shard.0,
            attempt: began.by.attempt,
            beat: age(beat.map_or(began.by.at, |beat| beat.at)),
            host: began.by.host,
            process: began.by.process,
            job: began.job,
            transfers: beat.map_or(share(transfers), |beat| beat.transfers),
            bytes: beat.map_or(share(bytes), |beat| beat.bytes),
        };
        self.transfers.done += running.transfers.done;
        self.bytes.done += running.bytes.done;
        self.running.push(running);
    }

    /// Small files take their time without many bytes, so the share of the work that
    /// is done is that of entries where there are few bytes.
    fn estimate(&mut self) {
        let Some(began) = self.began.filter(|_| self.state == State::Copying) else {
            return;
        };
        let seconds = age(began).as_secs_f64();
        if seconds < 1.0 {
            return;
        }
        self.rate = Some((self.bytes.done as f64 / seconds) as u64);
        let done = |share: Share| share.done as f64 / share.all.max(1) as f64;
        let share = done(self.transfers).min(if self.bytes.all > 0 {
            done(self.bytes)
        } else {
            1.0
        });
        if share > 0.0 {
            let left = seconds * (1.0 - share) / share;
            self.left = Duration::try_from_secs_f64(left).ok();
        }
    }
}

impl FailedShard {
    fn of(shard: Shard, failed: FailedFile) -> Self {
        let is_outdated = failed.is_outdated();
        let names = failed.names.into_iter();
        Self {
            is_outdated,
            shard: shard.0,
            attempt: failed.by.attempt,
            host: failed.by.host,
            why: failed.why,
            entries: failed.entries,
            names: names.map(|name| (name.key, name.error)).collect(),
        }
    }
}

/// The time since then; nothing if the other clock is ahead.
fn age(at: DateTime<Utc>) -> Duration {
    (now() - at).to_std().unwrap_or_default()
}
