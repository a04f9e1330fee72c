//! One attempt to execute the transfers of a shard.

use std::cell::RefCell;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::select;
use sync_core::{
    execute::EarlierAttempt,
    plan::Plan,
    spool::Spools,
    text::{printable, printable_text},
};

use super::attempts::{HeartbeatMonitor, LOOK};
use super::error::Result;
use super::failure::FailedFile;
use super::files::{BeganFile, Done, DoneFile, Signature, plan_name};
use super::noting::Noted;
use super::opened::claim_if_mounted;
use super::run::ClusterRun;
use super::shard::{Shard, Task as _};
use super::watch::Watcher;
use crate::builder::MirrorBuilder;
use crate::grace::StopSignal;
use crate::mirror::Report;
use crate::observer::Observer;
use crate::part::Part;
use crate::plan_file::{InTurn, PlanFileError, SavedPlan, span};
use crate::state::TempSpools;
use crate::state::upload_journal::JournalFiles;

/// An attempt to execute a shard.
pub struct Attempt<'r> {
    run: &'r ClusterRun,
    shard: Shard,
    number: u32,
    has_lost_files: bool,
    watcher: Option<Watcher>,
    /// What is known of the heartbeats of others.
    pub(super) monitor: HeartbeatMonitor,
    noted: Arc<Noted>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// All transfers are done.
    Done,
    /// Another attempt at the same shard was the first.
    ByAnother,
    /// The run was ended without this shard.
    RunEnded,
    /// Some failed, or it was stopped.
    Failed,
    /// Some failed because they are no longer what was planned: they would fail again.
    Outdated,
    /// Some were not found, and are all that failed but for such as are no longer what was
    /// planned: they were removed, or are not mounted on this machine.
    Absent,
}

impl ClusterRun {
    /// Begins an attempt at a shard; none if another one has done it, or if the run was ended
    /// without it. `job` is what the scheduler calls the job, for people.
    ///
    /// # Errors
    /// [`ClusterError`](super::ClusterError)
    pub fn begin(&self, shard: usize, job: Option<&str>) -> Result<Result<Attempt<'_>, Ended>> {
        self.parts(shard)?;
        let shard = Shard(shard);
        if self.done_file(shard)?.is_some() || self.is_closed()? {
            return Ok(Err(self.without_attempt(shard)?));
        }
        let mut number = 1;
        loop {
            if let Some(attempt) = self.begin_attempt(shard, number, job)? {
                return Ok(Ok(attempt));
            }
            number += 1;
        }
    }

    /// Why no attempt at a shard is needed.
    fn without_attempt(&self, shard: Shard) -> Result<Ended> {
        Ok(match self.done_file(shard)? {
            Some(_) => Ended::ByAnother,
            None => Ended::RunEnded,
        })
    }

    /// Begins the attempt of that number; none if another process has begun it. Where the
    /// directory is not mounted the attempt fails at once. That is noted for those who look at the
    /// run from elsewhere, unless it would hide what an earlier attempt does or has said.
    pub(super) fn begin_attempt(
        &self,
        shard: Shard,
        number: u32,
        job: Option<&str>,
    ) -> Result<Option<Attempt<'_>>> {
        let claim = || self.claim_attempt(shard, number, job);
        claim_if_mounted(self.is_at_its_directory(), number, claim, Attempt::fail)
    }

    fn claim_attempt(
        &self,
        shard: Shard,
        number: u32,
        job: Option<&str>,
    ) -> Result<Option<Attempt<'_>>> {
        let has_lost_files = self.directory.make_again(&shard.directory())?;
        let began = BeganFile::of(Signature::of(&self.run.id, shard.0, number), job);
        let is_first = self.directory.claim(&shard.began(number), &began)?;
        Ok(is_first.then(|| Attempt {
            run: self,
            shard,
            number,
            has_lost_files,
            watcher: None,
            monitor: HeartbeatMonitor::default(),
            noted: Noted::of(self.direction()),
        }))
    }

    /// The plan of a shard, checked against what was sealed.
    fn shard_plan(&self, shard: Shard) -> Result<SavedPlan> {
        let parts = self.parts(shard.0)?.iter();
        let spans = parts.map(|part| (self.directory.join(plan_name(part.plan)), &part.span));
        let current = RefCell::new(PathBuf::new());
        let failed = |error| PlanFileError::Read {
            path: current.borrow().clone(),
            error,
        };
        let lines = InTurn::of(spans.map(|(path, part)| {
            let lines = span(&path, part);
            *current.borrow_mut() = path;
            lines
        }));
        let spool = TempSpools.create().map_err(PlanFileError::Spool)?;
        let plan = Plan::read_part(self.header()?, lines, spool, |_| true).map_err(failed)?;
        Ok(SavedPlan::of(plan, self.run.origin.clone())?)
    }
}

impl Attempt<'_> {
    /// The number of the shard.
    #[must_use]
    pub fn shard(&self) -> usize {
        self.shard.0
    }

    /// Which attempt at it this is, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether the directory of the shard's files was missing, and was made again: what earlier
    /// attempts have noted there is lost, above all which uploads they have left open.
    #[must_use]
    pub fn has_lost_files(&self) -> bool {
        self.has_lost_files
    }

    /// The mirror that executes the transfers of the shard, and nothing else. It
    /// stops at `stop`, and when another attempt has done the work or the run is ended
    /// without it. Uploads that a dead
    /// attempt has left open are resumed; it may take a minute and a half to know that it is
    /// dead. Before that, `waits` is called with its number and its machine.
    ///
    /// # Errors
    /// [`ClusterError`](super::ClusterError), if the plan is not the one that was sealed.
    pub async fn mirror(
        &mut self,
        stop: impl Future<Output = ()> + Send + 'static,
        waits: impl FnOnce(u32, &str),
    ) -> Result<MirrorBuilder> {
        let plan = self.run.shard_plan(self.shard)?;
        let directory = &self.run.directory;
        let builder = plan.mirror();
        let progress = builder.progress();
        let watcher = Watcher::begin(directory.clone(), self.shard, self.number, progress);
        let superseded = watcher.superseded();
        self.watcher = Some(watcher);
        let stop = select(stop.boxed(), superseded.boxed()).map(drop);
        let stop = stop.boxed().shared();
        self.take_over(stop.clone(), waits).await;
        let part = Part::Transfers {
            run: self.run.run.id.clone(),
            earlier: if self.number > 1 || self.has_lost_files {
                EarlierAttempt::Began
            } else {
                EarlierAttempt::Unknown
            },
            uploads: JournalFiles {
                own: directory.join(self.shard.uploads(self.number)),
                left: self.shard.journal_files(Some(self.number), directory),
            },
            done: directory.join(self.shard.done()),
        };
        Ok(builder.part(part).stop_on(stop))
    }

    /// Takes over the journals of dead attempts. Where only the heartbeat tells whether one
    /// is dead, that takes a while, unless `stop` is ready first.
    async fn take_over(&mut self, mut stop: StopSignal, waits: impl FnOnce(u32, &str)) {
        let directory = &self.run.directory;
        let mut waits = Some(waits);
        let mut look = || {
            let now = Instant::now();
            self.shard
                .take_over(self.number, &mut self.monitor, directory, now)
        };
        while let Some(other) = look() {
            if let Some(waits) = waits.take() {
                let began = directory.read::<BeganFile>(&self.shard.began(other));
                let host = began.ok().flatten().map(|began| began.value.by.host);
                waits(
                    other,
                    &host.map_or("another machine".to_owned(), |host| printable(&host)),
                );
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = &mut stop => return,
            }
        }
    }

    /// Passes on to `observer` what happens, and notes the names of what fails.
    #[must_use]
    pub fn observer(&self, observer: Arc<dyn Observer>) -> Arc<dyn Observer> {
        Noted::observer(&self.noted, observer)
    }

    /// Ends the attempt with what it has done.
    ///
    /// # Errors
    /// [`ClusterError::Write`](super::ClusterError::Write) if that cannot be noted: then it must be tried again.
    pub fn end(mut self, report: &Report) -> Result<Ended> {
        let is_superseded = self.watcher.take().is_some_and(|it| it.is_superseded());
        if report.execution.is_complete() {
            let done = DoneFile {
                by: self.signature(),
                sealed: self.run.seal.clone(),
                report: self.done(report),
            };
            let published = self.run.directory.publish(&self.shard.done(), &done)?;
            return Ok(match published {
                Some(_) => Ended::Done,
                None => self.run.without_attempt(self.shard)?,
            });
        }
        let superseded = is_superseded.then(|| self.run.without_attempt(self.shard));
        let superseded = superseded.transpose()?;
        if superseded == Some(Ended::ByAnother) {
            return Ok(Ended::ByAnother);
        }
        let execution = &report.execution;
        let why = match superseded {
            Some(_) => Some("the run was ended".to_owned()),
            None => execution.stopped.then(|| self.why_stopped()),
        };
        let failed = FailedFile {
            why,
            entries: execution.failed + execution.not_written,
            not_written: execution.not_written,
            report: self.done(report),
            ..self.failed()
        };
        let ended = superseded.unwrap_or(if failed.is_outdated() {
            Ended::Outdated
        } else if failed.is_absent() {
            Ended::Absent
        } else {
            Ended::Failed
        });
        // Whoever ends the run waits for this.
        self.publish(&failed)?;
        Ok(ended)
    }

    /// Why its execution has stopped, if it has: by whoever runs it, or by an error that others
    /// would meet as well.
    #[must_use]
    pub fn why_stopped(&self) -> String {
        self.noted.why_stopped()
    }

    /// Notes why the attempt did nothing.
    pub fn fail(mut self, why: &str) {
        drop(self.watcher.take());
        // What cannot be noted is reported by whoever calls this.
        let _ = self.publish(&FailedFile {
            why: Some(printable_text(why)),
            ..self.failed()
        });
    }

    /// What is known of its failure.
    fn failed(&self) -> FailedFile {
        self.noted.failed(self.signature())
    }

    fn publish(&self, failed: &FailedFile) -> Result<()> {
        let name = self.shard.failed(self.number);
        self.run.directory.publish(&name, failed).map(drop)
    }

    /// What this attempt has done, and what it has found done: whether that is the work of
    /// other attempts is known when the run is finished.
    fn done(&self, report: &Report) -> Done {
        let (found_created, found_overwritten) = self.noted.earlier();
        Done {
            found_created,
            found_overwritten,
            ..Done::of(report)
        }
    }

    fn signature(&self) -> Signature {
        Signature::of(&self.run.run.id, self.shard.0, self.number)
    }
}
