//! How far a run is, by the files of its directory alone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sync_core::plan::Tally;

use super::deletions::{End, most};
use super::error::{ClusterError, Result};
use super::failure::FailedFile;
use super::files::FinishedFile;
use super::life::Life;
use super::missing::why_unknown;
use super::run::ClusterRun;
use super::shard::{Running, Shard, ShardState, Task};
use super::unread::Unread;
use crate::Direction;
use crate::plan_file::Work;
use crate::progress::Share;

/// What state a run is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// The keys are divided into ranges.
    Splitting,
    /// Ranges are planned.
    Planning,
    /// All ranges are planned; the plans can be sealed.
    Planned,
    /// The plans were refused; nothing was changed.
    Refused,
    /// It was divided; no shard has started.
    Sealed,
    /// Shards are executed.
    Copying,
    /// All shards are done; it can be finished.
    Copied,
    /// The deletions are made, or were when their process was killed.
    Deleting,
    /// It is being ended without its deletions, or was when the process that did so was killed.
    Ending,
    /// Nothing is left to do.
    Finished,
    /// Nothing is left to do, but not all of the plan was done: some of the source could not be
    /// read, or it was finished without its deletions.
    Incomplete,
}

/// How far a run is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// What state it is in.
    pub state: State,
    /// What it does; none while the keys are divided, when that is not noted yet.
    pub direction: Option<Direction>,
    /// Who divides the keys, if that was not completed.
    pub splitting: Option<Splitting>,
    /// Ranges that are planned, if the run plans.
    pub ranges: Option<Share>,
    /// Why the plans were refused, if they were.
    pub refused: Vec<String>,
    /// What of each plan could not be read, so that nothing is deleted.
    pub unread: Vec<Unread>,
    /// Shards that are done.
    pub shards: Share,
    /// Those that nobody has begun.
    pub waiting: usize,
    /// Those at which somebody works, or has when it was killed.
    pub running: Vec<RunningShard>,
    /// Those whose last attempt failed.
    pub failed: Vec<FailedShard>,
    /// Those of which is not known how far they are, because a file of theirs was cut or edited;
    /// nobody counts them as done, so they are also waiting.
    pub unknown: Vec<UnknownShard>,
    /// Entries copied, those of unfinished shards as of their last heartbeats.
    pub transfers: Share,
    /// Bytes copied, likewise.
    pub bytes: Share,
    /// Entries listed, while ranges are planned.
    pub listed: u64,
    /// What is to be deleted at the end.
    pub deletions: Tally,
    /// What of it was deleted, as far as that is known: whoever makes the deletions says so when
    /// it has ended.
    pub deleted: Tally,
    /// The process that makes the deletions, or was killed meanwhile.
    pub deleting: Option<RunningShard>,
    /// Why the last one has not made all of them.
    pub not_deleted: Option<FailedShard>,
    /// Who ends the run without its deletions, if somebody does or has tried to.
    pub being_ended: Option<BeingEnded>,
    /// When the first shard began.
    pub began: Option<DateTime<Utc>>,
    /// Bytes a second since then, if somebody works at the shards.
    pub rate: Option<u64>,
    /// How long the rest will take at that rate, if enough is done to tell.
    pub left: Option<Duration>,
}

/// The process that divides the keys, or has been killed meanwhile.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Splitting {
    /// Where it runs.
    pub host: String,
    /// The number of its process there.
    pub process: i32,
    /// Since when, by the clocks of both machines.
    pub since: Duration,
    /// Whether it still runs; none if that is not known on this machine.
    pub is_alive: Option<bool>,
}

/// Who ends a run without its deletions, or has tried to.
#[derive(Debug, Clone)]
pub enum BeingEnded {
    /// The first process that has said so, and where it runs.
    By(String),
    /// That cannot be read, for this reason.
    Unknown(String),
}

/// A shard at which somebody works, or has when it was killed.
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
    pub heartbeat: Duration,
    /// Whether it is at work.
    pub life: Life,
    /// Entries copied.
    pub transfers: Share,
    /// Bytes copied.
    pub bytes: Share,
    /// Entries listed, if it plans a range.
    pub listed: u64,
    /// What the last attempt before it says that has failed.
    pub failed: Option<FailedShard>,
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
    /// Whether each attempt at a range would be refused, until the keys are split again.
    pub is_refused: bool,
    /// The machines on which all that failed was not found: it was removed, or is not mounted
    /// there. Empty if the last attempt failed for another reason.
    pub absent_on: Vec<String>,
    /// The first of them, each with its error.
    pub names: Vec<(String, String)>,
}

/// A shard of which is not known how far it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnknownShard {
    /// Its number.
    pub shard: usize,
    /// Why, and what to do.
    pub why: String,
}

impl ClusterRun {
    /// How far it is.
    ///
    /// # Errors
    /// Those of reading its directory.
    pub fn status(&self) -> Result<Status> {
        let counts = self.counts();
        let planned = counts.created() + counts.overwritten();
        let mut status = Status::new(State::Sealed, self.shards());
        status.direction = Some(self.direction());
        status.transfers.all = planned.entries;
        status.bytes.all = planned.bytes;
        status.deletions = counts.deleted();
        status.unread = self.unread().to_vec();
        if self.run.ranges.is_some() {
            let ranges = self.sealed.plans.len() as u64;
            status.ranges = Some(Share {
                done: ranges,
                all: ranges,
            });
        }
        for index in 0..self.shards() {
            let shard = Shard(index);
            let state = match self.state(shard) {
                Err(error @ (ClusterError::NotDone { .. } | ClusterError::Foreign { .. })) => {
                    let why = why_unknown(&error);
                    status.unknown.push(UnknownShard { shard: index, why });
                    ShardState::Waiting
                }
                state => state?,
            };
            self.add(shard, state, &mut status)?;
        }
        self.add_deletions(&mut status)?;
        status.being_ended = self.being_ended();
        status.state = match self.finished_file()? {
            Some(finished) => status.ended(&finished),
            None if status.being_ended.is_some() => State::Ending,
            None if status.deleting.is_some() => State::Deleting,
            None if status.waiting == self.shards() => State::Sealed,
            None if status.shards.done == status.shards.all => State::Copied,
            None => State::Copying,
        };
        status.estimate();
        Ok(status)
    }

    fn being_ended(&self) -> Option<BeingEnded> {
        match self.ending() {
            Ok(by) => by.map(BeingEnded::By),
            Err(error) => Some(BeingEnded::Unknown(error.to_string())),
        }
    }

    /// What a shard copies.
    pub(crate) fn work(&self, shard: Shard) -> Result<Work> {
        let mut work = Work::default();
        for part in self.parts(shard.0)? {
            work += part.span.work;
        }
        Ok(work)
    }

    fn add_deletions(&self, status: &mut Status) -> Result<()> {
        let deletions = self.deletions()?;
        status.deleted = deletions.made;
        match deletions.last {
            ShardState::Running(running) => {
                status.deleting = Some(RunningShard::of(End, *running, (0, 0)));
            }
            ShardState::Failed(failed) => status.not_deleted = Some(FailedShard::of(End, *failed)),
            ShardState::Waiting | ShardState::Done(_) => {}
        }
        Ok(())
    }

    fn add(&self, shard: Shard, state: ShardState, status: &mut Status) -> Result<()> {
        match state {
            ShardState::Waiting => status.waiting += 1,
            ShardState::Running(running) => {
                let work = self.work(shard)?;
                status.add_running(shard, *running, (work.transfers, work.bytes));
            }
            ShardState::Failed(failed) => {
                let hosts = failed.is_absent().then(|| shard.absent_on(&self.directory));
                status.failed.push(FailedShard {
                    absent_on: hosts.unwrap_or_default(),
                    ..FailedShard::of(shard, *failed)
                });
            }
            ShardState::Done(_) => {
                let work = self.work(shard)?;
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
    pub(super) fn new(state: State, shards: usize) -> Self {
        let share = |all| Share { done: 0, all };
        Self {
            state,
            direction: None,
            splitting: None,
            ranges: None,
            refused: Vec::new(),
            unread: Vec::new(),
            shards: share(shards as u64),
            waiting: 0,
            running: Vec::new(),
            failed: Vec::new(),
            unknown: Vec::new(),
            transfers: share(0),
            bytes: share(0),
            listed: 0,
            deletions: Tally::default(),
            deleted: Tally::default(),
            deleting: None,
            not_deleted: None,
            being_ended: None,
            began: None,
            rate: None,
            left: None,
        }
    }

    pub(super) fn add_running(
        &mut self,
        shard: impl Task,
        running: Running,
        (transfers, bytes): (u64, u64),
    ) {
        let running = RunningShard::of(shard, running, (transfers, bytes));
        self.transfers.done += running.transfers.done;
        self.bytes.done += running.bytes.done;
        self.listed += running.listed;
        self.running.push(running);
    }

    /// Its state, if it has come to its end: whatever has not said how it ended is not at work.
    fn ended(&mut self, finished: &FinishedFile) -> State {
        self.deleted = most(self.deleted, finished.report.deleted);
        (self.deleting, self.being_ended) = (None, None);
        for running in &mut self.running {
            running.life = Life::Dead;
        }
        if finished.complete {
            self.not_deleted = None;
            State::Finished
        } else {
            State::Incomplete
        }
    }
}

impl RunningShard {
    fn of(shard: impl Task, running: Running, (transfers, bytes): (u64, u64)) -> Self {
        let Running {
            began,
            heartbeat,
            quiet,
            life,
            failed,
        } = running;
        // It writes its first heartbeat before it has read its plan.
        let share = |last: Option<Share>, all: u64| Share {
            done: last.map_or(0, |last| last.done),
            all: last.map_or(all, |last| last.all.max(all)),
        };
        Self {
            shard: shard.number(),
            attempt: began.by.attempt,
            heartbeat: quiet,
            life,
            host: began.by.host,
            process: began.by.process,
            job: began.job,
            transfers: share(heartbeat.map(|last| last.transfers), transfers),
            bytes: share(heartbeat.map(|last| last.bytes), bytes),
            listed: heartbeat.map_or(0, |last| last.listed),
            failed: failed.map(|failed| FailedShard::of(shard, failed)),
        }
    }
}

impl FailedShard {
    pub(super) fn of(shard: impl Task, failed: FailedFile) -> Self {
        let is_outdated = failed.is_outdated();
        let names = failed.names.into_iter();
        Self {
            is_outdated,
            is_refused: failed.refused,
            absent_on: Vec::new(),
            shard: shard.number(),
            attempt: failed.by.attempt,
            host: failed.by.host,
            why: failed.why,
            entries: failed.entries,
            names: names.map(|name| (name.key, name.error)).collect(),
        }
    }
}
