//! `cluster split backup` and `restore`: the keys are divided into ranges, which many
//! machines plan.

use s3mirror::cluster::{NewRun, RangeRun};
use s3mirror::{Direction, Error, Mirror};
use sync_s3::is_aws;

use super::common::{Line, quoted, refuse};
use crate::command::not_opened::not_opened;
use crate::options::{SplitRangesArgs, When};
use crate::{Console, Exit, hints};

pub(super) async fn run(
    direction: Direction,
    args: &SplitRangesArgs,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let Some(options) = console.ok_or_report(args.mirror_options(direction)) else {
        return Ok(Exit::Usage);
    };
    let new = match NewRun::check(&args.new.run, &args.places.dir, args.new.shards) {
        Ok(new) => new,
        Err(error) => return Ok(refuse(error, console)),
    };
    let mirror = match Mirror::with(options).open_preview().await {
        Ok(mirror) => mirror,
        Err(error) => return not_opened(error, console),
    };
    let run = match new.create_ranges(&mirror).await {
        Ok(run) => run,
        Err(Error::Cluster(error)) => return Ok(refuse(error, console)),
        Err(error) => return Err(hints::explained(error)),
    };
    warn_of_order(args, &mirror, &run, console);
    say(&run, console);
    Ok(Exit::Done)
}

/// Reports, once for all ranges, that each of them lists all keys.
fn warn_of_order(args: &SplitRangesArgs, mirror: &Mirror, run: &RangeRun, console: &mut Console) {
    let ranges = run.ranges().len();
    if ranges < 2 {
        return;
    }
    if args.past.at.is_some() {
        console.warning(format_args!(
            "the past of a bucket cannot be listed by ranges: each of the {ranges} ranges lists \
             all versions"
        ));
        return;
    }
    let is_ordered = match args.server.lists_in_order {
        When::Auto => is_aws(mirror.bucket().endpoint_url()),
        When::Always => true,
        When::Never => false,
    };
    if !is_ordered {
        console.warning(format_args!(
            "it is not known whether the server lists in byte order: each of the {ranges} ranges \
             lists all keys of the bucket; where it does (`s3mirror doctor` tries it), split with \
             --lists-in-order always"
        ));
    }
}

/// Reports how the keys were divided, and what to run next.
fn say(run: &RangeRun, console: &mut Console) {
    let (path, ranges) = (quoted(run.path()), run.ranges().len());
    let line = Line::Ranges {
        run: &run.path().to_string_lossy(),
        ranges: ranges as u64,
        shards: run.shards() as u64,
    };
    console.reporter().result(&line, || {
        let s = if ranges == 1 { "" } else { "s" };
        format!(
            "divided into {ranges} range{s}, from 0: s3mirror cluster plan {path} --shard I\n\
             when all are planned: s3mirror cluster seal {path}\n\
             for a scheduler: s3mirror cluster script slurm {path}"
        )
    });
}
