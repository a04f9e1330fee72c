//! What people and programs read of a cycle.

use std::fs;
use std::time::{Duration, Instant};

use indicatif::HumanBytes;
use s3mirror::watch::{Cycle, Outcome, Undone, UndoneList, UnwatchedRoot, WatchState};
use s3mirror::{Refusal, Report};
use sync_core::execute::DeletionsSkipped;
use sync_core::plan::{self, MaxDelete};

use super::undone::{failures, messages, still};
use crate::command::present::{not_all_deleted, nothing_deleted};
use crate::hints::Judged;
use crate::options::WatchArgs;
use crate::output::json::{CycleLine, Line};
use crate::{Console, Exit, hints};

/// At a full run it is told again what is still not done, at most so often.
const REMINDER: Duration = Duration::from_hours(12);

/// Tells how cycles have ended, and of each entry that is not done once.
pub(super) struct Teller {
    /// Bytes of the prefix of the bucket.
    prefix: usize,
    /// When it was told last what is not done; nothing if all is done.
    told: Option<Instant>,
}

impl Teller {
    pub(super) fn new(args: &WatchArgs) -> Self {
        Self {
            prefix: args.places.bucket.prefix().len(),
            told: None,
        }
    }

    /// The line of a cycle.
    pub(super) fn line(&self, cycle: &Cycle, state: &WatchState) -> CycleLine {
        let mut line = line(cycle, state);
        line.errors.extend(failures(&cycle.undone, self.prefix));
        line.errors.extend(withheld(cycle, &cycle.undone));
        line
    }

    /// What is wrong after `cycle`, of which `undone` is not done, in it or before.
    pub(super) fn errors(&self, cycle: &Cycle, undone: &UndoneList) -> Vec<String> {
        let mut errors = wrong(cycle);
        errors.extend(failures(undone, self.prefix));
        errors
    }

    /// Tells how `cycle` has ended, with its `line`; all that is not done is `undone`.
    pub(super) fn tell(
        &mut self,
        cycle: &Cycle,
        state: &WatchState,
        undone: &UndoneList,
        line: &CycleLine,
        console: &mut Console,
    ) {
        for message in wrong(cycle) {
            match &cycle.outcome {
                Outcome::Refused(_) => console.error(message),
                _ => console.warning(message),
            }
        }
        self.tell_undone(cycle, undone, console);
        tell_end(cycle, console);
        if cycle.full.is_some() && state.unwatched > 0 {
            console.warning(unwatched(state));
        }
        if let Some(why) = &state.unwatched_root {
            console.warning(unwatched_root(why));
        }
        console.reporter().event_at_once(&Line::Cycle(line));
        console.streams().show();
    }

    /// Names what is not done and was not told before. A file that cannot be read for a week is
    /// named when that begins, and now and then.
    fn tell_undone(&mut self, cycle: &Cycle, undone: &UndoneList, console: &mut Console) {
        let now = Instant::now();
        for message in messages(&cycle.news, self.prefix) {
            message.tell(console);
        }
        if !cycle.news.is_empty() {
            if let Some(why) = withheld(cycle, &cycle.news) {
                console.warning(why);
            }
            self.told = Some(now);
        }
        let Some(told) = self.told else { return };
        match still(undone, self.prefix) {
            Some(still) if cycle.full.is_some() && now >= told + REMINDER => {
                console.warning(still);
                self.told = Some(now);
            }
            Some(_) => {}
            None => {
                let note = "what was named as not done is done now, or gone";
                console.reporter().note(note);
                self.told = None;
            }
        }
    }
}

/// That nothing, or not everything, is deleted, unless `list` names what waits.
fn withheld(cycle: &Cycle, list: &UndoneList) -> Option<String> {
    let Outcome::Executed { counts, report } = &cycle.outcome else {
        return None;
    };
    let done = &report.execution;
    let why = done.deletions_withheld.or(DeletionsSkipped::by(counts));
    let why = why.filter(|_| !done.stopped)?;
    let is_named = list
        .named
        .iter()
        .any(|undone| matches!(undone, Undone::Withheld { .. }));
    match done.deleted.entries {
        0 if is_named || cycle.full.is_none() => None,
        0 => Some(nothing_deleted(why)),
        _ => Some(not_all_deleted(why)),
    }
}

/// The line of a cycle.
fn line(cycle: &Cycle, state: &WatchState) -> CycleLine {
    let mut line = CycleLine {
        number: cycle.number,
        full: cycle.full.map(|cause| cause.to_string()),
        items: cycle.items as u64,
        exit: exit(&cycle.outcome).code(),
        seconds: cycle.took.as_secs_f64(),
        deleted_in_a_day: cycle.deleted,
        directories: state.directories as u64,
        unwatched: state.unwatched as u64,
        dirty: state.dirty as u64,
        failing: cycle.failing as u64,
        retry_seconds: cycle.retry.map(|pause| pause.as_secs_f64()),
        errors: wrong(cycle),
        ..CycleLine::default()
    };
    if let Outcome::Executed { report, .. } = &cycle.outcome {
        let done = &report.execution;
        line.created = done.created;
        line.overwritten = done.overwritten;
        line.deleted = done.deleted;
        line.failed = done.failed;
    }
    line
}

/// Why a cycle was refused or failed, and what to do.
fn wrong(cycle: &Cycle) -> Vec<String> {
    match &cycle.outcome {
        Outcome::Refused(refusals) => refusals.iter().map(|why| refused(cycle, why)).collect(),
        Outcome::Failed(error) => vec![hints::error(error)],
        _ => Vec::new(),
    }
}

fn refused(cycle: &Cycle, refusal: &Refusal) -> String {
    use plan::Refusal::{TooManyDeletions, TooManyOfList};
    let Refusal::Guard(
        TooManyDeletions {
            deleted: deletions, ..
        }
        | TooManyOfList {
            deleted: deletions, ..
        },
    ) = refusal
    else {
        return format!("refused: {}", hints::refusal(refusal, Judged::New));
    };
    let (Some(total), MaxDelete::Entries(left)) = (cycle.total, cycle.left) else {
        return format!("refused: {}", hints::refusal(refusal, Judged::New));
    };
    let would_be = match deletions {
        1 => "1 entry would be".to_owned(),
        _ => format!("{deletions} entries would be"),
    };
    let were = match cycle.deleted {
        1 => "1 was".to_owned(),
        count => format!("{count} were"),
    };
    let are = if left == 1 { "is" } else { "are" };
    format!(
        "refused: {would_be} deleted, and {were} within 24 hours, of {total} that \
         the last full run left in the bucket; only {left} more {are} allowed. What changed with \
         them waits; if they are meant, run `s3mirror backup` by hand with a higher --max-delete, or \
         start the watch again with one"
    )
}

/// Tells what a cycle has done, and when the rest is tried again. What is tried again in vain is
/// told of only to whoever asked for details.
fn tell_end(cycle: &Cycle, console: &mut Console) {
    let is_news = !cycle.news.is_empty() || console.reporter().is_verbose();
    let is_retry_told = match &cycle.outcome {
        Outcome::Executed { report, .. } => {
            let done = &report.execution;
            let changed = done.created + done.overwritten + done.deleted;
            if changed.entries > 0 || cycle.full.is_some() || is_news {
                console.text(self::done(cycle, report));
            }
            is_news || done.stopped
        }
        _ => true,
    };
    if let Some(pause) = cycle.retry
        && !cycle.outcome.is_complete()
        && is_retry_told
    {
        let seconds = pause.as_secs_f64().ceil();
        console.note(format_args!(
            "what was not done is kept, and tried again in {seconds} s"
        ));
    }
}

fn done(cycle: &Cycle, report: &Report) -> String {
    let what = match cycle.full {
        Some(cause) => format!("full run ({cause})"),
        None => format!("{} changed", cycle.items),
    };
    let done = &report.execution;
    let bytes = HumanBytes(done.created.bytes + done.overwritten.bytes);
    let copied = done.created.entries + done.overwritten.entries;
    let failed = match done.failed {
        0 => String::new(),
        count => format!(", {count} failed"),
    };
    let took = cycle.took.as_secs_f64();
    format!(
        "cycle {}: {what}: uploaded {copied} ({bytes}), deleted {}{failed}, {took:.1} s",
        cycle.number, done.deleted.entries
    )
}

/// Why nothing is watched, and what becomes of changes.
fn unwatched_root(why: &UnwatchedRoot) -> String {
    const TRIED_AGAIN: &str = "it is tried again each minute, and until then what changes is found by \
                               a full run every hour";
    match why {
        UnwatchedRoot::Missing => "the directory is missing, so nothing is watched; once it is \
                                   there again, everything is compared"
            .to_owned(),
        UnwatchedRoot::Limit(error) => format!(
            "the directory is not watched: {error}; {TRIED_AGAIN}. See `sysctl \
             fs.inotify.max_user_instances` and `ulimit -n`"
        ),
        UnwatchedRoot::Other(error) => {
            format!("the directory is not watched: {error}; {TRIED_AGAIN}")
        }
        _ => format!("the directory is not watched; {TRIED_AGAIN}"),
    }
}

/// The limit of watches, and what to set it to.
fn unwatched(state: &WatchState) -> String {
    const LIMIT: &str = "/proc/sys/fs/inotify/max_user_watches";
    let limit = fs::read_to_string(LIMIT).unwrap_or_default();
    let needed = (state.directories + state.unwatched).saturating_mul(2);
    let better = needed.next_power_of_two().max(8192);
    let are_not = match state.unwatched {
        1 => "1 directory is not".to_owned(),
        count => format!("{count} directories are not"),
    };
    format!(
        "{are_not} watched, because this user may have only {} watches, or too many files are open; \
         what changes there is found by a full run every hour. Set more by `sysctl -w \
         fs.inotify.max_user_watches={better}`, and in /etc/sysctl.d for the next start",
        limit.trim()
    )
}

/// The exit status that a run would have ended with.
fn exit(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Executed { report, .. } if report.is_complete() => Exit::Done,
        Outcome::Executed { .. } => Exit::Incomplete,
        Outcome::Refused(_) => Exit::Refused,
        _ => Exit::Failed,
    }
}
