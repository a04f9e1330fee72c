//! `backup`, `restore` and `apply`, and what they would do: a mirror is opened,
//! its plan presented, confirmed and executed. A saved plan takes the same road.

use std::sync::Arc;

use anyhow::Context;
use s3mirror::{Direction, Mirror, MirrorBuilder, MirrorPlan, PlanFile, SavedPlan};

use super::manner::{Jobs, Manner, Mode};
use super::not_opened::not_opened;
use super::outcome;
use super::present::{present, refuse, say_origin};
use super::preview::{Preview, preview_of, prices};
use crate::finish::Ending;
use crate::options::{ApplyArgs, NOT_FOR_BACKUP, SyncArgs};
use crate::output::question::{self, Answer};
use crate::output::view::View;
use crate::progress::{Events, Progress};
use crate::stop::Stop;
use crate::{Console, Exit, config, hints};

/// Makes a plan; then it is executed or only shown, as `mode` says.
pub(super) async fn run(
    direction: Direction,
    args: &SyncArgs,
    mode: Mode,
    view: View,
    ending: &Ending,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    ending.is_about(direction, &args.places.dir, &args.places.bucket);
    let Some(options) = console.ok_or_report(args.mirror_options(direction)) else {
        return Ok(Exit::Usage);
    };
    // Before the work of making a plan.
    let file = args.plan_out.as_deref();
    let file = file.map(|file| PlanFile::check(file, &args.places.dir));
    let file = file.transpose().map_err(hints::explained)?;
    let manner = Manner {
        mode,
        view,
        price: &args.price,
        yes: args.safety.consent.yes,
        jobs: Jobs {
            file: args.config.as_deref(),
            profile: args.server.profile.as_deref(),
        },
    };
    drive(
        Mirror::with(options),
        file.as_ref(),
        &manner,
        ending,
        console,
    )
    .await
}

/// Executes a saved plan, and nothing else.
pub(super) async fn apply(
    args: &ApplyArgs,
    ending: &Ending,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let saved = SavedPlan::read(&args.file).map_err(hints::explained)?;
    let expected = &args.expected;
    saved
        .expect(expected.dir.as_deref(), expected.bucket.as_ref())
        .map_err(|error| {
            let file = sync_core::text::printable(&args.file.to_string_lossy());
            hints::explained(error).context(format!("cannot apply the plan '{file}'"))
        })?;
    let direction = saved.plan().direction();
    ending.is_about(direction, saved.directory(), saved.bucket());
    if direction == Direction::Backup && args.trash.trash.is_some() {
        console.error(NOT_FOR_BACKUP);
        return Ok(Exit::Usage);
    }
    let mut builder = saved.mirror();
    args.set(builder.options());
    let manner = Manner {
        mode: Mode::Act,
        view: View::List,
        price: &args.price,
        yes: args.consent.yes,
        jobs: Jobs {
            file: None,
            profile: args.server.profile.as_deref(),
        },
    };
    drive(builder, None, &manner, ending, console).await
}

/// Opens the mirror, presents its plan, and executes it if it is to be.
async fn drive(
    builder: MirrorBuilder,
    file: Option<&PlanFile>,
    manner: &Manner<'_>,
    ending: &Ending,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let Some(prices) = console.ok_or_report(prices(manner.price)) else {
        return Ok(Exit::Usage);
    };
    let stop = listen(ending, console)?;
    let events = match manner.mode {
        Mode::Act => Events::Wanted,
        Mode::Show | Mode::Check => Events::Unwanted,
    };
    let progress = Progress::begin(builder.progress(), console, events);
    let progress = Arc::new(progress.context("cannot watch the run")?);
    ending.watch(builder.progress());
    let builder = builder.observer(progress.clone()).stop_on(stop.asked());
    let opened = match manner.mode {
        Mode::Act => builder.open().await,
        Mode::Show | Mode::Check => builder.open_preview().await,
    };
    let mut mirror = match opened {
        Ok(mirror) => mirror,
        Err(error) => {
            progress.end();
            return not_opened(error, console);
        }
    };
    if mirror.options().direction == Direction::Backup {
        let server = mirror.bucket().endpoint_url();
        let owners = config::owners(manner.jobs.file, manner.jobs.profile, server);
        mirror.add_owners(owners);
    }
    let plan = mirror.plan().await.map_err(hints::explained)?;
    if let Some(file) = file {
        file.save(plan.plan()).map_err(hints::explained)?;
    }
    if plan.is_saved() {
        say_origin(plan.plan(), console);
    }
    let preview = if plan.refusals().is_empty() {
        preview_of(&mirror, &plan, manner, prices, console).await?
    } else {
        Preview::default()
    };
    let (mode, view) = (manner.mode, manner.view);
    present(plan.plan(), mode, view, &preview, console)?;
    match mode {
        Mode::Show | Mode::Check => Ok(verdict(&plan, mode, console)),
        Mode::Act => {
            if !plan.refusals().is_empty() {
                return Ok(refuse(plan.refusals(), console));
            }
            if !confirmed(&plan, manner, console) {
                return Ok(Exit::Refused);
            }
            // The summary is for now, not for the end of the run.
            console.streams().show();
            let report = mirror.execute(&plan).await;
            progress.end();
            let report = report.map_err(hints::explained)?;
            ending.carried_out(plan.counts(), &report, preview.versioning);
            outcome::tell(&plan, &report, &preview, console);
            Ok(outcome::exit(&report, &stop))
        }
    }
}

/// Listens for signals. One that ends the process at once ends a run too.
fn listen(ending: &Ending, console: &Console) -> anyhow::Result<Stop> {
    let stop = Stop::listen().context("cannot listen for signals")?;
    let (ending, streams) = (ending.clone(), console.streams().clone());
    stop.before_the_end(move |exit| ending.conclude(&ending.report(exit, &[]), &streams));
    Ok(stop)
}

/// Whether the user wants the plan to be executed. Nothing to do needs no
/// question.
fn confirmed(plan: &MirrorPlan, manner: &Manner<'_>, console: &mut Console) -> bool {
    if plan.changes() == 0 || manner.yes {
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
                .error("refused: there is no terminal to ask for confirmation; confirm with --yes");
            false
        }
    }
}

/// What a mock run ends with: the status that the real run would begin with.
/// That something would change is said only of a plan that would be executed
/// whole; what is wrong with a plan comes first.
fn verdict(plan: &MirrorPlan, mode: Mode, console: &mut Console) -> Exit {
    if !plan.refusals().is_empty() {
        refuse(plan.refusals(), console)
    } else if plan.counts().incomplete() {
        Exit::Incomplete
    } else if mode == Mode::Check && plan.changes() > 0 {
        Exit::Different
    } else {
        Exit::Done
    }
}
