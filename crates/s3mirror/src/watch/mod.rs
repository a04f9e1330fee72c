//! A watch: one full backup, then what changes reaches the bucket within seconds.
//!
//! The kernel only hints at which keys may have changed (`watcher`). They are collected in
//! bounded memory (`dirty`), and once nothing has changed for a while (`schedule`), a
//! backup restricted to them is run: by the same plan, guards, locks and report as any other.
//! What fails is looked at again. Where hints may have been lost, everything is.

mod cycle;
mod dirty;
mod failures;
mod root;
mod schedule;
mod watcher;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::pending;
use sync_core::{Direction, Selection};

use crate::builder::MirrorBuilder;
use crate::error::{Error, Result};
use crate::grace::StopSignal;
use crate::mirror::Mirror;
use crate::options::MirrorOptions;
use dirty::Changes;
use failures::Failures;
use root::Root;
use schedule::{Next, Schedule};
use watcher::Watcher;
use window::Window;

pub use cycle::{Cycle, Outcome, Work};
pub use schedule::{FullCause, Pace};

/// How often it is looked whether the root is still the same: a mount over it causes no
/// event in it.
const LOOK_AT_ROOT: Duration = Duration::from_secs(60);

/// How often a full run is needed at least while directories are not watched, or after one
/// that was incomplete.
const FULL_EVERY_AT_LEAST: Duration = Duration::from_hours(1);

/// The longest pause after a failure that may end by itself, as of the network.
const PAUSE: Duration = Duration::from_secs(60);

/// The longest pause after one that somebody has to look at.
const LONG_PAUSE: Duration = Duration::from_mins(10);

/// How a watch works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchOptions {
    /// How long it waits.
    pub pace: Pace,
    /// Memory for the names of what has changed, in bytes; beyond that, a full run is made.
    pub memory: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            memory: 32 << 20,
        }
    }
}

/// How far a watch is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchState {
    /// Directories that are watched.
    pub directories: usize,
    /// Directories that are not, because the system permits no more watches.
    pub unwatched: usize,
    /// Keys and directories that have changed and wait.
    pub dirty: usize,
    /// How often the last run has failed in a row.
    pub failures: u32,
    /// The pause before it is tried again.
    pub retry: Option<Duration>,
}

/// Backs up a directory whenever it changes.
///
/// ```no_run
/// # async fn watch() -> s3mirror::Result<()> {
/// use s3mirror::watch::{Watch, WatchOptions};
/// use s3mirror::{Direction, MirrorOptions};
///
/// let bucket = "s3://my-bucket/data".parse().unwrap();
/// let options = MirrorOptions::new(Direction::Backup, "/srv/data", bucket);
/// let mut watch = Watch::start(options, WatchOptions::default())?;
/// loop {
///     let work = watch.next().await;
///     let cycle = watch.run(work, |builder| builder.open()).await;
///     println!("{:?}", cycle.outcome);
/// }
/// # }
/// ```
pub struct Watch {
    options: MirrorOptions,
    how: WatchOptions,
    selection: Arc<Selection>,
    root: Root,
    /// None while there is no directory to watch.
    watcher: Option<Watcher>,
    schedule: Schedule,
    window: Window,
    stop: StopSignal,
    cycles: u64,
}

impl Watch {
    /// Begins to watch the directory of `options`.
    ///
    /// # Errors
    /// [`Error::Options`] if it is no backup of all that is selected by name; those of the
    /// selection; [`Error::Watch`] if the directory cannot be watched.
    pub fn start(options: MirrorOptions, how: WatchOptions) -> Result<Self> {
        if options.direction != Direction::Backup {
            return Err(Error::Options("only a backup can watch its source"));
        }
        if options.selection.keys.is_some() || !options.key_range.is_all() {
            return Err(Error::Options(
                "a watch finds out by itself which keys have changed",
            ));
        }
        let selection = Arc::new(options.selection.read()?);
        let root = Root::of(&options.directory);
        let watcher = Watcher::start(root.path(), &selection, how.memory).map_err(Error::Watch)?;
        Ok(Self {
            schedule: Schedule::new(how.pace, Instant::now()),
            watcher: Some(watcher),
            window: Window::default(),
            stop: pending().boxed().shared(),
            cycles: 0,
            options,
            how,
            selection,
            root,
        })
    }

    /// Stops a run once `signal` is ready, as [`MirrorBuilder::stop_on`] does.
    #[must_use]
    pub fn stop_on(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = signal.boxed().shared();
        self
    }

    /// Waits until something has to be done. It may be dropped and called again.
    pub async fn next(&mut self) -> Work {
        loop {
            self.look_at_root();
            let cause = self.watcher.as_ref().and_then(Watcher::take_cause);
            if let Some(cause) = cause {
                self.schedule.ask_full(cause);
            }
            let changes = self.watcher.as_ref().and_then(Watcher::changes);
            let now = Instant::now();
            match self.schedule.next(now, changes) {
                Next::Full(cause) => return self.full_run(cause).await,
                Next::Cycle => return self.cycle(),
                Next::Wait(until) => self.sleep(until.min(now + LOOK_AT_ROOT)).await,
            }
        }
    }

    /// Plans and executes `work` by the mirror that `open` opens of a builder. It may set what
    /// the mirror observes.
    pub async fn run<F>(&mut self, work: Work, open: impl FnOnce(MirrorBuilder) -> F) -> Cycle
    where
        F: Future<Output = Result<Mirror>>,
    {
        let begun = Instant::now();
        let (full, items) = (work.full, work.items.len());
        self.schedule.begin(full);
        let (outcome, failed) = match self.builder(&work) {
            Ok(builder) => self.attempt(builder, open).await,
            Err(error) => (Outcome::Failed(error), None),
        };
        self.settle(work, &outcome, failed);
        self.cycles += 1;
        let now = Instant::now();
        Cycle {
            number: self.cycles,
            full,
            items,
            outcome,
            took: begun.elapsed(),
            retry: self.retry(now),
            deleted: self.window.deleted(now),
            left: self.window.left(now, self.options.max_delete),
            total: self.window.total(),
        }
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> WatchState {
        let seen = self.watcher.as_ref().map(Watcher::seen).unwrap_or_default();
        WatchState {
            directories: seen.directories,
            unwatched: seen.unwatched,
            dirty: seen.dirty,
            failures: self.schedule.retry().map_or(0, |(_, failures)| failures),
            retry: self.retry(Instant::now()),
        }
    }

    fn retry(&self, now: Instant) -> Option<Duration> {
        let (at, _) = self.schedule.retry()?;
        Some(at.saturating_duration_since(now))
    }

    /// Whether another directory is in the place of the root, which a full run watches anew.
    fn look_at_root(&mut self) {
        if self.root.has_changed() {
            self.watcher = None;
            self.schedule.ask_full(FullCause::RootReplaced);
        }
    }

    fn watch_anew(&mut self) {
        let watcher = Watcher::start(self.root.path(), &self.selection, self.how.memory);
        self.watcher = watcher.ok();
    }

    async fn sleep(&self, until: Instant) {
        let changed = async {
            match &self.watcher {
                Some(watcher) => watcher.changed().await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {}
            () = changed => {}
        }
    }

    /// Everything is watched before a full run, so that what changes meanwhile is seen.
    async fn full_run(&mut self, cause: FullCause) -> Work {
        self.schedule.ask_full(cause);
        // A new root may have the inode number of the old one: the watches tell, not the root.
        let is_lost = matches!(cause, FullCause::WatcherFailed | FullCause::RootReplaced);
        if self.watcher.is_none() || is_lost {
            self.watch_anew();
        } else if let Some(watcher) = &self.watcher
            && cause != FullCause::Begin
        {
            watcher.watch_all();
        }
        if let Some(watcher) = &self.watcher {
            watcher.ready().await;
            watcher.take();
        }
        Work {
            full: Some(cause),
            items: BTreeSet::new(),
        }
    }

    fn cycle(&self) -> Work {
        let changes = self.watcher.as_ref().map(Watcher::take);
        match changes {
            Some(Changes::Items(items)) => Work { full: None, items },
            Some(Changes::Everything) | None => Work {
                full: Some(FullCause::TooManyChanges),
                items: BTreeSet::new(),
            },
        }
    }

    /// A mirror of what `work` names, which may delete what the day has left.
    fn builder(&mut self, work: &Work) -> Result<MirrorBuilder> {
        let mut options = self.options.clone();
        options.max_delete = self.window.left(Instant::now(), options.max_delete);
        if work.full.is_none() {
            options.selection.keys = Some(work.key_list()?);
        }
        Ok(Mirror::with(options).stop_on(self.stop.clone()))
    }

    /// Opens, plans and executes; also which keys have failed, if that is all that is wrong.
    async fn attempt<F>(
        &self,
        builder: MirrorBuilder,
        open: impl FnOnce(MirrorBuilder) -> F,
    ) -> (Outcome, Option<BTreeSet<String>>)
    where
        F: Future<Output = Result<Mirror>>,
    {
        let planned = async {
            let mut mirror = open(builder).await?;
            let failures = Failures::before(Arc::clone(&mirror.observer));
            mirror.observer = failures.clone();
            let plan = mirror.plan().await?;
            Ok((mirror, failures, plan))
        };
        // An execution ends by itself when it is stopped, a listing does not.
        let planned = tokio::select! {
            biased;
            () = self.stop.clone() => return (Outcome::Stopped, None),
            planned = planned => planned,
        };
        let (mirror, failures, plan) = match planned {
            Ok(planned) => planned,
            Err(error) => return (Outcome::Failed(error), None),
        };
        if !plan.refusals().is_empty() {
            return (Outcome::Refused(plan.refusals().to_vec()), None);
        }
        match mirror.execute(&plan).await {
            Ok(report) => {
                let execution = &report.execution;
                let withheld = execution.deletions_withheld.is_some();
                let are_known = !withheld && !report.source_incomplete && !execution.stopped;
                let failed = are_known
                    .then(|| failures.all_of(execution.failed))
                    .flatten();
                let (counts, report) = (Box::new(plan.counts().clone()), Box::new(report));
                (Outcome::Executed { counts, report }, failed)
            }
            Err(error) => (Outcome::Failed(error), None),
        }
    }

    /// Notes how `work` has ended, and what has to be done again.
    fn settle(&mut self, work: Work, outcome: &Outcome, failed: Option<BTreeSet<String>>) {
        let now = Instant::now();
        let full = work.full;
        match outcome {
            // By a signal, or by an error that the next file would meet as well, as an
            // outage or credentials that have expired.
            Outcome::Executed { report, .. } if report.execution.stopped => {
                self.window.add(now, report.execution.deleted.entries);
                self.do_again(work.again(None));
                self.schedule.failed(full, now, PAUSE);
            }
            Outcome::Executed { counts, report } => {
                let done = &report.execution;
                self.window.add(now, done.deleted.entries);
                if full.is_some() {
                    let entries = counts.target.entries + done.created.entries;
                    self.window
                        .set_total(entries.saturating_sub(done.deleted.entries));
                }
                let is_complete = report.is_complete();
                if is_complete || full.is_some() {
                    let every = self.full_every(is_complete);
                    self.schedule.succeeded(full, now, every);
                }
                if !is_complete {
                    self.do_again(work.again(failed));
                    self.schedule.failed(None, now, LONG_PAUSE);
                }
            }
            Outcome::Refused(_) => {
                self.do_again(work.again(None));
                self.schedule.failed(full, now, LONG_PAUSE);
            }
            Outcome::Failed(_) | Outcome::Stopped => {
                self.do_again(work.again(None));
                self.schedule.failed(full, now, PAUSE);
            }
        }
    }

    fn do_again(&self, changes: Changes) {
        if let Some(watcher) = &self.watcher {
            watcher.put_back(changes);
        }
    }

    /// How often a full run is needed at least: sooner where the last one was incomplete, or
    /// where not everything is watched.
    fn full_every(&self, is_complete: bool) -> Duration {
        if is_complete && self.state().unwatched == 0 {
            Duration::MAX
        } else {
            FULL_EVERY_AT_LEAST
        }
    }
}
