//! What to run next for a run that is not at its end.

use std::path::Path;

use s3mirror::Direction;
use s3mirror::cluster::{ClusterRun, Missing, Remedy, StillOpen, Unread};
use sync_core::text::entries;

use super::common::quoted;

/// Why the run is not at its end, and what to do; this process has deleted so many entries.
pub(super) fn still_open(run: &ClusterRun, open: StillOpen, deleted: u64) -> String {
    let deleted = match deleted {
        0 => "no deletion was known to be made".to_owned(),
        number => format!("at least {} deleted", were(number)),
    };
    let (again, as_it_is) = (finish_it(run.path()), end_it(run.path()));
    let direction = run.direction();
    match open {
        StillOpen::Declined => {
            let place = run.ending().ok().flatten().unwrap_or_default();
            format!(
                "the run is being ended without its deletions, by {place}: they were stopped here when \
                 {deleted}; if that was interrupted, {as_it_is}"
            )
        }
        StillOpen::Outdated => {
            format!(
                "the run is not finished: {}",
                what_is_kept(run.path(), direction)
            )
        }
        StillOpen::ClockOfShards => format!(
            "the run is not finished: a clock was set while its shards were executed, so that it must \
             not delete; {as_it_is}, and {}, which deletes",
            plain(direction)
        ),
        StillOpen::Stopped => {
            format!("the run is not finished: it was stopped when {deleted}; {again} again")
        }
        _ => format!(
            "the run is not finished; put right what failed, and {again} again: it makes the \
             deletions that are left"
        ),
    }
}

/// What to do about what is missing, in one line.
pub(super) fn what_is_missing(run: &ClusterRun, missing: &[Missing]) -> String {
    let has = |remedy| missing.iter().any(|missing| missing.remedy == remedy);
    let with = |remedy| {
        let with = missing.iter().filter(|missing| missing.remedy == remedy);
        with.filter_map(|missing| missing.shard).collect::<Vec<_>>()
    };
    if has(Remedy::Declined) {
        return end_it(run.path());
    }
    let (path, again) = (quoted(run.path()), finish_it(run.path()));
    if has(Remedy::Plan) {
        return format!(
            "put the plan back as it was, and {again} again; if it is lost, {}, and make a new plan \
             or {}",
            end_it(run.path()),
            plain(run.direction())
        );
    }
    // Those that can be completed now come first.
    for remedy in [
        Remedy::RemoveAndApply,
        Remedy::Apply,
        Remedy::WaitOrApply,
        Remedy::Wait,
    ] {
        let shards = with(remedy);
        let Some(shard) = shards.first() else {
            continue;
        };
        let (which, them) = match shards.len() {
            1 => (format!("shard {shard} is"), "it"),
            number => (format!("{number} shards are"), "them"),
        };
        let apply = format!("`s3mirror cluster apply {path}{}`", only(&shards));
        return match remedy {
            Remedy::RemoveAndApply => {
                let files = if shards.len() == 1 { "file" } else { "files" };
                format!("remove the {files} named above, run {apply}, then {again} again")
            }
            Remedy::Wait => format!("wait until {which} done, then {again} again"),
            Remedy::WaitOrApply => format!(
                "wait until {which} done, or if nobody works at {them} any more, run {apply}; then \
                 {again} again"
            ),
            _ => format!("run {apply}, then {again} again"),
        };
    }
    let (absent, is_outdated) = (with(Remedy::Elsewhere), has(Remedy::Outdated));
    what_has_failed(run.path(), run.direction(), &absent, is_outdated)
}

/// What to do about entries that the run cannot copy, because they are no longer what was
/// planned.
pub(super) fn what_is_outdated(run: &Path, direction: Direction) -> String {
    let (run, plain) = (quoted(run), plain(direction));
    format!(
        "what has changed since the plan was made is not copied by this run: when all other shards \
         are done, end it with `s3mirror cluster finish {run} --without-deletions`, and make a new \
         plan or {plain}"
    )
}

/// The command of one machine that does the rest, with all options that decide. The other one
/// would undo what is to be done.
fn plain(direction: Direction) -> &'static str {
    match direction {
        Direction::Backup => "run `s3mirror backup`",
        Direction::Restore => "run `s3mirror restore`",
    }
}

/// The option of a command for these shards or ranges: none unless it is a single one, because
/// without it, the command does all that are left.
pub(super) fn only(numbers: &[usize]) -> String {
    match numbers {
        [number] => format!(" --shard {number}"),
        _ => String::new(),
    }
}

/// What to do about entries that were not found where `shards` were executed; without any, where
/// the shards were that have them.
pub(super) fn what_is_absent(run: &Path, shards: &[usize]) -> String {
    let (run, shard) = (quoted(run), only(shards));
    format!(
        "what was not found was removed since the plan was made, or its file system is not mounted \
         on that machine: mount it there, or run `s3mirror cluster apply {run}{shard}` on one that has \
         it; if it was removed, end the run with `s3mirror cluster finish {run} --without-deletions` \
         when all other shards are done, and make a new plan or run `s3mirror backup`"
    )
}

/// What to do about shards that failed because entries are not what was planned: those of
/// `absent` because some were not found, and perhaps others because some have changed.
pub(super) fn what_has_failed(
    run: &Path,
    direction: Direction,
    absent: &[usize],
    is_outdated: bool,
) -> String {
    if absent.is_empty() {
        return what_is_outdated(run, direction);
    }
    let absent = what_is_absent(run, absent);
    match is_outdated {
        true => format!("{absent}; {}", what_is_outdated(run, direction)),
        false => absent,
    }
}

/// What to do about deletions that the run cannot make, because entries are no longer what was
/// planned.
pub(super) fn what_is_kept(run: &Path, direction: Direction) -> String {
    let (end_it, plain) = (end_it(run), plain(direction));
    format!(
        "what has changed since the plan was made is not deleted by this run: {end_it} (what was \
         deleted stays deleted), and make a new plan or {plain}"
    )
}

/// How ranges are planned again of which something could not be read; none if no plan of a range
/// is concerned.
pub(super) fn what_is_planned_again(run: &Path, unread: &[Unread]) -> Option<String> {
    let ranges: Vec<_> = unread.iter().filter_map(|unread| unread.range).collect();
    let first = quoted(&run.join(format!("plan/{:04}.plan", ranges.first()?)));
    let (what, plans) = match ranges.len() {
        1 => ("that range", format!("`rm {first}`")),
        _ => ("those ranges", format!("remove their plans, as {first}")),
    };
    Some(format!(
        "to have deletions made, put right what could not be read, and plan {what} again before the \
         seal: {plans}, then `s3mirror cluster plan {}{}`",
        quoted(run),
        only(&ranges)
    ))
}

/// What copies the rest of a run that was ended without some shards.
pub(super) fn what_copies_the_rest(direction: Direction) -> String {
    let plain = plain(direction);
    format!("to copy the rest, make a new plan or {plain}")
}

/// What to do about plans that were refused together.
pub(super) fn what_is_refused(run: &Path) -> String {
    let run = quoted(run);
    format!(
        "look at what the plans would do (`s3mirror show`), then run `s3mirror cluster seal {run}` again \
         with the option that allows it (for deletions, a higher --max-delete), or split again with \
         other options"
    )
}

/// Which command ends a run with its deletions.
pub(super) fn finish_it(run: &Path) -> String {
    format!("run `s3mirror cluster finish {}`", quoted(run))
}

/// How to end a run whose end was begun.
pub(super) fn end_it(run: &Path) -> String {
    let run = quoted(run);
    format!("run `s3mirror cluster finish {run} --without-deletions`")
}

/// So many entries, with the verb.
fn were(number: u64) -> String {
    let were = if number == 1 { "was" } else { "were" };
    format!("{} {were}", entries(number))
}
