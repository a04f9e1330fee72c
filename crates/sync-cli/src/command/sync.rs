//! `backup` and `restore`, and what they would do: list, plan, present. What
//! follows is the same for a saved plan, and in `job`.

use std::sync::Arc;

use anyhow::Context;
use sync_core::{
    Deletions, Direction, Limits, Plan, PlanOptions, Refusal, Versions, make_plan, refusals,
};

use super::Mode;
use super::job::Job;
use super::outlook::{Outlook, look, prices};
use super::present::{changes, present, refuse, say_origin};
use super::site::Site;
use crate::finish::Ending;
use crate::journal::FileJournal;
use crate::options::{NOT_FOR_BACKUP, OutputArgs, SyncArgs};
use crate::places::Places;
use crate::progress::{Events, Progress};
use crate::saved::PlanFile;
use crate::selection::selection;
use crate::spools::TemporaryFiles;
use crate::stop::Stop;
use crate::view::View;
use crate::{Console, Exit, saved};

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
    let Some(selection) = console.understood(selection(&args.selection)) else {
        return Ok(Exit::Usage);
    };
    let selection = Arc::new(selection);
    let Some(prices) = console.understood(prices(&args.price)) else {
        return Ok(Exit::Usage);
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
    let journal = journal(direction, mode, console);
    let noted = journal.clone().map(|journal| journal as _);
    let places = Places::open(direction, args, &selection, noted).await?;
    progress.see(places.bucket.under_way());
    let mut site = Site::of(direction, args, &places);
    let _locks = match mode {
        Mode::Show | Mode::Check => None,
        Mode::Act => match site.lock(console) {
            None => return Ok(Exit::Refused),
            locks => locks,
        },
    };
    place(journal, &site);
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
    let mut refusals = refused_by_guards(&plan, args);
    refusals.extend(site.refusals(&plan, &places, args)?);
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
                site: &site,
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
    let Some(prices) = console.understood(prices(&args.price)) else {
        return Ok(Exit::Usage);
    };
    if plan.direction() == Direction::Backup && args.trash.trash.is_some() {
        console.error(NOT_FOR_BACKUP);
        return Ok(Exit::Usage);
    }
    let stop = listen(ending, console)?;
    let progress = watch(plan.direction(), &args.output, Events::Wanted, console)?;
    progress.planned(plan.counts());
    let journal = journal(plan.direction(), Mode::Act, console);
    let noted = journal.clone().map(|journal| journal as _);
    let places = Places::open_planned(plan, args, noted).await?;
    progress.see(places.bucket.under_way());
    let mut site = Site::of(plan.direction(), args, &places);
    let Some(_locks) = site.lock(console) else {
        return Ok(Exit::Refused);
    };
    place(journal, &site);
    say_origin(plan, &args.output, console);
    let mut refusals = refused_by_guards(plan, args);
    refusals.extend(site.refusals_of_saved(plan, &places, args)?);
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
        site: &site,
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
fn journal(direction: Direction, mode: Mode, console: &Console) -> Option<Arc<FileJournal>> {
    let streams = console.streams().clone();
    (direction == Direction::Backup && mode == Mode::Act)
        .then(|| Arc::new(FileJournal::new(move |warning| streams.warning(warning))))
}

/// Tells the journal where its file is; without a state directory there is none.
fn place(journal: Option<Arc<FileJournal>>, site: &Site) {
    if let Some(journal) = journal
        && let Some(state) = site.state.path()
    {
        journal.place(state, &site.bucket.identity());
    }
}

/// What the guards say of `plan`, each in one line.
fn refused_by_guards(plan: &Plan, args: &SyncArgs) -> Vec<String> {
    let refusals = refusals(plan.header(), &limits(args));
    refusals.iter().map(Refusal::to_string).collect()
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
        concurrency: args.speed.most_requests(),
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
fn verdict(plan: &Plan, refusals: &[String], mode: Mode, console: &mut Console) -> Exit {
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
