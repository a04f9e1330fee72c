//! `cluster status`: how far a run is, as a table or JSON.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use s3mirror::Share;
use s3mirror::cluster::{FailedShard, RunningShard, Splitting, State, Status};
use sync_core::text::{entries, printable};

use super::common::{
    Line, finish_it, quoted, refuse, what_is_absent, what_is_kept, what_is_outdated,
};
use super::status_line::StatusLine;
use super::unread::{MOST_UNREAD, what_is_unread};
use crate::options::StatusArgs;
use crate::{Console, Exit};

/// How often --watch looks.
const EVERY: Duration = Duration::from_secs(2);

/// Shards of each kind that the table names.
const MOST_NAMED: usize = 20;

/// Names of failed entries that the table shows of a shard.
const MOST_ENTRIES: usize = 3;

pub(crate) fn run(args: &StatusArgs, console: &mut Console) -> Exit {
    console.set_json(args.output.json);
    let path = args.run.canonicalize();
    let path = path.unwrap_or_else(|_| args.run.clone());
    loop {
        let status = match Status::of(&args.run) {
            Ok(status) => status,
            Err(error) => return refuse(error, console),
        };
        let is_over = is_over(&status);
        if args.watch && console.can_draw && !args.output.json {
            // To the upper left, and nothing below.
            console.data(|out| write!(out, "\x1b[H\x1b[J"));
        }
        let text = || table(&path, &status).trim_end().to_owned();
        console
            .reporter()
            .result(&Line::Status(Box::new(StatusLine::of(&status))), text);
        if let Some(dead) = dead_split(&path, &status) {
            console.error(dead);
            return Exit::Failed;
        }
        if !args.watch || is_over {
            return Exit::Done;
        }
        console.streams().show();
        std::thread::sleep(EVERY);
    }
}

/// What to do about a run that is divided by nobody any more.
fn dead_split(run: &Path, status: &Status) -> Option<String> {
    let split = status.splitting.as_ref()?;
    (split.is_alive == Some(false)).then(|| {
        let (host, run) = (printable(&split.host), quoted(run));
        format!(
            "the split was interrupted (process {} on {host}): remove {run}, and run `s3mirror \
             cluster split` again",
            split.process
        )
    })
}

fn is_over(status: &Status) -> bool {
    matches!(
        status.state,
        State::Finished | State::Incomplete | State::Refused
    )
}

fn table(path: &Path, status: &Status) -> String {
    let state = match status.state {
        State::Splitting => "splitting: the keys are divided into ranges",
        State::Planning => "planning",
        State::Planned => "planned: the plans can be sealed",
        State::Refused => "refused: nothing was changed",
        State::Sealed => "sealed: no shard has begun",
        State::Copying => "copying",
        State::Copied if status.not_deleted.is_some() => "copied, and not all is deleted",
        State::Copied => "copied: it can be finished",
        State::Deleting => "deleting",
        State::Finished => "finished",
        State::Incomplete => "finished, but incomplete",
        _ => "unknown",
    };
    let mut text = format!("run {}\n", printable(&path.to_string_lossy()));
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    row("state", state.to_owned());
    let of = |share: Share| format!("{} of {}", HumanCount(share.done), HumanCount(share.all));
    let tasks = |done: Share| {
        format!(
            "{} done, {} running, {} failed, {} waiting",
            of(done),
            status.running.len(),
            status.failed.len(),
            status.waiting
        )
    };
    match status.state {
        State::Splitting => {
            if let Some(split) = &status.splitting {
                row("split", divided_by(split));
            }
        }
        State::Planning | State::Planned | State::Refused => {
            row(
                "ranges",
                tasks(status.ranges.unwrap_or(Share { done: 0, all: 0 })),
            );
            if status.listed > 0 {
                row(
                    "listed",
                    format!("{} by those that run", HumanCount(status.listed)),
                );
            }
            for why in &status.refused {
                row("refused", printable(why));
            }
        }
        _ => {
            row("shards", tasks(status.shards));
            row("entries", of(status.transfers));
            let bytes = status.bytes;
            let bytes = format!("{} of {}", HumanBytes(bytes.done), HumanBytes(bytes.all));
            let rate = status.rate.map(|rate| format!(", {}/s", HumanBytes(rate)));
            row("bytes", bytes + &rate.unwrap_or_default());
        }
    }
    if let Some(deletions) = deletions(status) {
        row("deletions", deletions);
    }
    if let Some(left) = status.left {
        row("left", format!("about {}", HumanDuration(left)));
    }
    for unread in status.unread.iter().take(MOST_UNREAD) {
        let _ = writeln!(text, "  {}", what_is_unread(unread));
    }
    named(status, &mut text);
    if let Some(next) = next(path, status).filter(|_| !is_over(status)) {
        let _ = writeln!(text, "{next}");
    }
    text
}

/// What to do about what has failed.
fn next(run: &Path, status: &Status) -> Option<String> {
    if let Some(absent) = status.failed.iter().find(|it| !it.absent_on.is_empty()) {
        return Some(what_is_absent(run, Some(absent.shard)));
    }
    if status.failed.iter().any(|shard| shard.is_outdated) {
        return Some(what_is_outdated(run));
    }
    let again = finish_it(run);
    match (&status.not_deleted, &status.deleting) {
        (Some(failed), _) if failed.is_outdated => Some(what_is_kept(run)),
        (Some(_), _) => Some(format!(
            "to make the deletions that are left, {again} again"
        )),
        (None, Some(_)) => Some(format!(
            "if the process that deletes was killed, {again} again"
        )),
        (None, None) => None,
    }
}

/// Who divides the keys.
fn divided_by(split: &Splitting) -> String {
    let (host, since) = (printable(&split.host), HumanDuration(split.since));
    let lives = match split.is_alive {
        Some(true) => "",
        Some(false) => ", which is dead",
        None => "; if it was killed there, remove the run directory and split again",
    };
    format!(
        "begun {since} ago on {host} (process {}){lives}",
        split.process
    )
}

/// How many entries are or were deleted at the end; none if the plan deletes nothing.
fn deletions(status: &Status) -> Option<String> {
    if status.deletions.entries == 0 {
        return None;
    }
    let (all, made) = (
        HumanCount(status.deletions.entries),
        HumanCount(status.deleted.entries),
    );
    let has_begun = status.deleting.is_some() || status.not_deleted.is_some();
    Some(match status.state {
        State::Finished | State::Incomplete => format!("{made} of {all} made"),
        _ if has_begun => format!("{made} of {all} made, as far as is known"),
        _ => format!("{all} at the end"),
    })
}

/// The shards that are running or failed.
fn named(status: &Status, text: &mut String) {
    let task = if matches!(status.state, State::Planning) {
        "range"
    } else {
        "shard"
    };
    for shard in status.failed.iter().take(MOST_NAMED) {
        failed(&format!("{task} {}", shard.shard), shard, text);
    }
    for shard in status.running.iter().take(MOST_NAMED) {
        let done = if task == "range" {
            format!("{} entries listed", HumanCount(shard.listed))
        } else {
            format!(
                "{} of {} entries",
                shard.transfers.done, shard.transfers.all
            )
        };
        running(&format!("{task} {} runs", shard.shard), shard, &done, text);
    }
    if let Some(shard) = &status.not_deleted {
        failed("the deletions", shard, text);
    }
    if let Some(shard) = &status.deleting {
        running("the deletions run", shard, "", text);
    }
    let named = status.failed.len().max(status.running.len());
    if named.max(status.unread.len()) > MOST_NAMED {
        let _ = writeln!(text, "  … (--json names all)");
    }
}

/// What a failed attempt says.
fn failed(what: &str, shard: &FailedShard, text: &mut String) {
    let why = shard.why.clone();
    let why = why.unwrap_or_else(|| format!("{} failed", entries(shard.entries)));
    let (host, why) = (printable(&shard.host), printable(&why));
    let _ = writeln!(text, "  {what} failed on {host}: {why}");
    for (_, error) in shard.names.iter().take(MOST_ENTRIES) {
        let _ = writeln!(text, "    {}", printable(error));
    }
    if !shard.absent_on.is_empty() {
        let hosts = printable(&shard.absent_on.join(", "));
        let _ = writeln!(text, "    not found on {hosts}");
    }
}

/// Where an attempt runs, and how the one before it failed.
fn running(what: &str, shard: &RunningShard, done: &str, text: &mut String) {
    let job = shard.job.as_ref();
    let job = job.map_or(String::new(), |job| format!(", job {}", printable(job)));
    let comma = if done.is_empty() { "" } else { ", " };
    let _ = writeln!(
        text,
        "  {what} on {} (process {}{job}): {done}{comma}heartbeat {} ago",
        printable(&shard.host),
        shard.process,
        HumanDuration(shard.heartbeat)
    );
    if let Some(earlier) = &shard.failed {
        failed(
            &format!("  attempt {} at it", earlier.attempt),
            earlier,
            text,
        );
    }
}
