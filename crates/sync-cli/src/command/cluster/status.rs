//! `cluster status`: how far a run is, as a table or JSON.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use s3mirror::Share;
use s3mirror::cluster::{FailedShard, Life, RunningShard, Splitting, State, Status};
use sync_core::text::{entries, printable, printable_text};

use super::common::{Line, quoted, refuse};
use super::status_line::StatusLine;
use super::status_next::next;
use super::unread::{MOST_UNREAD, what_is_unread};
use crate::options::StatusArgs;
use crate::{Console, Exit};

/// How often --watch looks.
const EVERY: Duration = Duration::from_secs(2);

/// After so many looks at which nobody worked and nothing could be begun, --watch ends: a scheduler
/// may have started what has failed again between two of them.
const IDLE_LOOKS: u32 = 3;

/// Shards of each kind that the table names.
const MOST_NAMED: usize = 20;

/// Names of failed entries that the table shows of a shard.
const MOST_ENTRIES: usize = 3;

pub(crate) fn run(args: &StatusArgs, console: &mut Console) -> Exit {
    console.set_json(args.output.json);
    let path = args.run.canonicalize();
    let path = path.unwrap_or_else(|_| args.run.clone());
    let (mut idle, mut shown) = (0, None);
    loop {
        let status = match Status::of(&args.run) {
            Ok(status) => status,
            Err(error) => return refuse(error, console),
        };
        if args.output.json {
            console.event(&Line::Status(Box::new(StatusLine::of(&status))));
        } else {
            let table = table(&path, &status).trim_end().to_owned();
            show(table, args, &mut shown, console);
        }
        if let Some(dead) = dead_split(&path, &status) {
            console.error(dead);
            return Exit::Failed;
        }
        idle = if is_idle(&status) { idle + 1 } else { 0 };
        if !args.watch || is_over(&status) || idle == IDLE_LOOKS {
            return Exit::Done;
        }
        console.streams().show();
        std::thread::sleep(EVERY);
    }
}

/// Shows a table: on a terminal in the place of the one before, elsewhere below it, unless it is the
/// same.
fn show(table: String, args: &StatusArgs, shown: &mut Option<String>, console: &mut Console) {
    if args.watch && console.can_redraw {
        // To the upper left, and nothing below.
        console.data(|out| write!(out, "\x1b[H\x1b[J"));
    } else if shown.as_ref() == Some(&table) {
        return;
    }
    console.text(&table);
    *shown = Some(table);
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

/// Whether nobody works at the run any more, and nothing is left that a scheduler may begin: only
/// what has failed, or whose process is dead.
fn is_idle(status: &Status) -> bool {
    let mut begun = status.running.iter().chain(&status.deleting).peekable();
    let has_failed = !status.failed.is_empty() || status.not_deleted.is_some();
    let is_left = has_failed || begun.peek().is_some();
    // Nothing begins any more in a run that is being ended.
    let may_begin = status.waiting > 0 && status.being_ended.is_none();
    is_left && !may_begin && begun.all(|it| it.life == Life::Dead)
}

fn table(path: &Path, status: &Status) -> String {
    let state = match status.state {
        State::Splitting => "splitting: the keys are divided into ranges",
        State::Planning => "planning",
        State::Planned => "planned: the plans can be sealed",
        State::Refused => "refused: nothing was changed",
        State::Sealed => "sealed: no shard has started",
        State::Copying => "copying",
        State::Copied if status.not_deleted.is_some() => "copied, and not all is deleted",
        State::Copied => "copied: it can be finished",
        State::Deleting => "deleting",
        State::Ending => "ending: it is being ended without its deletions",
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
        let (begun, failed, waiting) = (begun(status), status.failed.len(), status.waiting);
        format!(
            "{} done, {begun}, {failed} failed, {waiting} waiting",
            of(done)
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
                row("refused", printable_text(why));
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
    if let Some(next) = next(path, status) {
        let _ = writeln!(text, "{next}");
    }
    text
}

/// How many attempts have begun and not ended, in words.
fn begun(status: &Status) -> String {
    let number = |is: fn(Life) -> bool| status.running.iter().filter(|it| is(it.life)).count();
    let mut text = format!("{} running", number(Life::is_at_work));
    let (silent, dead) = (
        number(|it| it == Life::Silent),
        number(|it| it == Life::Dead),
    );
    for (number, what) in [(silent, "silent"), (dead, "dead")] {
        if number > 0 {
            let _ = write!(text, ", {number} {what}");
        }
    }
    text
}

/// Who divides the keys.
fn divided_by(split: &Splitting) -> String {
    let (host, since) = (printable(&split.host), elapsed(split.since));
    let lives = match split.is_alive {
        Some(true) => "",
        Some(false) => ", which is dead",
        None => "; if it was killed there, remove the run directory and split again",
    };
    format!(
        "started {since} ago on {host} (process {}){lives}",
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
        _ if !status.unread.is_empty() => {
            format!("none of {all}, because not everything could be read")
        }
        _ => format!("{all} at the end"),
    })
}

/// The shards that are running or failed, or of which is not known how far they are.
fn named(status: &Status, text: &mut String) {
    let task = if matches!(status.state, State::Planning) {
        "range"
    } else {
        "shard"
    };
    for unknown in status.unknown.iter().take(MOST_NAMED) {
        let (shard, why) = (unknown.shard, printable_text(&unknown.why));
        let _ = writeln!(text, "  shard {shard} is not done: {why}");
    }
    for shard in status.failed.iter().take(MOST_NAMED) {
        failed(&format!("{task} {}", shard.shard), shard, text);
    }
    for shard in status.running.iter().take(MOST_NAMED) {
        let done = if task == "range" {
            format!("{} entries listed", HumanCount(shard.listed))
        } else {
            let Share { done, all } = shard.transfers;
            format!("{} of {}", HumanCount(done), entries(all))
        };
        let (what, is_over) = (format!("{task} {}", shard.shard), is_over(status));
        running(&what, ["runs", "has"], (shard, is_over), &done, text);
    }
    if let Some(shard) = &status.not_deleted {
        failed("the deletions", shard, text);
    }
    if let Some(shard) = &status.deleting {
        running("the deletions", ["run", "have"], (shard, false), "", text);
    }
    let named = [
        status.unknown.len(),
        status.failed.len(),
        status.running.len(),
        status.unread.len(),
    ];
    if named.iter().any(|number| *number > MOST_NAMED) {
        let _ = writeln!(text, "  … (--json names all)");
    }
}

/// What a failed attempt says.
fn failed(what: &str, shard: &FailedShard, text: &mut String) {
    let why = shard.why.clone();
    let why = why.unwrap_or_else(|| format!("{} failed", entries(shard.entries)));
    let (host, why) = (printable(&shard.host), printable_text(&why));
    let _ = writeln!(text, "  {what} failed on {host}: {why}");
    for (_, error) in shard.names.iter().take(MOST_ENTRIES) {
        let _ = writeln!(text, "    {}", printable_text(error));
    }
    if !shard.absent_on.is_empty() {
        let hosts = printable(&shard.absent_on.join(", "));
        let _ = writeln!(text, "    not found on {hosts}");
    }
}

/// Where an attempt runs or was killed, and how the one before it failed.
fn running(
    what: &str,
    [runs, has]: [&str; 2],
    (shard, is_over): (&RunningShard, bool),
    done: &str,
    text: &mut String,
) {
    let job = shard.job.as_ref();
    let job = job.map_or(String::new(), |job| {
        format!(", job {}", printable_text(job))
    });
    let comma = if done.is_empty() { "" } else { ", " };
    let (host, process) = (printable(&shard.host), shard.process);
    let ago = elapsed(shard.heartbeat);
    let _ = match shard.life {
        Life::Dead if is_over => writeln!(
            text,
            "  {what} {has} not ended on {host} (process {process}{job}): {done}"
        ),
        Life::Dead => writeln!(
            text,
            "  {what} {has} not ended on {host} (process {process}{job}), which is dead: \
             {done}{comma}last heartbeat {ago} ago"
        ),
        Life::Silent => writeln!(
            text,
            "  {what} {has} not ended on {host} (process {process}{job}): {done}{comma}no \
             heartbeat for {ago}"
        ),
        _ => writeln!(
            text,
            "  {what} {runs} on {host} (process {process}{job}): {done}{comma}heartbeat {ago} ago"
        ),
    };
    if let Some(earlier) = &shard.failed {
        failed(
            &format!("  attempt {} at it", earlier.attempt),
            earlier,
            text,
        );
    }
}

/// So much time has passed at least, in the largest unit of which there are two.
fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let s = if number == 1 { "" } else { "s" };
    format!("{} {unit}{s}", HumanCount(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_time_is_told_than_has_passed() {
        for (seconds, told) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (92, "92 seconds"),
            (119, "119 seconds"),
            (179, "2 minutes"),
            (7_199, "119 minutes"),
            (10_799, "2 hours"),
            (259_199, "2 days"),
        ] {
            assert_eq!(elapsed(Duration::from_secs(seconds)), told);
        }
    }
}
