//! `cluster finish`: the deletions, and one report of all shards.

use std::fmt::Display;

use s3mirror::cluster::{ClusterError, ClusterRun, Ending, Missing};
use sync_core::text::entries;

use super::common::{end_it, quoted, refuse, what_is_outdated};
use crate::command::manner::Mode;
use crate::command::not_opened::not_opened;
use crate::command::preview::Preview;
use crate::command::sync::{confirmed, listen, watch};
use crate::command::{outcome, present};
use crate::end_hooks::EndHooks;
use crate::options::ClusterFinishArgs;
use crate::signals::Stop;
use crate::{Console, Exit, hints};

/// Shards that are named when something is missing.
const MOST_NAMED: usize = 20;

pub(crate) async fn run(
    args: &ClusterFinishArgs,
    hooks: &EndHooks,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let run = match ClusterRun::open(&args.run) {
        Ok(run) => run,
        Err(error) => return Ok(not_ended(error, console)),
    };
    hooks.is_about(run.direction(), run.mirrored(), run.bucket());
    match run.finished() {
        Ok(None) => {}
        Ok(Some(finished)) => {
            console.note("the run was finished before; this is its report");
            name(&finished.missing, console);
            tell(&run, &finished.report, hooks, console);
            return Ok(exit_of(&finished.report));
        }
        Err(error) => return Ok(not_ended(error, console)),
    }
    if args.without_deletions {
        return as_it_is(args, &run, hooks, console).await;
    }
    match run.finish() {
        Ok(Ok(ending)) => {
            let stop = listen(hooks, console)?;
            end(args, &run, ending, (hooks, &stop), console).await
        }
        Ok(Err(missing)) => Ok(incomplete(&run, &missing, console)),
        Err(error) => Ok(not_ended(error, console)),
    }
}

/// Ends the run without its deletions. Attempts at work are stopped first, so that they abort
/// their uploads, and report what they have done.
async fn as_it_is(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    hooks: &EndHooks,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let stop = listen(hooks, console)?;
    let waits = |attempts| {
        let attempts = in_words(attempts);
        console.note(format_args!("waits for {attempts} to stop"));
        console.streams().show();
    };
    let at_work = match run.stop_attempts(stop.asked(), waits).await {
        Ok(at_work) => at_work,
        Err(error) => return Ok(not_ended(error, console)),
    };
    if let Some(exit) = stop.exit() {
        console.error(format_args!("the run is not ended; {}", end_it(run.path())));
        return Ok(exit);
    }
    if at_work > 0 {
        let attempts = in_words(at_work);
        console.note(format_args!(
            "{attempts} may be at work, or dead: uploads that they have left open are aborted"
        ));
    }
    match run.finish_without_deletions() {
        Ok((ending, missing)) => {
            name(&missing, console);
            end(args, run, ending, (hooks, &stop), console).await
        }
        Err(error) => Ok(not_ended(error, console)),
    }
}

/// So many attempts, in words.
fn in_words(attempts: usize) -> String {
    let s = if attempts == 1 { "" } else { "s" };
    format!("{attempts} attempt{s}")
}

/// Makes the deletions, after a question, and reports on the whole run.
async fn end(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    ending: Ending<'_>,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let mut builder = match ending.mirror() {
        Ok(builder) => builder,
        Err(error) => return Ok(not_ended(error, console)),
    };
    args.set(builder.options());
    hooks.is_of(builder.options().bucket.at);
    let progress = watch(&builder, Mode::Act, hooks, console)?;
    let opened = builder
        .observer(progress.clone())
        .stop_on(stop.asked())
        .open();
    let mirror = match opened.await {
        Ok(mirror) => mirror,
        Err(error) => {
            progress.end();
            return not_opened(error, console);
        }
    };
    let plan = mirror.plan().await.map_err(hints::explained)?;
    if !plan.refusals().is_empty() {
        return Ok(present::refuse(plan.refusals(), console));
    }
    if let Some(exit) = not_permitted(args, run, plan.counts().real_deletions(), console) {
        return Ok(exit);
    }
    console.streams().show();
    let report = mirror.execute(&plan).await;
    progress.end();
    let merged = ending.merged(&report.map_err(hints::explained)?);
    tell(run, &merged, hooks, console);
    if let Err(error) = ending.conclude(&merged) {
        console.error(format_args!(
            "all is done, but that cannot be noted: {error}; {} again",
            if args.without_deletions {
                end_it(run.path())
            } else {
                format!("run `s3mirror cluster finish {}`", quoted(run.path()))
            }
        ));
        return Ok(Exit::Unwritten);
    }
    if args.without_deletions && !merged.execution.stopped {
        console.note(
            "the run is finished without its deletions; a plain run, or a new plan that is split, \
             copies and deletes what is left",
        );
    }
    Ok(outcome::exit(&merged, stop))
}

/// Asks whether so many entries may be deleted; how it ends if they may not.
fn not_permitted(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    deletions: u64,
    console: &mut Console,
) -> Option<Exit> {
    if deletions > 0 {
        let are = if deletions == 1 { "is" } else { "are" };
        let deletions = entries(deletions);
        console.text(format_args!(
            "all shards are done; {deletions} {are} to be deleted"
        ));
    }
    if !confirmed(deletions, args.yes, console) {
        return Some(Exit::Refused);
    }
    if args.without_deletions || deletions == 0 {
        return None;
    }
    // The question may have stood for hours.
    match run.deletions_declined() {
        Ok(None) => None,
        Ok(Some(missing)) => Some(incomplete(run, &[missing], console)),
        Err(error) => Some(not_ended(error, console)),
    }
}

/// Reports why the run cannot be ended. What was edited or is missing makes it
/// incomplete, as a shard that is missing does.
fn not_ended(error: ClusterError, console: &mut Console) -> Exit {
    let is_incomplete = matches!(
        error,
        ClusterError::Foreign { .. } | ClusterError::Read { .. } | ClusterError::Plan(_)
    );
    let exit = refuse(error, console);
    if is_incomplete {
        Exit::Incomplete
    } else {
        exit
    }
}

fn exit_of(report: &s3mirror::Report) -> Exit {
    if report.is_complete() {
        Exit::Done
    } else {
        Exit::Incomplete
    }
}

fn tell(run: &ClusterRun, report: &s3mirror::Report, hooks: &EndHooks, console: &mut Console) {
    hooks.executed(run.counts(), report, None);
    let preview = Preview::default();
    let planned = outcome::Planned {
        direction: run.direction(),
        counts: run.counts(),
        origin: Some(run.origin()),
        // What a run selects is in its plans only.
        is_of_all: false,
    };
    outcome::tell(&planned, report, &preview, console);
}

/// Names what is missing.
fn name(missing: &[impl Display], console: &mut Console) {
    for missing in missing.iter().take(MOST_NAMED) {
        console.error(missing);
    }
    if missing.len() > MOST_NAMED {
        let more = missing.len() - MOST_NAMED;
        console.error(format_args!(
            "… and {more} more (see `s3mirror cluster status`)"
        ));
    }
}

/// Names what is missing, and what to do.
fn incomplete(run: &ClusterRun, missing: &[Missing], console: &mut Console) -> Exit {
    name(missing, console);
    let path = quoted(run.path());
    // Those that another attempt may complete come first.
    let shard = missing.iter().filter(|missing| !missing.is_outdated);
    let shard = shard.filter_map(|missing| missing.shard).next();
    let next = match shard {
        _ if matches!(run.ending(), Ok(Some(_))) => end_it(run.path()),
        Some(shard) => format!(
            "run `s3mirror cluster apply {path} --shard {shard}`, then `s3mirror cluster finish \
             {path}` again"
        ),
        None if missing.iter().all(|missing| missing.is_outdated) => what_is_outdated(run.path()),
        None => "make a new plan, and split it".to_owned(),
    };
    console.error(format_args!("nothing was deleted; {next}"));
    Exit::Incomplete
}
