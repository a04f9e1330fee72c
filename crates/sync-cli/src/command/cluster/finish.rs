//! `cluster finish`: the deletions, and one report of all shards.

use std::fmt::Display;

use s3mirror::cluster::{
    ClusterError, ClusterRun, Concluded, Ending, Finished, Remedy, StillOpen, Unfinished,
};
use sync_core::{execute::DeletionsSkipped, text::entries};

use super::advice::{end_it, finish_it, still_open, what_is_missing};
use super::common::{refuse, wants_trash};
use super::unread::say_unread;
use crate::command::manner::Mode;
use crate::command::not_opened::not_opened;
use crate::command::preview::Preview;
use crate::command::sync::{confirmed, listen, watch};
use crate::command::{outcome, present};
use crate::end_hooks::EndHooks;
use crate::hints::Judged;
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
    hooks.began(run.created());
    match run.finished() {
        Ok(None) => {}
        Ok(Some(finished)) => {
            console.note("the run was finished before; this is its report");
            return Ok(was_finished(args, &run, &finished, hooks, console));
        }
        Err(error) => return Ok(not_ended(error, console)),
    }
    if args.without_deletions {
        // Nothing is lost then.
        return as_it_is(args, &run, hooks, console).await;
    }
    if let Some(exit) = wants_trash(&args.trash, run.direction(), console) {
        return Ok(exit);
    }
    match run.finish() {
        Ok(Ok(ending)) => {
            let stop = listen(hooks, console)?;
            end(args, &run, ending, (hooks, &stop), console).await
        }
        Ok(Err(unfinished)) => Ok(incomplete(args, &run, &unfinished, hooks, console)),
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
            if let Some(before) = run.deletions_told()? {
                console.error(before);
            }
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
    mut ending: Ending<'_>,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let mut builder = match ending.mirror(stop.asked()) {
        Ok(builder) => builder,
        Err(error) => return Ok(not_ended(error, console)),
    };
    args.set(builder.options());
    hooks.is_of(builder.options().bucket.at);
    let progress = watch(&builder, Mode::Act, hooks, console)?;
    let builder = builder.observer(ending.observer(progress.clone()));
    let mirror = match builder.open().await {
        Ok(mirror) => mirror,
        Err(error) => {
            progress.end();
            return not_opened(error, console);
        }
    };
    let plan = mirror.plan().await.map_err(hints::explained)?;
    if !plan.refusals().is_empty() {
        return Ok(present::refuse(plan.refusals(), Judged::Rest, console));
    }
    let deletions = match args.without_deletions {
        true => 0,
        false => plan.counts().real_deletions(),
    };
    if let Some(exit) = not_confirmed(args, run, deletions, console)? {
        return Ok(exit);
    }
    if deletions > 0 {
        ending = match begin_deletions(args, run, ending, hooks, console) {
            Ok(ending) => ending,
            Err(exit) => return Ok(exit),
        };
    }
    console.streams().show();
    let report = mirror.execute(&plan).await;
    progress.end();
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            ending.give_up(&error.to_string());
            return Err(hints::explained(error));
        }
    };
    Ok(conclude(args, run, ending, &report, (hooks, stop), console))
}

/// Reports on the whole run, and notes its end.
fn conclude(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    ending: Ending<'_>,
    last: &s3mirror::Report,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> Exit {
    let merged = ending.merged(last);
    let concluded = ending.conclude(last, &merged);
    if let Ok(Concluded::Elsewhere(finished)) = concluded {
        console.note("the run was finished meanwhile by another process; this is its report");
        return was_finished(args, run, &finished, hooks, console);
    }
    tell(run, &merged, hooks, console);
    match concluded {
        Err(error) => {
            let what = match merged.is_complete() {
                true => "all is done, but that",
                false => "what was done",
            };
            let again = match args.without_deletions {
                true => end_it(run.path()),
                false => finish_it(run.path()),
            };
            console.error(format_args!(
                "{what} cannot be noted: {error}; {again} again"
            ));
            match merged.is_complete() {
                true => Exit::Unwritten,
                false => Exit::Incomplete,
            }
        }
        Ok(Concluded::Not(open)) => {
            console.error(still_open(run, open, last.execution.deleted.entries));
            let exit = outcome::exit(&merged, stop);
            match open {
                StillOpen::Declined | StillOpen::Outdated | StillOpen::ClockOfShards => {
                    args.scheduler.in_vain(exit)
                }
                _ => exit,
            }
        }
        Ok(_) => {
            if args.without_deletions && !merged.is_complete() {
                console.note(
                    "the run is finished without its deletions; a plain run, or a new plan that is \
                     split, copies and deletes what is left",
                );
            }
            outcome::exit(&merged, stop)
        }
    }
}

/// The report of a run that has come to its end before.
fn was_finished(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    finished: &Finished,
    hooks: &EndHooks,
    console: &mut Console,
) -> Exit {
    hooks.ended(finished.at);
    name(&finished.missing, console);
    tell(run, &finished.report, hooks, console);
    args.scheduler.in_vain(exit_of(&finished.report))
}

/// Asks whether so many entries may be deleted; how it ends if they may not.
fn not_confirmed(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    deletions: u64,
    console: &mut Console,
) -> anyhow::Result<Option<Exit>> {
    if deletions > 0 {
        let are = if deletions == 1 { "is" } else { "are" };
        let deletions = entries(deletions);
        let before = run.deletions_told()?;
        let before = before.map_or(String::new(), |before| format!(" in all: {before}"));
        console.text(format_args!(
            "all shards are done; {deletions} {are} to be deleted{before}"
        ));
    }
    Ok((!confirmed(deletions, args.yes, console)).then_some(Exit::Refused))
}

/// Notes that the deletions begin; or how it ends if somebody ends the run without them: the
/// question may have stood for hours.
fn begin_deletions<'r>(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    mut ending: Ending<'r>,
    hooks: &EndHooks,
    console: &mut Console,
) -> Result<Ending<'r>, Exit> {
    if let Err(error) = ending.begin_deletions() {
        return Err(not_ended(error, console));
    }
    match run.deletions_declined() {
        Ok(None) => Ok(ending),
        Ok(Some(declined)) => {
            let why = declined.to_string();
            let unfinished = ending.declined(declined);
            ending.give_up(&why);
            Err(match unfinished {
                Ok(unfinished) => incomplete(args, run, &unfinished, hooks, console),
                Err(error) => not_ended(error, console),
            })
        }
        Err(error) => {
            ending.give_up(&error.to_string());
            Err(not_ended(error, console))
        }
    }
}

/// Reports why the run cannot be ended. What was edited or is missing makes it
/// incomplete, as a shard that is missing does.
fn not_ended(error: ClusterError, console: &mut Console) -> Exit {
    let is_incomplete = matches!(
        error,
        ClusterError::Foreign { .. }
            | ClusterError::NotEnding { .. }
            | ClusterError::Read { .. }
            | ClusterError::Plan(_)
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
    // No plan was shown here that would have told that.
    say_unread(run.unread(), console);
    if let Some(why) = DeletionsSkipped::by(run.counts()) {
        present::say_withheld(why, console);
    }
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
fn incomplete(
    args: &ClusterFinishArgs,
    run: &ClusterRun,
    unfinished: &Unfinished,
    hooks: &EndHooks,
    console: &mut Console,
) -> Exit {
    let missing = &unfinished.missing;
    hooks.executed(run.counts(), &unfinished.report, None);
    name(missing, console);
    let next = what_is_missing(run, missing);
    let deleted = match run.deletions_told() {
        Ok(None) => "no deletion was started".to_owned(),
        Ok(Some(before)) => format!("nothing more was deleted, but {before}"),
        Err(error) => format!("nothing more was deleted; {error}"),
    };
    console.error(format_args!("{deleted}; {next}"));
    let mut remedies = missing.iter().map(|missing| missing.remedy);
    match remedies.all(|remedy| matches!(remedy, Remedy::Outdated | Remedy::Declined)) {
        true => args.scheduler.in_vain(Exit::Incomplete),
        false => Exit::Incomplete,
    }
}
