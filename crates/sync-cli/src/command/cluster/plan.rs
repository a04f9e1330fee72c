//! `cluster plan`: the plan of one range of keys, or of all that have none.

use std::time::Instant;

use s3mirror::cluster::{Ended, RangeAttempt, RangeRun};
use s3mirror::{Counts, MirrorPlan};
use sync_core::{ErrorKind, plan::PlanError};

use super::advice::what_is_planned_again;
use super::common::{Line, quoted, refuse, wants_trash};
use super::tasks::chosen;
use super::unread::what_is_unread;
use crate::command::manner::Mode;
use crate::command::present;
use crate::command::sync::{listen, watch};
use crate::end_hooks::EndHooks;
use crate::hints::Judged;
use crate::options::ClusterPlanArgs;
use crate::signals::Stop;
use crate::{Console, Exit, hints};

pub(crate) async fn run(
    args: &ClusterPlanArgs,
    hooks: &EndHooks,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let run = match RangeRun::open(&args.task.run) {
        Ok(run) => run,
        Err(error) => return Ok(refuse(error, console)),
    };
    if let Some(exit) = wants_trash(&args.trash, run.direction(), console) {
        return Ok(exit);
    }
    let chosen = match chosen(&args.task, console) {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    let stop = listen(hooks, console)?;
    if let Some((range, job)) = chosen {
        return match run.begin(range, job.as_deref()) {
            Ok(Some(attempt)) => one(args, &run, attempt, (hooks, &stop), console).await,
            Ok(None) => {
                say(None, range, Ended::ByAnother, Instant::now(), console);
                Ok(Exit::Done)
            }
            Err(error) => Ok(refuse(error, console)),
        };
    }
    let mut all = Exit::Done;
    let mut queue = run.queue();
    let mut has_begun = false;
    loop {
        let attempt = match queue.next_attempt() {
            Ok(Some(attempt)) => attempt,
            Ok(None) => {
                if !has_begun {
                    console.note("all ranges have a plan");
                }
                return Ok(all);
            }
            Err(error) => return Ok(refuse(error, console)),
        };
        has_begun = true;
        match one(args, &run, attempt, (hooks, &stop), console).await? {
            Exit::Done => {}
            // The others may succeed all the same.
            Exit::Incomplete => all = Exit::Incomplete,
            exit => return Ok(exit),
        }
    }
}

/// Why there is no plan.
enum NoPlan {
    /// Another attempt was faster.
    NotNeeded,
    /// By a signal; the process ends with that status.
    Stopped(Exit),
    Failed(s3mirror::Error),
}

/// Plans a range, and says what came of it.
async fn one(
    args: &ClusterPlanArgs,
    run: &RangeRun,
    mut attempt: RangeAttempt<'_>,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let (range, number) = (attempt.range(), attempt.number());
    let again = format!(
        "run `s3mirror cluster plan {} --shard {range}` again",
        quoted(run.path())
    );
    let plan = match planned(args, &mut attempt, (hooks, stop), console).await {
        Ok(plan) => plan,
        Err(NoPlan::NotNeeded) => {
            say(None, range, Ended::ByAnother, started, console);
            return Ok(Exit::Done);
        }
        Err(NoPlan::Stopped(exit)) => {
            attempt.fail("it was stopped");
            console.error(format_args!(
                "range {range} is not planned: it was stopped; {again}"
            ));
            return Ok(exit);
        }
        Err(NoPlan::Failed(error)) => {
            let why = explained(&error);
            let exit = exit_of(&error);
            match exit {
                Exit::Refused => attempt.refuse(&why),
                _ => attempt.fail(&why),
            }
            console.error(format_args!("range {range}: {why}"));
            return Ok(exit);
        }
    };
    if !plan.refusals().is_empty() {
        let refusals = plan.refusals().iter();
        let refusals = refusals.map(|refusal| hints::refusal(refusal, Judged::Ranges));
        attempt.fail(&refusals.collect::<Vec<_>>().join("; "));
        return Ok(present::refuse(plan.refusals(), Judged::Ranges, console));
    }
    match attempt.end(&plan) {
        Ok((ended, unread)) => {
            say(
                Some((plan.counts(), number)),
                range,
                ended,
                started,
                console,
            );
            if let Some(unread) = unread {
                console.warning(what_is_unread(&unread));
                if let Some(again) = what_is_planned_again(run.path(), &[unread]) {
                    console.note(again);
                }
            }
        }
        Err(error) => {
            console.error(format_args!(
                "range {range} was planned, but that cannot be noted: {error}; {again}"
            ));
            return Ok(Exit::Incomplete);
        }
    }
    Ok(Exit::Done)
}

async fn planned(
    args: &ClusterPlanArgs,
    attempt: &mut RangeAttempt<'_>,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> Result<MirrorPlan, NoPlan> {
    let builder = attempt.mirror(|options| args.set(options));
    let progress = watch(&builder, Mode::Show, hooks, console)
        .map_err(|error| NoPlan::Failed(s3mirror::Error::ReadPlan(std::io::Error::other(error))))?;
    let builder = builder.observer(progress.clone());
    let plan = Box::pin(async {
        let mirror = builder.open_preview().await?;
        mirror.plan().await
    });
    let superseded = Box::pin(attempt.superseded());
    // A plan that is not complete is worth nothing: the listings are dropped where they are.
    let plan = tokio::select! {
        biased;
        () = stop.asked() => Err(NoPlan::Stopped(stop.exit().unwrap_or(Exit::Incomplete))),
        () = superseded => Err(NoPlan::NotNeeded),
        plan = plan => plan.map_err(NoPlan::Failed),
    };
    progress.end();
    plan
}

/// Why a range cannot be planned, and what to do.
fn explained(error: &s3mirror::Error) -> String {
    let why = hints::error(error);
    match error {
        s3mirror::Error::Plan(PlanError::Straddled { .. }) => {
            format!("{why}; run `s3mirror cluster split` again, with another --run")
        }
        s3mirror::Error::Plan(PlanError::NotSeparable(_)) => format!(
            "{why}; other ranges would not help: have one machine plan (`s3mirror mock` with \
             --plan-out PLAN, then `s3mirror cluster split PLAN`), or remove or --exclude what leads \
             there and split again"
        ),
        error if is_out_of_order(error) => format!(
            "{why}: the server does not list in byte order, as was said of it when the keys were \
             divided; run `s3mirror cluster split` again, with another --run and without \
             --lists-in-order always"
        ),
        _ => why,
    }
}

/// Whether the server has shown that what was said of its order is wrong: where it is not
/// known, a listing out of order is sorted.
fn is_out_of_order(error: &s3mirror::Error) -> bool {
    matches!(
        error,
        s3mirror::Error::Plan(PlanError::Listing(listing))
            if listing.error.kind() == ErrorKind::Disordered
    )
}

/// Whether another attempt would fail in the same way, whatever machine makes it.
fn cannot_be_planned_so(error: &s3mirror::Error) -> bool {
    matches!(
        error,
        s3mirror::Error::Plan(PlanError::Straddled { .. } | PlanError::NotSeparable(_))
    ) || is_out_of_order(error)
}

fn exit_of(error: &s3mirror::Error) -> Exit {
    match error {
        s3mirror::Error::Selection(_) => Exit::Usage,
        error if cannot_be_planned_so(error) => Exit::Refused,
        _ => Exit::Failed,
    }
}

/// Reports how an attempt ended; without one, that none was needed.
fn say(
    planned: Option<(&Counts, u32)>,
    range: usize,
    ended: Ended,
    started: Instant,
    console: &mut Console,
) {
    let seconds = started.elapsed().as_secs_f64();
    let counts = planned
        .map(|(counts, _)| counts.clone())
        .unwrap_or_default();
    let (transfers, deletions) = (counts.created() + counts.overwritten(), counts.deleted());
    let line = Line::Range {
        range: range as u64,
        attempt: planned.map_or(0, |(_, number)| number),
        outcome: match ended {
            Ended::Done => "done",
            _ => "by-another",
        },
        transfers,
        deletions,
        seconds,
    };
    console.reporter().result(&line, || match (ended, planned) {
        (_, None) => format!("range {range} is planned already"),
        (Ended::ByAnother, _) => format!("range {range} was planned by another attempt"),
        _ => format!("range {range}: {counts}, in {seconds:.1} s"),
    });
    // The next range may take hours, and a kill must not take back what was done.
    console.streams().show();
}
