//! A watch: one full backup, then what changes reaches the bucket within seconds.
//!
//! The kernel only hints at which keys may have changed (`watcher`). They are collected in
//! bounded memory (`dirty`), and once nothing has changed for a while (`schedule`), a
//! backup restricted to them is run: by the same plan, guards, locks and report as any other.
//! What fails by itself is tried again after pauses of its own (`retries`). Where hints may
//! have been lost, everything is looked at.

mod attempt;
mod backoff;
mod cycle;
mod dirty;
mod failures;
mod retries;
mod root;
mod schedule;
mod settle;
mod state;
mod undone;
mod watcher;
mod window;

use std::collections::BTreeSet;
use std::io;
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
use retries::Retries;
use root::Root;
use schedule::{Next, Schedule};
use undone::Known;
use watcher::Watcher;
use window::Window;

pub use cycle::{Cycle, Outcome, Work};
pub use schedule::{FullCause, Pace};
pub use state::{UnwatchedRoot, WatchOptions, WatchState};
pub use undone::{Undone, UndoneList};

/// How often it is looked whether the root is still the same: a mount over it causes no
/// event in it.
const LOOK_AT_ROOT: Duration = Duration::from_secs(60);

/// How often a full run is needed at least while directories are not watched; the longest
/// pause before one that was incomplete is done again.
const FULL_EVERY_AT_LEAST: Duration = Duration::from_hours(1);

/// The longest pause after a failure that may end by itself, as of the network.
const PAUSE: Duration = Duration::from_secs(60);

/// The longest pause after a refusal, that somebody has to look at.
const LONG_PAUSE: Duration = Duration::from_mins(10);

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
    /// None while there is no directory to watch, or where it cannot be watched.
    watcher: Option<Watcher>,
    /// Whether `watcher` may watch other directories than it says.
    is_stale: bool,
    /// Why there is no watcher, and when that was seen.
    unwatched: Option<(Instant, io::Error)>,
    schedule: Schedule,
    retries: Retries,
    known: Known,
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
        let watcher = Watcher::start(root.path(), &selection, how.memory / 2);
        Ok(Self {
            schedule: Schedule::new(how.pace, Instant::now()),
            retries: Retries::new(how.memory / 2),
            watcher: Some(watcher.map_err(|error| Error::Watch {
                directory: root.path().to_owned(),
                error,
            })?),
            is_stale: false,
            unwatched: None,
            known: Known::default(),
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
            let now = Instant::now();
            self.watch_where_nothing_is(now);
            let cause = self.watcher.as_ref().and_then(Watcher::take_cause);
            if let Some(cause) = cause {
                self.is_stale |= makes_stale(cause);
                self.schedule.ask_full(cause);
            }
            let changes = self.watcher.as_ref().and_then(Watcher::changes);
            match self.schedule.next(now, changes, self.retries.next()) {
                Next::Full(cause) => return self.full_run(cause).await,
                Next::Cycle => {
                    if let Some(items) = self.changed() {
                        return Work::cycle(items);
                    }
                }
                Next::Retry => {
                    return Work::cycle(self.retries.due(now).cloned().collect());
                }
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
        let attempt = match self.builder(&work) {
            Ok(builder) => attempt::run(builder, open, self.stop.clone()).await,
            Err(error) => Outcome::Failed(error).into(),
        };
        if let Some(folds_names) = attempt.folds_names {
            self.schedule.set_no_lists(folds_names);
        }
        let (outcome, undone) = (attempt.outcome, attempt.undone);
        let news = self.known.note(work.looked_at(&outcome), &undone);
        self.settle(work, &outcome, attempt.failed, begun.elapsed());
        self.cycles += 1;
        let now = Instant::now();
        Cycle {
            number: self.cycles,
            full,
            items,
            outcome,
            undone,
            news,
            took: begun.elapsed(),
            retry: self.retry(now),
            failing: self.retries.len(),
            full_pending: self.schedule.is_full_pending(),
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
            failing: self.retries.len(),
            failures: self.schedule.failures(),
            retry: self.retry(Instant::now()),
            unwatched_root: self.unwatched.as_ref().map(|(_, error)| error.into()),
        }
    }

    /// What was not done, by all runs.
    #[must_use]
    pub fn undone(&self) -> UndoneList {
        self.known.list()
    }

    fn retry(&self, now: Instant) -> Option<Duration> {
        let retries = [self.schedule.retry(now), self.retries.next()];
        let at = retries.into_iter().flatten().min()?;
        Some(at.saturating_duration_since(now))
    }

    /// Whether another directory is in the place of the root, which a full run watches anew.
    fn look_at_root(&mut self) {
        if self.root.has_changed() {
            self.watcher = None;
            self.schedule.ask_full(FullCause::RootReplaced);
        }
    }

    /// Where watching could not begin, it is tried now and then; then a full run finds what
    /// has changed meanwhile.
    fn watch_where_nothing_is(&mut self, now: Instant) {
        let is_due = |(since, _): &(Instant, _)| now >= *since + LOOK_AT_ROOT;
        if self.unwatched.as_ref().is_some_and(is_due) {
            self.watch_anew();
            if self.watcher.is_some() {
                self.schedule.ask_full(FullCause::WatcherFailed);
            }
        }
    }

    fn watch_anew(&mut self) {
        // First: it holds files and watches, of which the system permits only so many.
        self.watcher = None;
        self.is_stale = false;
        match Watcher::start(self.root.path(), &self.selection, self.how.memory / 2) {
            Ok(watcher) => (self.watcher, self.unwatched) = (Some(watcher), None),
            Err(error) => self.unwatched = Some((Instant::now(), error)),
        }
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
        let mut waiting = self.take_what_waits();
        if self.watcher.is_none() || self.is_stale {
            self.watch_anew();
        } else if let Some(watcher) = &self.watcher
            && cause != FullCause::Begin
        {
            watcher.watch_all();
        }
        if let Some(watcher) = &self.watcher {
            watcher.ready().await;
        }
        waiting.extend(self.take_what_waits());
        Work {
            full: Some(cause),
            items: BTreeSet::new(),
            waiting,
        }
    }

    /// What has changed, for a full run to look at. Where that is more than is remembered, only
    /// the full run knows it.
    fn take_what_waits(&self) -> BTreeSet<String> {
        match self.watcher.as_ref().map(Watcher::take) {
            Some(Changes::Items(items)) => items,
            Some(Changes::Everything) | None => BTreeSet::new(),
        }
    }

    /// What has changed; nothing if that is more than is remembered.
    fn changed(&self) -> Option<BTreeSet<String>> {
        let watcher = self.watcher.as_ref()?;
        match watcher.take() {
            Changes::Items(items) => Some(items),
            Changes::Everything => {
                watcher.put_back(Changes::Everything);
                None
            }
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
}

/// Whether directories may be watched under names that they no longer have, or under names of
/// others, after `cause`. A new root may have the inode number of the old one: the watches
/// tell, not the root.
fn makes_stale(cause: FullCause) -> bool {
    matches!(
        cause,
        FullCause::Overflow | FullCause::WatcherFailed | FullCause::RootReplaced
    )
}
