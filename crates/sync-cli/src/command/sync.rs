//! `backup` and `restore`, and what they would do: list, plan, judge, ask,
//! execute, report.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use sync_core::{
    Action, CLOCK_OFFSET_WARNING, Counts, Deletions, Direction, ExecuteOptions, Limits, Plan,
    PlanOptions, Refusal, Report, Withheld, execute, make_plan, refusals,
};

use super::Mode;
use crate::journal::FileJournal;
use crate::lock::{LockError, Locks};
use crate::options::SyncArgs;
use crate::places::Places;
use crate::progress::{self, Progress};
use crate::question::{self, Answer};
use crate::spools::TemporaryFiles;
use crate::stop::Stop;
use crate::text::{self, Words};
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
            Ok(locks) => Some(locks),
            Err(LockError::Held(place)) => {
                console.error(format_args!(
                    "refused: another run of s3mirror works on the {place}; try again when it has ended"
                ));
                return Ok(Exit::Refused);
            }
            Err(LockError::Io(path, error)) => {
                let what = format!("cannot lock '{}'", path.display());
                return Err(error).context(what);
            }
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
        concurrency: args.speed.concurrency.into(),
        memory: args.speed.max_memory.bytes(),
        ..PlanOptions::new(direction)
    }
}

fn limits(args: &SyncArgs) -> Limits {
    Limits {
        max_delete: args.safety.max_delete.unwrap_or_default(),
        allow_empty_source: args.safety.allow_empty_source,
    }
}

/// Shows the plan: each action in a mock run, the summary in both, and by
/// name whatever is not as it should be.
fn show(plan: &Plan, args: &SyncArgs, mode: Mode, console: &mut Console) -> anyhow::Result<()> {
    let header = plan.header();
    let words = Words::of(plan.direction());
    let output = &args.output;
    if output.json {
        json::plan(console, plan);
    }
    let listed = mode == Mode::Show && !output.json && !output.quiet;
    if listed || has_notes(plan.counts()) {
        for action in plan.actions().context("cannot read the plan")? {
            let action = action.context("cannot read the plan")?;
            if listed {
                console.line(words.action(&action));
            } else {
                warn(&action, args, console);
            }
        }
    }
    // Where there is nothing to do, the report will say all of it.
    let announced = mode == Mode::Show || changes(plan.counts()) > 0;
    if announced && !output.json && !output.quiet {
        let summary = words.summary(&header.source, &header.target, plan.counts());
        console.line(summary.trim_end());
    }
    let offset = header.rule.clock_offset;
    if offset.abs() > CLOCK_OFFSET_WARNING {
        console.warning(format_args!(
            "the server's clock and that of this machine differ by {} s; set the clock",
            offset.num_seconds()
        ));
    }
    Ok(())
}

/// How many entries of the target the plan changes.
fn changes(counts: &Counts) -> u64 {
    (counts.created() + counts.overwritten() + counts.deleted()).entries
}

/// Whether the plan has lines that are neither transfers nor deletions; if
/// not, a real run need not read it an extra time.
fn has_notes(counts: &Counts) -> bool {
    counts.conflicts > 0
        || counts.too_long > 0
        || !counts.skipped_in_source.is_empty()
        || !counts.skipped_in_target.is_empty()
}

/// Names what a real run cannot do.
fn warn(action: &Action, args: &SyncArgs, console: &mut Console) {
    match action {
        Action::Transfer(_) | Action::Delete(_) => {}
        Action::Conflict { key, with, why } => {
            console.warning(format_args!(
                "'{key}' is not copied: {}",
                text::conflict(with, *why)
            ));
        }
        Action::TooLong { key } => console.error(format_args!(
            "'{key}' is too long: {} bytes, with the prefix {}",
            key.as_str().len(),
            key.as_str().len() + args.places.bucket.prefix().len()
        )),
        Action::Skip { side, skipped } => {
            // What hides content is always named; the harmless only on request.
            if skipped.cause.hides_content() || args.output.verbose > 0 {
                console.warning(format_args!("skipped {}", text::skip(*side, skipped)));
            }
        }
    }
}

/// What a mock run ends with: the status that the real run would begin with.
fn verdict(plan: &Plan, refusals: &[Refusal], console: &mut Console) -> Exit {
    if !refusals.is_empty() {
        return refuse(refusals, console);
    }
    if plan.counts().incomplete() {
        say_withheld(Withheld::SourceIncomplete, console);
        return Exit::Incomplete;
    }
    Exit::Done
}

fn refuse(refusals: &[Refusal], console: &mut Console) -> Exit {
    for refusal in refusals {
        console.error(format_args!("refused: {refusal}"));
    }
    Exit::Refused
}

fn say_withheld(why: Withheld, console: &mut Console) {
    console.warning(format_args!(
        "nothing is deleted, because {}",
        text::withheld(why)
    ));
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
    } else {
        abort_left_uploads(places, args, console).await;
    }
    let report = {
        let words = Words::of(plan.direction());
        let progress = Progress::new(console, plan.counts(), words, &args.output);
        let options = execute_options(args);
        let (source, target) = (places.source(), places.target());
        execute(plan, source, target, &options, &progress, stop.asked())
            .await
            .context("cannot read the plan")?
    };
    let exit = exit_of(plan, &report, stop);
    conclude(plan, &report, begun, exit, args, console);
    Ok(exit)
}

/// Removes what a killed backup has left in the bucket.
async fn abort_left_uploads(places: &Places, args: &SyncArgs, console: &mut Console) {
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

fn execute_options(args: &SyncArgs) -> ExecuteOptions {
    ExecuteOptions {
        concurrency: args.speed.concurrency.into(),
        memory: args.speed.max_memory.bytes(),
        part_size: args.speed.part_size.bytes(),
    }
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
    if let Some(why) = report.deletions_withheld {
        say_withheld(why, console);
    }
    if args.output.json {
        json::report(console, plan.counts(), report, took, exit);
    } else if !args.output.quiet {
        let words = Words::of(plan.direction());
        console.line(words.report(plan.counts(), report, took).trim_end());
    }
}
