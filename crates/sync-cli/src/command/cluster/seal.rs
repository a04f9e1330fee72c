//! `cluster seal`: the plans of all ranges are judged together, confirmed and divided.

use s3mirror::cluster::{ClusterError, ClusterRun, RangeRun};

use super::advice::what_is_planned_again;
use super::common::{self, Line, quoted, refuse, wants_trash};
use super::split::{judged, refused};
use super::unread::say_unread;
use crate::command::not_opened::not_opened;
use crate::hints::Judged;
use crate::options::SealArgs;
use crate::{Console, Exit, hints};

pub(crate) async fn run(args: &SealArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let run = match RangeRun::open(&args.run) {
        Ok(run) => run,
        Err(error) => return Ok(refuse(error, console)),
    };
    if let Some(exit) = wants_trash(&args.trash, run.direction(), console) {
        return Ok(exit);
    }
    match run.is_sealed() {
        Ok(false) => {}
        Ok(true) => {
            console.note("the plans are sealed already");
            return Ok(sealed(ClusterRun::open(&args.run), console));
        }
        Err(error) => return Ok(refuse(error, console)),
    }
    let mut sealing = match run.all_plans() {
        Ok(sealing) => sealing,
        Err(error) => return Ok(not_planned(args, &run, error, console)),
    };
    let mut builder = match sealing.mirror() {
        Ok(builder) => builder,
        Err(error) => return Ok(refuse(error, console)),
    };
    args.set(builder.options());
    let profile = args.how.server.profile.as_deref();
    let mirror = match judged(builder, &args.guards, profile).await {
        Ok(mirror) => mirror,
        Err(error) => return not_opened(error, console),
    };
    let plan = mirror.plan().await.map_err(hints::explained)?;
    say_unread(sealing.unread(), console);
    if let Some(again) = what_is_planned_again(run.path(), sealing.unread()) {
        console.note(again);
    }
    if let Some(exit) = refused(&plan, Judged::Ranges, &args.guards, console)? {
        let refusals = plan.refusals().iter();
        if !plan.refusals().is_empty() {
            sealing.refuse(refusals.map(ToString::to_string).collect());
        }
        return Ok(exit);
    }
    Ok(sealed(sealing.seal(), console))
}

/// Reports why there is nothing to judge. What is not planned may be planned later, unless the
/// keys must be split again.
fn not_planned(
    args: &SealArgs,
    run: &RangeRun,
    error: ClusterError,
    console: &mut Console,
) -> Exit {
    match run.refused() {
        Some((range, why)) if matches!(error, ClusterError::NotPlanned { .. }) => {
            console.error(format_args!(
                "{error}; range {range} cannot be planned: {why}"
            ));
            args.scheduler.in_vain(Exit::Incomplete)
        }
        _ => refuse(error, console),
    }
}

/// Reports how the plans were divided, and what to run next.
fn sealed(run: Result<ClusterRun, ClusterError>, console: &mut Console) -> Exit {
    let run = match run {
        Ok(run) => run,
        Err(error) => return refuse(error, console),
    };
    let (path, shards, counts) = (quoted(run.path()), run.shards(), run.counts());
    let line = Line::Sealed {
        run: &run.path().to_string_lossy(),
        shards: shards as u64,
        transfers: counts.created() + counts.overwritten(),
        deletions: counts.deleted(),
    };
    console.reporter().result(&line, || {
        let divided = common::shards(shards);
        format!(
            "sealed, divided into {divided}, from 0: s3mirror cluster apply {path} \
             --shard I\n\
             when all are done: s3mirror cluster finish {path}"
        )
    });
    Exit::Done
}
