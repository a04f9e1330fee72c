//! `backup` and `restore`, and what they would do: list, plan, judge, ask,
//! execute, report.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use indicatif::HumanBytes;
use sync_core::{
    Deletions, Direction, ExecuteOptions, Limits, Plan, PlanOptions, Refusal, Report, Withheld,
    execute, make_plan, refusals,
};

use super::Mode;
use super::show::{changes, refuse, say_withheld, show};
use crate::ending::{SoFar, bounded};
use crate::journal::FileJournal;
use crate::lock::{LockError, Locks};
use crate::options::SyncArgs;
use crate::places::Places;
use crate::progress::{self, Progress};
use crate::question::{self, Answer};
use crate::spools::TemporaryFiles;
use crate::stop::Stop;
use crate::text::Words;
use crate::{Console, Exit, json};

pub(super) async fn run(
    direction: Direction,
    args: &SyncArgs,
    mode: Mode,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let stop = Stop::listen().context("cannot listen for signals")?;
    // A file of the state directory, so it is not touched before the lock is held.
    let journal = (direction == Direction::Backup && mode == Mode::Act)
        .then(|| Arc::new(FileJournal::of_bucket(args)) as _);
    let places = Places::open(direction, args, journal).await?;
    let _locks = match mode {
        Mode::Show => None,
        Mode::Act => match Locks::acquire(args) {
            Err(LockError::Held(place)) => {
                console.error(format_args!(
                    "refused: another run of s3mirror works on the {place}; \
                     try again when it has ended"
                ));
                return Ok(Exit::Refused);
            }
            locks => Some(locks?),
        },
    };
    let plan = {
        let _spinner = progress::listing(console, &args.output);
        let options = plan_options(direction, args);
        make_plan(
            places.source(),
            places.target(),
            &options,
            Arc::new(TemporaryFiles),
        )
        .await?
    };
    show(&plan, args, mode, console)?;
    let refusals = refusals(plan.header(), &limits(args));
    match mode {
        Mode::Show => Ok(verdict(&plan, &refusals, console)),
        Mode::Act => act(&plan, &places, args, &refusals, &stop, console).await,
    }
}

fn plan_options(direction: Direction, args: &SyncArgs) -> PlanOptions {
    let prefix = args.places.bucket.prefix().len();
    PlanOptions {
        compare: args.rule.compare.into(),
        deletions: if args.safety.no_delete {
            Deletions::Off
        } else {
            Deletions::On
        },
        max_key_bytes: usize::from(args.safety.max_key_length).saturating_sub(prefix),
        concurrency: concurrency(args),
        memory: args.speed.max_memory(direction),
        ..PlanOptions::new(direction)
    }
}

fn limits(args: &SyncArgs) -> Limits {
    Limits {
        max_delete: args.safety.max_delete.unwrap_or_default(),
        allow_empty_source: args.safety.allow_empty_source,
    }
}

/// What a mock run ends with: the status that the real run would begin with.
fn verdict(plan: &Plan, refusals: &[Refusal], console: &mut Console) -> Exit {
    if !refusals.is_empty() {
        refuse(refusals, console)
    } else if plan.counts().incomplete() {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

async fn act(
    plan: &Plan,
    places: &Places,
    args: &SyncArgs,
    refusals: &[Refusal],
    stop: &Stop,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    if !refusals.is_empty() {
        return Ok(refuse(refusals, console));
    }
    if !confirmed(plan, args, console) {
        return Ok(Exit::Refused);
    }
    let begun = Instant::now();
    if plan.direction() == Direction::Restore {
        if changes(plan.counts()) > 0 {
            places.directory.make_root().await?;
        }
        places.directory.sweep_temporaries().await;
    }
    let mut report = {
        let words = Words::of(plan.direction());
        let progress = Progress::new(console, plan.counts(), words, &args.output);
        let so_far = SoFar::new(plan, &progress);
        let options = execute_options(plan.direction(), args);
        let (source, target) = (places.source(), places.target());
        let execution = execute(plan, source, target, &options, &so_far, stop.asked());
        bounded(execution, &so_far, stop)
            .await
            .context("cannot read the plan")?
    };
    if plan.direction() == Direction::Backup && !report.stopped {
        tokio::select! {
            () = settle_left_uploads(places, args, console) => {}
            () = stop.asked() => report.stopped = true,
        }
    }
    let exit = exit_of(plan, &report, stop);
    conclude(plan, &report, begun, exit, args, console);
    Ok(exit)
}

/// Says what a killed backup had sent already, and removes from the bucket
/// what it left and nothing was made of.
async fn settle_left_uploads(places: &Places, args: &SyncArgs, console: &mut Console) {
    let spared = places.bucket.spared_bytes();
    if spared > 0 && !args.output.quiet {
        let spared = HumanBytes(spared);
        console.note(format_args!(
            "went on with uploads of an earlier run; {spared} were there already"
        ));
    }
    let left = places.bucket.abort_left_uploads().await;
    for error in &left.failed {
        console.warning(error);
    }
    if left.aborted > 0 && !args.output.quiet {
        let s = if left.aborted == 1 { "" } else { "s" };
        console.note(format_args!(
            "aborted {} unfinished upload{s} of an earlier run",
            left.aborted
        ));
    }
}

fn execute_options(direction: Direction, args: &SyncArgs) -> ExecuteOptions {
    ExecuteOptions {
        concurrency: concurrency(args),
        memory: args.speed.max_memory(direction),
        part_size: args.speed.part_size(direction),
    }
}

/// What the bucket makes full use of: how many requests there really are at
/// once is for its store to say.
fn concurrency(args: &SyncArgs) -> usize {
    args.speed
        .concurrency
        .map_or(sync_s3::MAX_CONCURRENCY, usize::from)
}

/// Whether the user wants the plan to be carried out. Nothing to do needs no
/// question.
fn confirmed(plan: &Plan, args: &SyncArgs, console: &mut Console) -> bool {
    if changes(plan.counts()) == 0 || args.safety.yes {
        return true;
    }
    match question::ask(console) {
        Answer::Yes => true,
        Answer::No => {
            console.note("nothing was done");
            false
        }
        Answer::Nobody => {
            console
                .error("refused: there is no terminal to ask whether to go on; confirm with --yes");
            false
        }
    }
}

fn exit_of(plan: &Plan, report: &Report, stop: &Stop) -> Exit {
    match stop.exit() {
        Some(exit) if report.stopped => exit,
        _ if report.is_complete() && !plan.counts().incomplete() => Exit::Done,
        _ => Exit::Incomplete,
    }
}

fn conclude(
    plan: &Plan,
    report: &Report,
    begun: Instant,
    exit: Exit,
    args: &SyncArgs,
    console: &mut Console,
) {
    let took = begun.elapsed();
    // That the source is incomplete has been said before the question.
    let why = report.deletions_withheld;
    if let Some(why) = why.filter(|why| *why != Withheld::SourceIncomplete) {
        say_withheld(why, console);
    }
    if args.output.json {
        json::report(console, plan.counts(), report, took, exit);
    } else if !args.output.quiet {
        let words = Words::of(plan.direction());
        console.line(words.report(plan.counts(), report, took).trim_end());
    }
}
