//! What `cluster status` advises to run next.

use std::path::Path;

use s3mirror::cluster::{BeingEnded, FailedShard, Life, State, Status};

use super::advice::{
    end_it, finish_it, only, what_has_failed, what_is_kept, what_is_planned_again, what_is_refused,
};
use super::common::quoted;

/// What to do about what was refused, has failed or is dead.
pub(super) fn next(run: &Path, status: &Status) -> Option<String> {
    match status.state {
        State::Finished | State::Incomplete => return None,
        State::Refused => return Some(what_is_refused(run)),
        _ => {}
    }
    if let Some(ended) = &status.being_ended {
        return Some(what_is_ended(run, ended));
    }
    if status.failed.iter().any(|it| it.is_refused) {
        // It says itself how the keys must be split instead: nothing completes this run.
        return None;
    }
    if let Some(left) = what_is_left(run, status) {
        return Some(left);
    }
    if let State::Planning | State::Planned = status.state
        && let Some(again) = what_is_planned_again(run, &status.unread)
    {
        return Some(again);
    }
    let direction = status.direction?;
    let absent = status.failed.iter().filter(|it| !it.absent_on.is_empty());
    let absent: Vec<_> = absent.map(|it| it.shard).collect();
    let is_outdated = status.failed.iter().any(|shard| shard.is_outdated);
    if is_outdated || !absent.is_empty() {
        return Some(what_has_failed(run, direction, &absent, is_outdated));
    }
    let again = finish_it(run);
    match (&status.not_deleted, &status.deleting) {
        (Some(failed), _) if failed.is_outdated => Some(what_is_kept(run, direction)),
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

/// What completes shards and ranges whose processes are dead or silent, or which have failed and
/// may succeed.
fn what_is_left(run: &Path, status: &Status) -> Option<String> {
    let running = |life| {
        let all = status.running.iter().filter(move |it| it.life == life);
        all.map(|it| it.shard).collect::<Vec<_>>()
    };
    let failed = status.failed.iter().filter(|it| may_succeed(it));
    let failed: Vec<_> = failed.map(|it| it.shard).collect();
    let (mut left, silent) = (running(Life::Dead), running(Life::Silent));
    left.extend(&failed);
    if left.is_empty() && silent.is_empty() {
        return None;
    }
    if left.is_empty() {
        let (tasks, again) = again(run, status.state, &silent);
        return Some(format!("if nobody works at {tasks} any more, {again}"));
    }
    let (tasks, again) = again(run, status.state, &left);
    let first = match failed.is_empty() {
        true => "",
        false => "put right what failed, and ",
    };
    Some(format!("to complete {tasks}, {first}{again}"))
}

/// Whether another attempt at it, on whatever machine, may succeed.
fn may_succeed(failed: &FailedShard) -> bool {
    !failed.is_outdated && failed.absent_on.is_empty()
}

/// These shards or ranges, in words, and what to run for them.
fn again(run: &Path, state: State, numbers: &[usize]) -> (String, String) {
    let (task, phase) = match state {
        State::Planning => ("range", "plan"),
        _ => ("shard", "apply"),
    };
    let tasks = match numbers {
        [number] => format!("{task} {number}"),
        numbers => format!("{} {task}s", numbers.len()),
    };
    let (run, only) = (quoted(run), only(numbers));
    (tasks, format!("run `s3mirror cluster {phase} {run}{only}`"))
}
