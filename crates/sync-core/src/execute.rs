//! Carries out a plan over two stores: transfers, then what had something in
//! its way, then deletions.
//!
//! Only futures are used, no runtime: everything runs on the task that polls
//! [`execute`]. Deletions come last, and only if every transfer succeeded and
//! the source was seen whole (design, Data flow).

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, ready};
use futures::stream::{self, StreamExt};

use crate::blocked::Cleared;
use crate::budget::Budget;
use crate::guard::MAX_CLOCK_OFFSET;
use crate::last_looks::with_last_looks;
use crate::observe::{Event, Observer, Outcomes, Report, Withheld};
use crate::parts::MIN_PART_SIZE;
use crate::transfer::{Done, Kept};
use crate::young::Cutoff;
use crate::{Action, Direction, Entry, ErrorKind, Key, Plan, Store, StoreError, Transfer};

/// How a plan is executed.
#[derive(Debug, Clone)]
pub struct ExecuteOptions {
    /// Most transfers under way, counted in parts; fewer where a store can
    /// make no use of so many.
    pub concurrency: usize,
    /// Most bytes of content held in memory. One part may exceed it, alone.
    pub memory: u64,
    /// Size of a part, in bytes; it grows where 10,000 parts do not suffice.
    pub part_size: u64,
    /// What becomes of a source that has changed since it was planned.
    pub versions: Versions,
    /// Where the execution counts what it has done; from zero.
    pub outcomes: Arc<Outcomes>,
}

/// What becomes of a source that has changed since it was planned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versions {
    /// What it has become is copied: a plan that was made just now is there to
    /// make both sides equal.
    #[default]
    Latest,
    /// It is named and not copied, and what the source has again is not
    /// deleted: somebody has looked at the plan and meant these versions.
    AsPlanned,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self {
            concurrency: 32,
            memory: 64 << 20,
            part_size: MIN_PART_SIZE,
            versions: Versions::default(),
            outcomes: Arc::default(),
        }
    }
}

pub(crate) type StopSignal = Shared<BoxFuture<'static, ()>>;

/// What every transfer of an execution works with.
pub(crate) struct Workspace<'a> {
    pub(crate) source: &'a dyn Store,
    pub(crate) target: &'a dyn Store,
    pub(crate) direction: Direction,
    pub(crate) options: &'a ExecuteOptions,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) budget: Budget,
    pub(crate) stop: StopSignal,
    pub(crate) cutoff: Cutoff,
}

impl Workspace<'_> {
    /// Counts what has happened, and passes it on.
    pub(crate) fn tell(&self, event: Event<'_>) {
        self.options.outcomes.count(&event);
        self.observer.event(event);
    }

    /// How far the clock that dates the objects was set meanwhile.
    fn clock_jump(&self) -> Option<TimeDelta> {
        match self.direction {
            Direction::Backup => self.target.clock_jump(),
            Direction::Restore => self.source.clock_jump(),
        }
    }
}

/// Carries out `plan`.
///
/// `stop` is any future; once it is ready, no further action is begun, those
/// under way are given up cleanly, and the report says so.
///
/// ```
/// # use futures::executor::block_on;
/// use std::future::pending;
/// use std::sync::Arc;
/// use sync_core::testing::MemoryStore;
/// use sync_core::{Direction, ExecuteOptions, MemorySpools, PlanOptions, execute, make_plan};
///
/// let source = MemoryStore::files();
/// source.insert("a.txt", "hello", "2024-05-01T12:00:00Z".parse()?);
/// let target = MemoryStore::objects();
/// let options = PlanOptions::new(Direction::Backup);
/// let report = block_on(async {
///     let plan = make_plan(&source, &target, &options, Arc::new(MemorySpools)).await?;
///     let options = ExecuteOptions::default();
///     let report = execute(&plan, &source, &target, &options, &(), pending()).await?;
///     Ok::<_, Box<dyn std::error::Error>>(report)
/// })?;
/// assert!(report.is_complete());
/// assert_eq!(target.contents(), source.contents());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of reading the plan. What fails in a store is told to `observer` and
/// counted in the report.
pub async fn execute(
    plan: &Plan,
    source: &dyn Store,
    target: &dyn Store,
    options: &ExecuteOptions,
    observer: &dyn Observer,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Report> {
    options.outcomes.begin();
    let work = Workspace {
        source,
        target,
        direction: plan.direction(),
        options,
        observer,
        budget: Budget::new(options.memory),
        stop: stop.boxed().shared(),
        cutoff: Cutoff::of(plan.direction(), source, target),
    };
    let mut run = Run {
        work: &work,
        stopped: false,
        deletions_withheld: None,
        cleared: Cleared::default(),
        not_written: None,
        has_told_unwritable: false,
    };
    let mut rest = Rest::default();
    run.free_transfers(plan, Age::Settled, &mut rest).await?;
    if rest.any_young && !run.stopped {
        run.free_transfers(plan, Age::Young, &mut rest).await?;
    }
    run.blocked_transfers(plan, rest).await?;
    run.tell_not_written();
    run.deletions(plan).await?;
    run.tell_not_written();
    Ok(Report {
        deletions_withheld: run.deletions_withheld,
        clock_jump: work.clock_jump(),
        stopped: run.stopped,
        ..options.outcomes.report()
    })
}

/// An execution under way.
pub(crate) struct Run<'a> {
    pub(crate) work: &'a Workspace<'a>,
    /// Whether it ends before all actions were tried.
    pub(crate) stopped: bool,
    /// Why planned deletions were not made.
    pub(crate) deletions_withheld: Option<Withheld>,
    /// What has been deleted because it was in the way.
    pub(crate) cleared: Cleared,
    /// How many were not written since that was last told, and why one of them.
    pub(crate) not_written: Option<(u64, String)>,
    /// Whether one that could not be written for that reason was named.
    has_told_unwritable: bool,
}

/// What the transfers that nothing is in the way of have left to do.
#[derive(Default)]
pub(crate) struct Rest {
    /// Whether the plan may have others, which are rare: it need not be read for
    /// them otherwise.
    pub(crate) any_blocked: bool,
    /// Those of a backup that the store has refused because something is in
    /// their way, with the offset of their line.
    pub(crate) refused: Vec<(u64, Transfer)>,
    /// Whether the plan has some that have to wait for a clock.
    any_young: bool,
}

/// Which transfers are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Settled,
    /// Those that have to wait for a clock.
    Young,
}

impl Run<'_> {
    /// All transfers of that age that nothing is in the way of, side by side.
    async fn free_transfers(&mut self, plan: &Plan, age: Age, rest: &mut Rest) -> io::Result<()> {
        let work = self.work;
        let halted = AtomicBool::new(false);
        let (any_blocked, any_young) = (AtomicBool::new(false), AtomicBool::new(false));
        let free = plan.actions_from(0)?.filter_map(|line| match line {
            Ok((at, Action::Transfer(transfer))) if transfer.in_the_way.is_none() => {
                let is_young = work.is_young(&transfer.source);
                any_young.fetch_or(is_young, Relaxed);
                (is_young == (age == Age::Young)).then_some(Ok((at, transfer)))
            }
            Ok((_, Action::Transfer(_))) => {
                any_blocked.store(true, Relaxed);
                None
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        });
        let started = stream::iter(free)
            .take_while(|_| ready(!halted.load(Relaxed)))
            .take_until(work.stop.clone())
            .map(|line| async {
                let (at, transfer) = line?;
                let step = work.start(&transfer, None).await;
                Ok::<_, io::Error>((at, transfer, step))
            })
            .buffer_unordered(work.options.concurrency.max(1));
        let mut results = Box::pin(with_last_looks(work, started));
        while let Some(done) = results.next().await {
            let (at, transfer, done) = done?;
            if may_give_way(work.direction, &transfer, &done) {
                rest.refused.push((at, transfer));
                continue;
            }
            if done.error().is_some_and(|error| error.kind().stops_run()) {
                halted.store(true, Relaxed);
                self.stopped = true;
            }
            self.note_transfer(&transfer, &done);
        }
        drop(results);
        self.stopped |= self.work.is_stopped();
        // What ended early has not seen the whole plan.
        rest.any_blocked |= self.stopped || any_blocked.load(Relaxed);
        rest.any_young |= any_young.load(Relaxed);
        Ok(())
    }

    pub(crate) fn outcomes(&self) -> &Outcomes {
        &self.work.options.outcomes
    }

    /// Why nothing may be deleted now.
    pub(crate) fn withheld(&self, plan: &Plan) -> Option<Withheld> {
        if self.stopped || self.work.is_stopped() {
            Some(Withheld::Stopped)
        } else if plan.counts().incomplete() || plan.counts().too_long > 0 {
            Some(Withheld::SourceIncomplete)
        } else if self.outcomes().any_failed() {
            Some(Withheld::TransferFailed)
        } else if self
            .work
            .clock_jump()
            .is_some_and(|jump| jump.abs() > MAX_CLOCK_OFFSET)
        {
            Some(Withheld::ClockJump)
        } else {
            None
        }
    }

    pub(crate) fn note_transfer(&mut self, transfer: &Transfer, done: &Done) {
        if let Done::Copied(kept) = done {
            self.work.tell(Event::Transferred(transfer));
            if matches!(kept, Ok(Kept::AtAMoment)) {
                self.work.tell(Event::Growing(&transfer.source));
            }
        }
        match done {
            Done::NotTried(error) => self.note_not_written(&error.to_string()),
            // Those that were on their way when the first one failed.
            Done::Failed(error) if self.is_known(error) => {
                self.note_not_written(&error.to_string());
            }
            Done::Copied(Err(error)) | Done::Failed(error) => {
                self.note_failed(&transfer.source.key, error);
            }
            Done::Copied(Ok(_)) => {}
        }
    }

    /// Whether `error` says what has been told already: that nothing can be
    /// written any more.
    pub(crate) fn is_known(&mut self, error: &StoreError) -> bool {
        error.kind() == ErrorKind::Unwritable
            && std::mem::replace(&mut self.has_told_unwritable, true)
    }

    pub(crate) fn note_not_written(&mut self, why: &str) {
        self.outcomes().add_not_written();
        match &mut self.not_written {
            Some((entries, _)) => *entries += 1,
            none => *none = Some((1, why.to_owned())),
        }
    }

    fn tell_not_written(&mut self) {
        if let Some((entries, why)) = self.not_written.take() {
            let why = &why;
            let event = Event::NotWritten { entries, why };
            self.work.tell(event);
        }
    }

    pub(crate) fn note_deleted(&mut self, entry: &Entry) {
        self.work.tell(Event::Deleted(entry));
    }

    pub(crate) fn note_failed(&mut self, key: &Key, error: &StoreError) {
        if error.kind() == ErrorKind::Stopped {
            self.stopped = true;
            return;
        }
        self.work.tell(Event::Failed { key, error });
    }
}

/// Whether a store that keeps its objects in directories has refused a new
/// object because of what is above or below it; the plan may delete that.
fn may_give_way(direction: Direction, transfer: &Transfer, done: &Done) -> bool {
    direction == Direction::Backup
        && transfer.target.is_none()
        && matches!(done, Done::Failed(error) if error.kind() == ErrorKind::Blocked)
}
