//! What `cluster status` advises to run next.

use std::path::Path;

use s3mirror::cluster::{BeingEnded, Life, State, Status};

use super::advice::{end_it, finish_it, what_has_failed, what_is_kept};
use super::common::quoted;

/// What to do about what has failed, or is dead.
pub(super) fn next(run: &Path, status: &Status) -> Option<String> {
    if let Some(ended) = &status.being_ended {
        return Some(what_is_ended(run, ended));
    }
    if let Some(again) = what_is_dead(run, status) {
        return Some(again);
    }
    let absent = status.failed.iter().filter(|it| !it.absent_on.is_empty());
    let absent: Vec<_> = absent.map(|it| it.shard).collect();
    let is_outdated = status.failed.iter().any(|shard| shard.is_outdated);
    if is_outdated || !absent.is_empty() {
        return Some(what_has_failed(run, &absent, is_outdated));
    }
    let again = finish_it(run);
    match (&status.not_deleted, &status.deleting) {
        (Some(failed), _) if failed.is_outdated => Some(what_is_kept(run)),
        (Some(_), _) => Some(format!(
            "to make the deletions that are left, {again} again"
        )),
        (None, Some(end)) => match end.life {
            Life::AtWork => None,
            Life::Dead => Some(format!("the process that deletes is dead: {again} again")),
            _ => Some(format!(
                "if the process that deletes was killed, {again} again"
            )),
        },
        (None, None) => None,
    }
}

/// What to do about a run that is being ended as it is.
fn what_is_ended(run: &Path, ended: &BeingEnded) -> String {
    let again = end_it(run);
    match ended {
        BeingEnded::By(place) => format!(
            "the run is being ended without its deletions, by {place}: no shard begins any more; \
             if that was interrupted, {again}"
        ),
        BeingEnded::Unknown(why) => format!(
            "the run is being ended without its deletions, and by whom is not known: {why}; {again}"
        ),
    }
}

/// What completes shards and ranges whose processes are dead, or silent.
fn what_is_dead(run: &Path, status: &Status) -> Option<String> {
    let of = |life| {
        let all = status.running.iter().filter(move |it| it.life == life);
        all.map(|it| it.shard).collect::<Vec<_>>()
    };
    let (dead, silent) = (of(Life::Dead), of(Life::Silent));
    let (is_dead, numbers) = match dead.is_empty() {
        true => (false, silent),
        false => (true, dead),
    };
    let first = numbers.first()?;
    let (task, phase) = match status.state {
        State::Planning => ("range", "plan"),
        _ => ("shard", "apply"),
    };
    let (tasks, shard) = match numbers.len() {
        1 => (format!("{task} {first}"), format!(" --shard {first}")),
        number => (format!("{number} {task}s"), String::new()),
    };
    let again = format!("run `s3mirror cluster {phase} {}{shard}`", quoted(run));
    Some(match is_dead {
        true => format!("to complete {tasks}, {again}"),
        false => format!("if nobody works at {tasks} any more, {again}"),
    })
}
