//! `backup` and `restore`, and what they would do: list, plan, judge, ask,
//! execute, report. A saved plan is judged, asked for and executed the same way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::HumanBytes;
use sync_core::{
    Deletions, Direction, Limits, Plan, PlanOptions, Refusal, Report, Versions, Withheld, execute,
    make_plan, refusals,
};
use sync_fs::Kept;
use sync_s3::{UploadJournal, Versioning};

use super::Mode;
use super::outlook::{Outlook, execution, look, prices};
use super::present::{changes, present, refuse, say_origin, say_withheld};
use crate::ending::{SoFar, bounded};
use crate::finish::Ending;
use crate::journal::FileJournal;
use crate::lock::{LockError, Locks};
use crate::options::{NOT_FOR_BACKUP, OutputArgs, SyncArgs};
use crate::places::Places;
use crate::progress::{Events, Phase, Progress};
use crate::question::{self, Answer};
use crate::saved::PlanFile;
use crate::selection::selection;
use crate::spools::TemporaryFiles;
use crate::stop::Stop;
use crate::text::Words;
use crate::view::View;
use crate::{Console, Exit, saved, text};

/// Makes a plan; then it is carried out or only shown, as `mode` says.
pub(super) async fn run(
    direction: Direction,
    args: &SyncArgs,
    mode: Mode,
    view: View,
    ending: &Ending,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    ending.is_about(direction, &args.places.dir, &args.places.bucket);
    let selection = match selection(&args.selection) {
        Ok(selection) => Arc::new(selection),
        Err(wrong) => {
            console.error(wrong);
            return Ok(Exit::Usage);
        }
    };
    let prices = match prices(&args.price) {
        Ok(prices) => prices,
        Err(wrong) => {
            console.error(wrong);
            return Ok(Exit::Usage);
        }
    };
    let stop = listen(ending, console)?;
    let events = match mode {
        Mode::Act => Events::Wanted,
        Mode::Show | Mode::Check => Events::Unwanted,
    };
    let progress = watch(direction, &args.output, events, console)?;
    let plan_file = args.plan_out.as_deref();
    let plan_file = plan_file.map(|file| PlanFile::look(file, &args.places.dir));
    let plan_file = plan_file.transpose()?;
    let journal = journal(direction, args, mode);
    let places = Places::open(direction, args, &selection, journal).await?;
    let _locks = match mode {
        Mode::Show | Mode::Check => None,
        Mode::Act => match lock(args, console)? {
            None => return Ok(Exit::Refused),
            locks => locks,
        },
    };
    let plan = {
        let origin = saved::of_run(&args.places, &places);
        let options = PlanOptions {
            selection,
            listings: progress.listings(),
            ..plan_options(direction, args)
        };
        let (source, target) = (places.source(), places.target());
        let plan = make_plan(source, target, &options, Arc::new(TemporaryFiles)).await?;
        match origin {
            Some(origin) => plan.with_origin(origin),
            None => plan,
        }
    };
    progress.planned(plan.counts());
    if let Some(file) = plan_file {
        file.save(&plan)?;
    }
    let refusals = refusals(plan.header(), &limits(args));
    let versions = Versions::Latest;
    let outlook = if refusals.is_empty() {
        look(&plan, &places, args, mode, versions, prices, console).await?
    } else {
        Outlook::default()
    };
    present(&plan, mode, view, &args.output, &outlook, console)?;
    match mode {
        Mode::Show | Mode::Check => Ok(verdict(&plan, &refusals, mode, console)),
        Mode::Act => {
            let job = Job {
                plan: &plan,
                places: &places,
                args,
                versions,
                outlook: &outlook,
                ending,
            };
            job.run(&refusals, &stop, progress, console).await
        }
    }
}

/// Carries out a saved plan of the places in `args`.
pub(super) async fn carry_out(
    plan: &Plan,
    args: &mut SyncArgs,
    ending: &Ending,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    ending.is_about(plan.direction(), &args.places.dir, &args.places.bucket);
    let prices = match prices(&args.price) {
        Ok(prices) => prices,
        Err(wrong) => {
            console.error(wrong);
            return Ok(Exit::Usage);
        }
    };
    if plan.direction() == Direction::Backup && args.trash.trash.is_some() {
        console.error(NOT_FOR_BACKUP);
        return Ok(Exit::Usage);
    }
    let stop = listen(ending, console)?;
    let progress = watch(plan.direction(), &args.output, Events::Wanted, console)?;
    progress.planned(plan.counts());
    let places = Places::open_planned(plan, args, |args| {
        journal(plan.direction(), args, Mode::Act)
    });
    let places = places.await?;
    let Some(_locks) = lock(args, console)? else {
        return Ok(Exit::Refused);
    };
    say_origin(plan, &args.output, console);
    let refusals = refusals(plan.header(), &limits(args));
    let (mode, versions) = (Mode::Act, Versions::AsPlanned);
    let outlook = if refusals.is_empty() {
        look(plan, &places, args, mode, versions, prices, console).await?
    } else {
        Outlook::default()
    };
    present(plan, mode, View::List, &args.output, &outlook, console)?;
    let job = Job {
        plan,
        places: &places,
        args,
        versions,
        outlook: &outlook,
        ending,
    };
    job.run(&refusals, &stop, progress, console).await
}

/// Listens for signals. One that ends the process at once ends a run too.
fn listen(ending: &Ending, console: &Console) -> anyhow::Result<Stop> {
    let stop = Stop::listen().context("cannot listen for signals")?;
    let (ending, streams) = (ending.clone(), console.streams().clone());
    stop.before_the_end(move |exit| ending.conclude(&ending.report(exit, &[]), &streams));
    Ok(stop)
}

fn watch(
    direction: Direction,
    output: &OutputArgs,
    events: Events,
    console: &Console,
) -> anyhow::Result<Progress> {
    Progress::begin(direction, console, output, events).context("cannot watch the run")
}

/// Where uploads are noted. A file of the state directory, so it is not touched
/// before the lock is held.
fn journal(direction: Direction, args: &SyncArgs, mode: Mode) -> Option<Arc<dyn UploadJournal>> {
    (direction == Direction::Backup && mode == Mode::Act)
        .then(|| Arc::new(FileJournal::of_bucket(args)) as _)
}

/// The locks of both places; none if another run has one of them, which is
/// said.
fn lock(args: &SyncArgs, console: &mut Console) -> anyhow::Result<Option<Locks>> {
    match Locks::acquire(args) {
        Err(LockError::Held(place)) => {
            console.error(format_args!(
                "refused: another run of s3mirror works on the {place}; \
                 try again when it has ended"
            ));
            Ok(None)
        }
        locks => Ok(Some(locks?)),
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
        max_delete: args.safety.consent.max_delete.unwrap_or_default(),
        allow_empty_source: args.safety.consent.allow_empty_source,
    }
}

/// What a mock run ends with: the status that the real run would begin with.
/// That something would change is said only of a plan that would be carried
/// out whole; what is wrong with a plan comes first.
fn verdict(plan: &Plan, refusals: &[Refusal], mode: Mode, console: &mut Console) -> Exit {
    if !refusals.is_empty() {
        refuse(refusals, console)
    } else if plan.counts().incomplete() {
        Exit::Incomplete
    } else if mode == Mode::Check && changes(plan.counts()) > 0 {
        Exit::Different
    } else {
        Exit::Done
    }
}

/// A plan that is to be carried out, and what with.
struct Job<'a> {
    plan: &'a Plan,
    places: &'a Places,
    args: &'a SyncArgs,
    versions: Versions,
    outlook: &'a Outlook,
    ending: &'a Ending,
}

impl Job<'_> {
    /// Judges, asks, executes and reports.
    async fn run(
        &self,
        refusals: &[Refusal],
        stop: &Stop,
        progress: Progress,
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        let Self {
            plan, places, args, ..
        } = *self;
        if !refusals.is_empty() {
            return Ok(refuse(refusals, console));
        }
        if !confirmed(plan, args, console) {
            return Ok(Exit::Refused);
        }
        // The summary is for now, not for the end of the run.
        console.streams().show();
        let begun = Instant::now();
        progress.enter(Phase::Copying);
        if plan.direction() == Direction::Restore {
            if changes(plan.counts()) > 0 {
                places.directory.make_root().await?;
            }
            places.directory.sweep_temporaries().await;
        }
        let mut report = self.execute(stop, &progress).await?;
        progress.enter(Phase::Ending);
        if plan.direction() == Direction::Backup && !report.stopped {
            tokio::select! {
                () = settle_left_uploads(places, args, console) => {}
                () = stop.asked() => report.stopped = true,
            }
        }
        drop(progress);
        let ended = Ended {
            report: &report,
            took: begun.elapsed(),
            versioning: self.outlook.versioning,
            trash: places.directory.kept(),
        };
        self.ending.carried_out(plan.counts(), &ended);
        conclude(plan, &ended, args, console);
        Ok(exit_of(plan, &report, stop))
    }

    async fn execute(&self, stop: &Stop, progress: &Progress) -> anyhow::Result<Report> {
        let so_far = SoFar::new(self.plan, progress);
        let options = execution(self.args, self.plan.direction(), self.versions);
        let (source, target) = (self.places.source(), self.places.target());
        let execution = execute(self.plan, source, target, &options, &so_far, stop.asked());
        bounded(execution, &so_far, stop)
            .await
            .context("cannot read the plan")
    }
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

/// What the bucket makes full use of: how many requests there really are at
/// once is for its store to say.
pub(super) fn concurrency(args: &SyncArgs) -> usize {
    args.speed
        .concurrency
        .map_or(sync_s3::MAX_CONCURRENCY, usize::from)
}

/// Whether the user wants the plan to be carried out. Nothing to do needs no
/// question.
fn confirmed(plan: &Plan, args: &SyncArgs, console: &mut Console) -> bool {
    if changes(plan.counts()) == 0 || args.safety.consent.yes {
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

/// How an execution ended, as it is reported.
pub(crate) struct Ended<'a> {
    pub(crate) report: &'a Report,
    pub(crate) took: Duration,
    /// Of a backup that was to overwrite or delete.
    pub(crate) versioning: Option<Versioning>,
    /// What a restore has put into the trash.
    pub(crate) trash: Option<Kept>,
}

fn exit_of(plan: &Plan, report: &Report, stop: &Stop) -> Exit {
    match stop.exit() {
        Some(exit) if report.stopped => exit,
        _ if report.is_complete() && !plan.counts().incomplete() => Exit::Done,
        _ => Exit::Incomplete,
    }
}

fn conclude(plan: &Plan, ended: &Ended<'_>, args: &SyncArgs, console: &mut Console) {
    // That the source is incomplete has been said before the question.
    let why = ended.report.deletions_withheld;
    if let Some(why) = why.filter(|why| *why != Withheld::SourceIncomplete) {
        say_withheld(why, console);
    }
    if !args.output.json && !args.output.quiet {
        let words = Words::of(plan.direction());
        let mut report = words.report(plan.counts(), ended.report, ended.took);
        if let Some(kept) = &ended.trash {
            report += &text::trash(kept);
        }
        if let Some(versioning) = ended.versioning {
            report += &text::versioning(versioning);
        }
        console.line(report.trim_end());
    }
}
