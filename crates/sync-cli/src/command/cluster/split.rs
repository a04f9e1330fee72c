//! `cluster split`: a saved plan is judged, confirmed and divided.

use s3mirror::SavedPlan;
use s3mirror::cluster::{ClusterRun, NewRun};
use sync_core::plan::Counts;

use super::common::{Line, quoted, refuse};
use crate::command::manner::{Jobs, Manner, Mode};
use crate::command::not_opened::not_opened;
use crate::command::present::{self, present, say_origin};
use crate::command::preview::Preview;
use crate::command::sync::{confirmed, open};
use crate::options::{PriceArgs, SplitArgs};
use crate::output::Form;
use crate::output::view::View;
use crate::{Console, Exit, hints};

pub(crate) async fn run(args: &SplitArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let saved = SavedPlan::read(&args.file).map_err(hints::explained)?;
    let new = match NewRun::check(&args.run, saved.directory(), args.shards) {
        Ok(new) => new,
        Err(error) => return Ok(refuse(error, console)),
    };
    let mut builder = saved.mirror();
    args.set(builder.options());
    let manner = Manner {
        mode: Mode::Show,
        view: View::List,
        price: &PriceArgs::default(),
        yes: args.guards.yes,
        jobs: Jobs {
            file: None,
            profile: args.server.profile.as_deref(),
        },
    };
    let mirror = match open(builder, &manner).await {
        Ok(mirror) => mirror,
        Err(error) => return not_opened(error, console),
    };
    let plan = mirror.plan().await.map_err(hints::explained)?;
    if console.reporter().form() != Form::Json {
        say_origin(plan.plan(), console);
        present(
            plan.plan(),
            Mode::Act,
            View::List,
            &Preview::default(),
            console,
        )?;
    }
    if !plan.refusals().is_empty() {
        return Ok(present::refuse(plan.refusals(), console));
    }
    if !confirmed(plan.changes(), args.guards.yes, console) {
        return Ok(Exit::Refused);
    }
    match new.create(&plan) {
        Ok(run) => say(&run, plan.counts(), console),
        Err(error) => return Ok(refuse(error, console)),
    }
    Ok(Exit::Done)
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
        let s = if shards == 1 { "" } else { "s" };
        format!(
            "divided into {shards} shard{s}, from 0: s3mirror cluster apply {path} --shard I\n\
             when all are done: s3mirror cluster finish {path}\n\
             for a scheduler: s3mirror cluster script slurm {path}"
        )
    });
}
