//! `cluster split`: a saved plan is judged, confirmed and divided.

use s3mirror::cluster::{ClusterRun, NewRun};
use s3mirror::{Direction, Mirror, MirrorBuilder, MirrorPlan, SavedPlan};
use sync_core::plan::Counts;

use super::common::{self, Line, quoted, refuse, wants_trash};
use super::split_ranges;
use crate::command::manner::{Jobs, Manner, Mode};
use crate::command::not_opened::not_opened;
use crate::command::present::{self, present, say_oldest_origin, say_origin};
use crate::command::preview::Preview;
use crate::command::sync::{confirmed, open};
use crate::hints::Judged;
use crate::options::{GuardArgs, PriceArgs, SplitArgs, SplitCommand, SplitPlanArgs};
use crate::output::Form;
use crate::output::view::View;
use crate::{Console, Exit, hints};

pub(crate) async fn run(args: &SplitArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let command = match args {
        SplitArgs::Plan(args) => return of_plan(args, console).await,
        SplitArgs::Ranges(command) => &**command,
    };
    let (direction, args) = match command {
        SplitCommand::Backup(args) => (Direction::Backup, args),
        SplitCommand::Restore(args) => (Direction::Restore, args),
    };
    split_ranges::run(direction, args, console).await
}

async fn of_plan(args: &SplitPlanArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let saved = SavedPlan::read(&args.file).map_err(hints::explained)?;
    if let Some(exit) = wants_trash(&args.trash, saved.plan().header().rule.direction, console) {
        return Ok(exit);
    }
    let new = match NewRun::check(&args.new.run, saved.directory(), args.new.shards) {
        Ok(new) => new,
        Err(error) => return Ok(refuse(error, console)),
    };
    let mut builder = saved.mirror();
    args.set(builder.options());
    let mirror = match judged(builder, &args.guards, args.server.profile.as_deref()).await {
        Ok(mirror) => mirror,
        Err(error) => return not_opened(error, console),
    };
    let plan = mirror.plan().await.map_err(hints::explained)?;
    if let Some(exit) = refused(&plan, Judged::Saved, &args.guards, console)? {
        return Ok(exit);
    }
    match new.create(&plan) {
        Ok(run) => say(&run, plan.counts(), console),
        Err(error) => return Ok(refuse(error, console)),
    }
    Ok(Exit::Done)
}

/// Opens the mirror that judges a plan.
pub(super) async fn judged(
    builder: MirrorBuilder,
    guards: &GuardArgs,
    profile: Option<&str>,
) -> s3mirror::Result<Mirror> {
    let manner = Manner {
        mode: Mode::Show,
        view: View::List,
        price: &PriceArgs::default(),
        yes: guards.yes,
        jobs: Jobs {
            file: None,
            profile,
        },
    };
    open(builder, &manner).await
}

/// Shows a plan that is to be divided, and asks; the exit status if it must not be.
pub(super) fn refused(
    plan: &MirrorPlan,
    judged: Judged,
    guards: &GuardArgs,
    console: &mut Console,
) -> anyhow::Result<Option<Exit>> {
    if console.reporter().form() != Form::Json {
        match judged {
            Judged::Ranges => say_oldest_origin(plan.plan(), console),
            _ => say_origin(plan.plan(), console),
        }
        let preview = Preview::default();
        present(plan.plan(), Mode::Act, View::List, &preview, console)?;
    }
    if !plan.refusals().is_empty() {
        return Ok(Some(present::refuse(plan.refusals(), judged, console)));
    }
    let is_confirmed = confirmed(plan.changes(), guards.yes, console);
    Ok((!is_confirmed).then_some(Exit::Refused))
}

/// Reports how the plan was divided, and what to run next.
fn say(run: &ClusterRun, counts: &Counts, console: &mut Console) {
    let (path, shards) = (quoted(run.path()), run.shards());
    let line = Line::Split {
        run: &run.path().to_string_lossy(),
        shards: shards as u64,
        transfers: counts.created() + counts.overwritten(),
        deletions: counts.deleted(),
    };
    console.reporter().result(&line, || {
        let divided = common::shards(shards);
        format!(
            "divided into {divided}, from 0: s3mirror cluster apply {path} --shard I\n\
             when all are done: s3mirror cluster finish {path}\n\
             for a scheduler: s3mirror cluster script slurm {path}"
        )
    });
}
