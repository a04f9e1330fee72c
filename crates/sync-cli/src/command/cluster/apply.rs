//! `cluster apply`: the transfers of one shard, or of all that are not done.

use std::time::Duration;

use indicatif::HumanBytes;
use s3mirror::Report;
use s3mirror::cluster::{Attempt, ClusterRun, Ended, NextShard};
use sync_core::text::{entries, grouped};

use super::advice::{end_it, what_copies_the_rest, what_is_absent, what_is_outdated};
use super::common::{Line, open, quoted, refuse, shards, wants_trash};
use super::tasks::chosen;
use crate::command::manner::Mode;
use crate::command::sync::{listen, watch};
use crate::end_hooks::EndHooks;
use crate::options::ClusterApplyArgs;
use crate::signals::Stop;
use crate::{Console, Exit, hints};

/// How long to wait before the next look at the shards of others.
const WAIT: Duration = Duration::from_secs(1);

pub(crate) async fn run(
    args: &ClusterApplyArgs,
    hooks: &EndHooks,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let run = match open(&args.task.run, console) {
        Ok(run) => run,
        Err(exit) => return Ok(exit),
    };
    if let Some(exit) = wants_trash(&args.trash, run.direction(), console) {
        return Ok(exit);
    }
    let chosen = match chosen(&args.task, console) {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    let stop = listen(hooks, console)?;
    let Some((shard, job)) = chosen else {
        return all(args, &run, (hooks, &stop), console).await;
    };
    match run.begin(shard, job.as_deref()) {
        Ok(Ok(attempt)) => one(args, &run, attempt, (hooks, &stop), console).await,
        Ok(Err(ended)) => {
            say(None, shard, ended, console);
            Ok(exit_of(&run, shard, ended, console))
        }
        Err(error) => Ok(refuse(error, console)),
    }
}

/// Executes all shards that are not done, beside others who do the same.
async fn all(
    args: &ClusterApplyArgs,
    run: &ClusterRun,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let mut all = Exit::Done;
    let mut queue = run.queue();
    let (mut has_begun, mut has_waited) = (false, false);
    loop {
        match queue.next_shard() {
            Ok(NextShard::Attempt(attempt)) => {
                has_begun = true;
                match one(args, run, attempt, (hooks, stop), console).await? {
                    Exit::Done => {}
                    // The others may succeed all the same.
                    Exit::Incomplete => all = Exit::Incomplete,
                    exit => return Ok(exit),
                }
            }
            Ok(NextShard::Wait(others)) => {
                if !std::mem::replace(&mut has_waited, true) {
                    let others = shards(others);
                    console.note(format_args!(
                        "waits for {others} that others execute; if one of them dies, its shard is \
                         executed here"
                    ));
                }
                tokio::select! {
                    () = tokio::time::sleep(WAIT) => {}
                    () = stop.asked() => return Ok(stop.exit().unwrap_or(Exit::Incomplete)),
                }
            }
            Ok(NextShard::None) => {
                if !has_begun {
                    console.note("all shards are done");
                }
                return Ok(all);
            }
            Ok(NextShard::Outdated(failed)) => {
                let (failed, next) = (
                    shards(failed),
                    what_is_outdated(run.path(), run.direction()),
                );
                console.error(format_args!("{failed} would fail again; {next}"));
                return Ok(Exit::Incomplete);
            }
            Ok(NextShard::Absent(failed)) => {
                let (failed, next) = (shards(failed), what_is_absent(run.path(), &[]));
                console.error(format_args!("{failed} would fail again here; {next}"));
                return Ok(Exit::Incomplete);
            }
            Ok(NextShard::RunEnded(missing)) => {
                return Ok(ended_without(run, &shards(missing), console));
            }
            Err(error) => return Ok(refuse(error, console)),
        }
    }
}

/// Executes a shard, and says what came of it.
async fn one(
    args: &ClusterApplyArgs,
    run: &ClusterRun,
    mut attempt: Attempt<'_>,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let (shard, number) = (attempt.shard(), attempt.number());
    if attempt.has_lost_files() {
        console.warning(format_args!(
            "shard {shard}: its directory in the run directory was missing, and was made again; if \
             an earlier attempt has left uploads open, they are not known any more (a lifecycle \
             rule of the bucket removes such parts)"
        ));
    }
    let report = match execute(args, &mut attempt, (hooks, stop), console).await {
        Ok(report) => report,
        Err(error) => {
            let exit = match &error {
                s3mirror::Error::Locked(_) => Exit::Refused,
                _ => Exit::Failed,
            };
            let why = hints::error(&error);
            attempt.fail(&why);
            console.error(format_args!("shard {shard}: {why}"));
            return Ok(exit);
        }
    };
    let again = format!(
        "run `s3mirror cluster apply {} --shard {shard}` again",
        quoted(run.path())
    );
    let why_stopped = attempt.why_stopped();
    let ended = match attempt.end(&report) {
        Ok(ended) => ended,
        Err(error) => {
            console.error(format_args!(
                "shard {shard} was executed, but that cannot be noted: {error}; {again}"
            ));
            return Ok(Exit::Incomplete);
        }
    };
    say(Some((&report, number)), shard, ended, console);
    if let Ended::Done | Ended::ByAnother | Ended::RunEnded = ended {
        return Ok(exit_of(run, shard, ended, console));
    }
    let failed = report.execution.failed + report.execution.not_written;
    let why = if report.execution.stopped {
        why_stopped
    } else {
        format!("{} failed", entries(failed))
    };
    let next = match ended {
        Ended::Outdated => what_is_outdated(run.path(), run.direction()),
        Ended::Absent => what_is_absent(run.path(), &[shard]),
        _ => again,
    };
    console.error(format_args!("shard {shard} is not done: {why}; {next}"));
    Ok(stop
        .exit()
        .filter(|_| report.execution.stopped)
        .unwrap_or(Exit::Incomplete))
}

/// The exit status where no other attempt is needed.
fn exit_of(run: &ClusterRun, shard: usize, ended: Ended, console: &mut Console) -> Exit {
    match ended {
        Ended::RunEnded => ended_without(run, &format!("shard {shard}"), console),
        _ => Exit::Done,
    }
}

/// Reports that the run has come to its end, or comes to it, without some shards.
fn ended_without(run: &ClusterRun, shards: &str, console: &mut Console) -> Exit {
    match run.ending() {
        Ok(None) => {
            let next = what_copies_the_rest(run.direction());
            console.error(format_args!("the run was ended without {shards}; {next}"));
        }
        Ok(Some(place)) => {
            let next = end_it(run.path());
            console.error(format_args!(
                "the run is being ended without {shards} by {place}; if that was interrupted, {next}"
            ));
        }
        Err(error) => return refuse(error, console),
    }
    Exit::Incomplete
}

async fn execute(
    args: &ClusterApplyArgs,
    attempt: &mut Attempt<'_>,
    (hooks, stop): (&EndHooks, &Stop),
    console: &mut Console,
) -> s3mirror::Result<Report> {
    let shard = attempt.shard();
    let waits = |other: u32, host: &str| {
        console.note(format_args!(
            "shard {shard}: waits up to a minute and a half to see whether attempt {other} on \
             {host} is still at work"
        ));
    };
    let mut builder = attempt.mirror(stop.asked(), waits).await?;
    args.how.set(builder.options());
    let progress = watch(&builder, Mode::Act, hooks, console)
        .map_err(|error| s3mirror::Error::ReadPlan(std::io::Error::other(error)))?;
    let builder = builder.observer(attempt.observer(progress.clone()));
    let report = async {
        let mirror = builder.open().await?;
        let plan = mirror.plan().await?;
        mirror.execute(&plan).await
    }
    .await;
    progress.end();
    report
}

/// Reports how an attempt ended; without one, that none was needed.
fn say(done: Option<(&Report, u32)>, shard: usize, ended: Ended, console: &mut Console) {
    let report = done.map(|(report, _)| report);
    let execution = report
        .map(|report| report.execution.clone())
        .unwrap_or_default();
    let seconds = report.map_or(0.0, |report| report.took.as_secs_f64());
    let line = Line::Shard {
        shard: shard as u64,
        attempt: done.map_or(0, |(_, number)| number),
        outcome: match ended {
            Ended::Done => "done",
            Ended::ByAnother => "by-another",
            _ => "failed",
        },
        created: execution.created,
        overwritten: execution.overwritten,
        failed: execution.failed + execution.not_written,
        seconds,
    };
    let earlier = execution.already_done.entries;
    let copied = execution.created + execution.overwritten;
    console.reporter().result(&line, || match (ended, report) {
        (Ended::RunEnded, _) => format!("shard {shard} is not done"),
        (_, None) => format!("shard {shard} is done already"),
        (Ended::ByAnother, _) => format!("shard {shard} was done by another attempt"),
        _ => {
            let earlier = if earlier > 0 {
                format!(", {} done by an earlier attempt", grouped(earlier))
            } else {
                String::new()
            };
            let (entries, bytes) = (entries(copied.entries), HumanBytes(copied.bytes));
            format!("shard {shard}: {entries}, {bytes} in {seconds:.1} s{earlier}")
        }
    });
    // The next shard may take hours, and a kill must not take back what was done.
    console.streams().show();
}
