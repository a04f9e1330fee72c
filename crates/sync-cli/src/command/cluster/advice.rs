//! What to run next when a run could not be finished.

use s3mirror::cluster::{ClusterRun, Missing, Remedy, StillOpen};
use sync_core::text::entries;

use super::common::{end_it, finish_it, quoted, what_is_absent, what_is_kept, what_is_outdated};

/// Why the run is not at its end, and what to do; this process has deleted so many entries.
pub(super) fn still_open(run: &ClusterRun, open: StillOpen, deleted: u64) -> String {
    let deleted = match deleted {
        0 => "no deletion was known to be made".to_owned(),
        number => format!("at least {} deleted", were(number)),
    };
    let (again, as_it_is) = (finish_it(run.path()), end_it(run.path()));
    match open {
        StillOpen::Declined => {
            let place = run.ending().ok().flatten().unwrap_or_default();
            format!(
                "the run is being ended without its deletions, by {place}: they were stopped here when \
                 {deleted}; if that was interrupted, {as_it_is}"
            )
        }
        StillOpen::Outdated => {
            format!("the run is not finished: {}", what_is_kept(run.path()))
        }
        StillOpen::ClockOfShards => format!(
            "the run is not finished: a clock was set while its shards were executed, so that it must \
             not delete; {as_it_is}, and run `s3mirror backup` or `restore`, which deletes"
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
    let with = |remedy| missing.iter().find(|missing| missing.remedy == remedy);
    if with(Remedy::Declined).is_some() {
        return end_it(run.path());
    }
    let (path, again) = (quoted(run.path()), finish_it(run.path()));
    if with(Remedy::Plan).is_some() {
        return format!(
            "put the plan back as it was, and {again} again; if it is lost, {}, and make a new plan \
             or run `s3mirror backup` or `restore`",
            end_it(run.path())
        );
    }
    // Those that can be completed now come first.
    for remedy in [
        Remedy::Apply,
        Remedy::WaitOrApply,
        Remedy::Wait,
        Remedy::Elsewhere,
    ] {
        let shard = with(remedy).and_then(|missing| missing.shard);
        let Some(shard) = shard else { continue };
        let apply = format!("`s3mirror cluster apply {path} --shard {shard}`");
        return match remedy {
            Remedy::Elsewhere => what_is_absent(run.path(), Some(shard)),
            Remedy::Wait => format!("wait until shard {shard} is done, then {again} again"),
            Remedy::WaitOrApply => format!(
                "wait until shard {shard} is done, or if its process is dead, run {apply}; then \
                 {again} again"
            ),
            _ => format!("run {apply}, then {again} again"),
        };
    }
    what_is_outdated(run.path())
}

/// So many entries, with the verb.
fn were(number: u64) -> String {
    let were = if number == 1 { "was" } else { "were" };
    format!("{} {were}", entries(number))
}
