//! `backup`, `restore`, `apply` and their mock runs: a mirror is opened, its plan
//! shown, confirmed and executed. A saved plan is handled by the same code.

use std::sync::Arc;

use anyhow::Context;
use s3mirror::{
    Direction, KeyList, Mirror, MirrorBuilder, MirrorOptions, MirrorPlan, PlanFile, SavedPlan,
};

use super::manner::{Jobs, Manner, Mode};
use super::not_opened::not_opened;
use super::outcome;
use super::present::{self, present, say_origin};
use super::preview::{Preview, preview_of, prices};
use crate::end_hooks::EndHooks;
use crate::hints::Judged;
use crate::options::{ApplyArgs, NOT_FOR_BACKUP, SyncArgs};
use crate::output::not_found;
use crate::output::question::{self, Answer};
use crate::output::view::View;
use crate::progress::{Events, Progress};
use crate::signals::Stop;
use crate::{Console, Exit, config, hints};

/// Makes a plan and executes it or only shows it, according to `mode`.
pub(super) async fn run(
    direction: Direction,
    args: &SyncArgs,
    mode: Mode,
    view: View,
    hooks: &EndHooks,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    hooks.is_about(direction, &args.places.dir, &args.places.bucket);
    let Some(mut options) = console.ok_or_report(args.mirror_options(direction)) else {
        return Ok(Exit::Usage);
    };
    let Some(keys) = console.ok_or_report(args.selection.key_list()) else {
        return Ok(Exit::Input);
    };
    options.selection.keys = keys;
    say_if_empty(&options, console);
    // Before the work of making a plan.
    let file = args.plan_out.as_deref();
    let file = file.map(|file| PlanFile::check(file, &args.places.dir));
    let file = file.transpose().map_err(hints::explained)?;
    let manner = Manner {
        mode,
        view,
        price: &args.price,
        yes: args.safety.consent.guards.yes,
        jobs: Jobs {
            file: args.config.as_deref(),
            profile: args.server.profile.as_deref(),
        },
    };
    drive(
        Mirror::with(options),
        file.as_ref(),
        &manner,
        hooks,
        console,
    )
    .await
}

/// Says so if the options name a list of keys that has none.
pub(super) fn say_if_empty(options: &MirrorOptions, console: &Console) {
    if options
        .selection
        .keys
        .as_ref()
        .is_some_and(KeyList::is_empty)
    {
        console
            .reporter()
            .note("the list of --files-from names no key: there is nothing to do");
    }
}

/// Executes a saved plan, and nothing else.
pub(super) async fn apply(
    args: &ApplyArgs,
    hooks: &EndHooks,
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
    hooks.is_about(direction, saved.directory(), saved.bucket());
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
        yes: args.consent.guards.yes,
        jobs: Jobs {
            file: None,
            profile: args.server.profile.as_deref(),
        },
    };
    drive(builder, None, &manner, hooks, console).await
}

/// Opens the mirror, shows its plan, and executes it if that is wanted.
async fn drive(
    mut builder: MirrorBuilder,
    file: Option<&PlanFile>,
    manner: &Manner<'_>,
    hooks: &EndHooks,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let Some(prices) = console.ok_or_report(prices(manner.price)) else {
        return Ok(Exit::Input);
    };
    hooks.is_of(builder.options().bucket.at);
    let stop = listen(hooks, console)?;
    let progress = watch(&builder, manner.mode, hooks, console)?;
    let builder = builder.observer(progress.clone()).stop_on(stop.asked());
    let mirror = match open(builder, manner).await {
        Ok(mirror) => mirror,
        Err(error) => {
            progress.end();
            return not_opened(error, console);
        }
    };
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
    present(plan.plan(), manner.mode, manner.view, &preview, console)?;
    let not_found = &plan.counts().not_found;
    hooks.lacks(not_found.names);
    if plan.refusals().is_empty() && plan.plan().header().finds_nothing_listed() {
        return Err(anyhow::anyhow!(not_found::all(not_found)));
    }
    match manner.mode {
        mode @ (Mode::Show | Mode::Check) => Ok(verdict(&plan, mode, console)),
        Mode::Act if !plan.refusals().is_empty() => Ok(refuse(&plan, console)),
        Mode::Act if !confirmed(plan.changes(), manner.yes, console) => Ok(Exit::Refused),
        Mode::Act => {
            // The summary must be seen now, not at the end of the run.
            console.streams().show();
            let report = mirror.execute(&plan).await;
            progress.end();
            let report = report.map_err(hints::explained)?;
            let header = plan.plan().header();
            let planned = outcome::Planned {
                direction: header.rule.direction,
                counts: &header.counts,
                origin: header.origin.as_ref(),
                is_of_all: header.selection.is_empty(),
            };
            hooks.executed(plan.counts(), &report, preview.versioning);
            outcome::tell(&planned, &report, &preview, console);
            Ok(outcome::exit(&report, &stop))
        }
    }
}

/// Reports why a plan is not executed.
fn refuse(plan: &MirrorPlan, console: &mut Console) -> Exit {
    let judged = match plan.is_saved() {
        true => Judged::Saved,
        false => Judged::New,
    };
    present::refuse(plan.refusals(), judged, console)
}

/// Listens for signals. One that ends the process at once ends a run too.
pub(super) fn listen(hooks: &EndHooks, console: &Console) -> anyhow::Result<Stop> {
    let stop = Stop::listen().context("cannot listen for signals")?;
    let (hooks, streams) = (hooks.clone(), console.streams().clone());
    stop.before_the_end(move |exit| hooks.run(&hooks.report(exit, &[]), &streams));
    Ok(stop)
}

/// Shows the progress of the mirror that `builder` opens, and counts for `hooks`.
pub(super) fn watch(
    builder: &MirrorBuilder,
    mode: Mode,
    hooks: &EndHooks,
    console: &Console,
) -> anyhow::Result<Arc<Progress>> {
    let events = match mode {
        Mode::Act => Events::Wanted,
        Mode::Show | Mode::Check => Events::Unwanted,
    };
    hooks.watch(builder.progress());
    let progress = Progress::begin(builder.progress(), console, events);
    Ok(Arc::new(progress.context("cannot show the progress")?))
}

/// Opens the mirror; a backup knows what the jobs back up.
pub(super) async fn open(builder: MirrorBuilder, manner: &Manner<'_>) -> s3mirror::Result<Mirror> {
    let mut mirror = match manner.mode {
        Mode::Act => builder.open().await?,
        Mode::Show | Mode::Check => builder.open_preview().await?,
    };
    if mirror.options().direction == Direction::Backup {
        let server = mirror.bucket().endpoint_url();
        let owners = config::owners(manner.jobs.file, manner.jobs.profile, server);
        mirror.add_owners(owners);
    }
    Ok(mirror)
}

/// Whether the user wants so much to be changed. Nothing to do needs no question.
pub(super) fn confirmed(changes: u64, yes: bool, console: &mut Console) -> bool {
    if changes == 0 || yes {
        return true;
    }
    match question::ask(console) {
        Answer::Yes => true,
        Answer::No => {
            console.note("nothing was done, because the answer was not 'yes'");
            false
        }
        Answer::Nobody => {
            console
                .error("refused: there is no terminal to ask for confirmation; confirm with --yes");
            false
        }
    }
}

/// The exit status of a mock run: a refusal or an incomplete plan comes first, as
/// in a real run; only a plan that would be executed as a whole is `Different`.
fn verdict(plan: &MirrorPlan, mode: Mode, console: &mut Console) -> Exit {
    if !plan.refusals().is_empty() {
        refuse(plan, console)
    } else if plan.counts().incomplete() {
        Exit::Incomplete
    } else if mode == Mode::Check && plan.changes() > 0 {
        Exit::Different
    } else {
        Exit::Done
    }
}
