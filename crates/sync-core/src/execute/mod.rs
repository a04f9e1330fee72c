//! Carries out a plan over two stores: transfers, then what had something in
//! its way, then deletions.
//!
//! Only futures are used, no runtime: everything runs on the task that polls
//! [`execute`]. Deletions come last, and only if every transfer succeeded and
//! the source was seen whole (design, Data flow).

mod catch_up;
mod cleared;
mod clearing;
mod copier;
mod cutoff;
mod deletions;
mod earlier;
mod events;
mod evidence;
mod forecast;
mod free_transfers;
mod last_looks;
mod options;
mod parts;
mod replacements;
mod rounds;
mod run;
mod transfer;
mod workspace;
mod young;

use std::future::Future;
use std::io;

use futures::FutureExt;

use crate::budget::Budget;
use crate::plan::Plan;
use crate::store::Store;
use cutoff::Cutoff;
use evidence::Evidence;
use free_transfers::Age;
use run::{Rest, Run};
use workspace::Workspace;

pub use events::{DeletionsSkipped, Event, Observer, Outcomes, Report};
pub use forecast::{Call, forecast};
pub use options::{DeletionScope, EarlierAttempt, ExecuteOptions, OnSourceChange};
pub(crate) use parts::parts;
pub use parts::{MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE, part_size};

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
/// use sync_core::{Direction, execute, execute::ExecuteOptions, make_plan, plan::PlanOptions, spool::MemorySpools};
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
        rule: plan.header().rule,
        evidence: Evidence::default(),
        options,
        observer,
        budget: Budget::new(options.memory),
        stop: stop.boxed().shared(),
        cutoff: Cutoff::of(plan.direction(), source, target),
    };
    let mut run = Run::new(&work);
    let mut rest = Rest::default();
    run.free_transfers(plan, Age::Settled, &mut rest).await?;
    if rest.any_young && !run.stopped {
        run.free_transfers(plan, Age::Young, &mut rest).await?;
    }
    run.blocked_transfers(plan, rest).await?;
    run.tell_not_written();
    run.deletions(plan).await?;
    run.tell_not_written();
    Ok(run.report())
}
