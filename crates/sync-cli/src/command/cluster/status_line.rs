//! How far a run is, as a line of JSON.

use super::unread::why_unread;
use s3mirror::cluster::{
    BeingEnded, FailedShard, Life, RunningShard, Splitting, State, Status, UnknownShard, Unread,
};
use s3mirror::{Direction, Share};
use serde::Serialize;
use sync_core::plan::Tally;

/// `cluster status --json`
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StatusLine {
    #[cfg_attr(test, schemars(with = "String", extend("enum" = ["splitting", "planning", "planned", "refused", "sealed", "copying", "copied", "deleting", "ending", "finished", "incomplete"])))]
    state: State,
    /// `backup` or `restore`; null while the keys are divided.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    direction: Option<Direction>,
    /// Who divides the keys, if that was not completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    splitting: Option<SplittingLine>,
    /// Ranges that are planned, if the run plans by ranges; running, failed and waiting are
    /// ranges until the plans are sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::tests::schema::Share>"))]
    ranges: Option<Share>,
    /// Why the plans were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
    /// What of each plan could not be read, so that nothing is deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<UnreadLine>,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    shards: Share,
    /// Shards that nobody has begun.
    waiting: u64,
    running: Vec<RunningLine>,
    failed: Vec<FailedLine>,
    /// Shards of which is not known how far they are, because a file of theirs was cut or edited.
    /// They are waiting.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<UnknownLine>,
    /// Entries copied.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    transfers: Share,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    bytes: Share,
    /// What is deleted at the end.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    deletions: Tally,
    /// What of that was deleted, as far as that is known: whoever makes the deletions says so when
    /// it has ended.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    deleted: Tally,
    /// The process that makes the deletions, or was killed meanwhile; its shard is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleting: Option<RunningLine>,
    /// Why the last one has not made all of them; its shard is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_deleted: Option<FailedLine>,
    /// Who ends the run without its deletions, if somebody does or has tried to.
    #[serde(skip_serializing_if = "Option::is_none")]
    being_ended: Option<BeingEndedLine>,
    /// Bytes a second since the first shard began; null if nobody is known to work.
    bytes_per_second: Option<u64>,
    /// Null if nobody is known to work, or too little is done to tell.
    seconds_left: Option<f64>,
}

/// Who ends the run without its deletions.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct BeingEndedLine {
    /// The first process that has said so, and where it runs.
    by: Option<String>,
    /// Why that is not known.
    error: Option<String>,
}

/// The process that divides the keys, or was killed meanwhile.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SplittingLine {
    host: String,
    process: i32,
    /// Since when, by the clocks of both machines.
    seconds: f64,
    /// Null if that is not known on this machine.
    alive: Option<bool>,
}

/// What of a plan could not be read, named, placed or compared.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UnreadLine {
    /// The range that was planned; null if one machine has planned all.
    range: Option<u64>,
    /// The machine that planned it, or has divided the plan.
    host: Option<String>,
    /// How many names.
    names: u64,
    /// The first of them, each with the reason.
    first: Vec<String>,
}

/// A shard of which is not known how far it is.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UnknownLine {
    shard: u64,
    /// Why, and what to do.
    why: String,
}

/// A shard at which somebody works, or has when it was killed.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RunningLine {
    shard: u64,
    attempt: u32,
    host: String,
    process: i32,
    job: Option<String>,
    /// Whether its process is there, which is known on its own machine; null elsewhere, where more
    /// than 90 seconds since its last heartbeat mean that it may be dead.
    alive: Option<bool>,
    /// Since it last wrote how far it is.
    seconds_since_beat: f64,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    transfers: Share,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    bytes: Share,
    /// Entries listed, if it plans a range.
    #[serde(skip_serializing_if = "is_none")]
    listed: u64,
    /// The last attempt before it that has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<FailedLine>,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

/// A shard whose last attempt failed.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FailedLine {
    shard: u64,
    attempt: u32,
    host: String,
    /// Why, if it was not for the sake of entries.
    why: Option<String>,
    /// How many entries failed.
    entries: u64,
    /// Whether all that failed is no longer what was planned: another attempt fails as well.
    outdated: bool,
    /// Whether each attempt at this range is refused until the keys are split again.
    refused: bool,
    /// The machines on which all that failed was not found: it was removed, or is not mounted there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absent_on: Vec<String>,
    /// The first of them, each with its error.
    names: Vec<(String, String)>,
}

impl StatusLine {
    /// Of a run.
    pub(super) fn of(status: &Status) -> Self {
        Self {
            state: status.state,
            direction: status.direction,
            splitting: status.splitting.as_ref().map(SplittingLine::of),
            ranges: status.ranges,
            refused: status.refused.clone(),
            unread: status.unread.iter().map(UnreadLine::of).collect(),
            shards: status.shards,
            waiting: status.waiting as u64,
            running: status.running.iter().map(RunningLine::of).collect(),
            failed: status.failed.iter().map(FailedLine::of).collect(),
            unknown: status.unknown.iter().map(UnknownLine::of).collect(),
            transfers: status.transfers,
            bytes: status.bytes,
            deletions: status.deletions,
            deleted: status.deleted,
            deleting: status.deleting.as_ref().map(RunningLine::of),
            not_deleted: status.not_deleted.as_ref().map(FailedLine::of),
            being_ended: status.being_ended.as_ref().map(BeingEndedLine::of),
            bytes_per_second: status.rate,
            seconds_left: status.left.map(|left| left.as_secs_f64()),
        }
    }
}

impl BeingEndedLine {
    fn of(ended: &BeingEnded) -> Self {
        let (by, error) = match ended {
            BeingEnded::By(place) => (Some(place.clone()), None),
            BeingEnded::Unknown(why) => (None, Some(why.clone())),
        };
        Self { by, error }
    }
}

impl UnknownLine {
    fn of(unknown: &UnknownShard) -> Self {
        Self {
            shard: unknown.shard as u64,
            why: unknown.why.clone(),
        }
    }
}

impl UnreadLine {
    fn of(unread: &Unread) -> Self {
        Self {
            range: unread.range.map(|range| range as u64),
            host: unread.host.clone(),
            names: unread.names,
            first: unread.first.iter().map(why_unread).collect(),
        }
    }
}

impl SplittingLine {
    fn of(split: &Splitting) -> Self {
        Self {
            host: split.host.clone(),
            process: split.process,
            seconds: split.since.as_secs_f64(),
            alive: split.is_alive,
        }
    }
}

impl RunningLine {
    fn of(shard: &RunningShard) -> Self {
        Self {
            shard: shard.shard as u64,
            attempt: shard.attempt,
            host: shard.host.clone(),
            process: shard.process,
            job: shard.job.clone(),
            alive: match shard.life {
                Life::AtWork => Some(true),
                Life::Dead => Some(false),
                _ => None,
            },
            seconds_since_beat: shard.heartbeat.as_secs_f64(),
            transfers: shard.transfers,
            bytes: shard.bytes,
            listed: shard.listed,
            failed: shard.failed.as_ref().map(FailedLine::of),
        }
    }
}

impl FailedLine {
    fn of(shard: &FailedShard) -> Self {
        Self {
            shard: shard.shard as u64,
            attempt: shard.attempt,
            host: shard.host.clone(),
            why: shard.why.clone(),
            entries: shard.entries,
            outdated: shard.is_outdated,
            refused: shard.is_refused,
            absent_on: shard.absent_on.clone(),
            names: shard.names.clone(),
        }
    }
}
