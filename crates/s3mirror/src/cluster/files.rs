//! What the files of a run directory hold.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sync_core::{
    Direction, KeyRange,
    execute::Report as Execution,
    plan::{Counts, Origin, Tally},
    rule::Compare,
    select::Criteria,
    text::printable,
};

use super::unread::Unread;
use crate::plan_file::Span;
use crate::progress::Share;
use crate::state::registry::Process;

/// Version of the files of a run directory.
pub(crate) const VERSION: u32 = 1;

/// The version of this program.
pub(crate) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

pub(crate) const SEALED: &str = "sealed.json";
pub(crate) const FINISHED: &str = "finished.json";
/// Who ends the run as it is.
pub(crate) const ENDING: &str = "ending.json";
/// Who makes the run directory, before there is a `run.json`.
pub(crate) const SPLITTING: &str = "splitting.json";
/// Why the plans were refused.
pub(crate) const REFUSED: &str = "refused.json";

/// The name of a plan's file.
pub(crate) fn plan_name(number: usize) -> String {
    format!("plan/{number:04}.plan")
}

/// `run.json`: what is done, and by whom it was split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunFile {
    /// Version of the files.
    pub(crate) s3mirror_run: u32,
    /// What distinguishes it from all other runs.
    pub(crate) id: String,
    /// Version of the program.
    pub(crate) program: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) direction: Direction,
    pub(crate) origin: Origin,
    /// The inode of the directory that is mirrored: on a machine where its file system is
    /// not mounted, another one or none is in its place.
    pub(crate) inode: u64,
    /// What is planned, if that is done by the run too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ranges: Option<RangesFile>,
}

impl RunFile {
    /// The ranges of the plans, laid end to end.
    pub(crate) fn key_ranges(&self) -> Vec<KeyRange> {
        let ranges = self.ranges.as_ref();
        let boundaries = ranges.map_or(&[][..], |ranges| &ranges.boundaries);
        KeyRange::split(boundaries.iter().cloned())
    }
}

/// Of `run.json`: the key ranges that are planned, and by what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RangesFile {
    /// The names between the ranges, ascending.
    pub(crate) boundaries: Vec<String>,
    /// Into how many shards their plans are divided.
    pub(crate) shards: usize,
    pub(crate) compare: Compare,
    #[serde(default, skip_serializing_if = "Criteria::is_empty")]
    pub(crate) selection: Criteria,
    /// Whether links to files of the directory are copied.
    pub(crate) links: bool,
    pub(crate) ignore_inode: bool,
    pub(crate) ignore_ctime: bool,
    pub(crate) deletions: bool,
    pub(crate) max_key_length: u16,
    /// Whether the server lists in byte order, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lists_in_order: Option<bool>,
}

/// `sealed.json`: what was judged and divided. From here on, nothing of it changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SealedFile {
    pub(crate) run: String,
    /// The sum of `run.json`.
    pub(crate) run_crc64: String,
    pub(crate) plans: Vec<PlanSum>,
    /// Of all plans.
    pub(crate) counts: Counts,
    /// When the listings of the last plan began.
    pub(crate) planned: DateTime<Utc>,
    /// What could not be read, of each plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unread: Vec<Unread>,
    /// The parts of the plans that each shard executes.
    pub(crate) shards: Vec<Vec<ShardPart>>,
}

/// A plan that is part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlanSum {
    pub(crate) bytes: u64,
    pub(crate) crc64: String,
    /// By how much the clock of the server was ahead, in milliseconds.
    pub(crate) clock_offset_ms: i64,
}

impl PlanSum {
    /// The clock offset of all `plans` together: that which is farthest from none.
    pub(crate) fn farthest_clock_offset(plans: &[Self]) -> TimeDelta {
        let offsets = plans.iter().map(|plan| plan.clock_offset_ms);
        let farthest = offsets.max_by_key(|offset| offset.unsigned_abs());
        TimeDelta::milliseconds(farthest.unwrap_or(0))
    }
}

/// A part of a plan that a shard executes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ShardPart {
    /// The number of the plan.
    pub(crate) plan: usize,
    #[serde(flatten)]
    pub(crate) span: Span,
}

/// Who did something, and when by its clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Signature {
    pub(crate) run: String,
    pub(crate) shard: usize,
    pub(crate) attempt: u32,
    pub(crate) host: String,
    pub(crate) process: i32,
    pub(crate) at: DateTime<Utc>,
}

impl Signature {
    pub(crate) fn of(run: &str, shard: usize, attempt: u32) -> Self {
        let process = Process::this();
        Self {
            run: run.to_owned(),
            shard,
            attempt,
            host: process.host,
            process: process.id,
            at: now(),
        }
    }

    /// Where it runs, as in "node7, process 42".
    pub(crate) fn place(&self) -> String {
        place(&self.host, self.process)
    }

    /// When and where it began, as in "2026-11-27T06:25:00Z on node7, process 42".
    pub(crate) fn beginning(&self) -> String {
        let at = self.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("{at} on {}", self.place())
    }
}

fn place(host: &str, process: i32) -> String {
    format!("{}, process {process}", printable(host))
}

/// `ending.json`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EndingFile {
    pub(crate) run: String,
    host: String,
    process: i32,
    at: DateTime<Utc>,
}

impl EndingFile {
    pub(crate) fn of(run: &str) -> Self {
        let process = Process::this();
        Self {
            run: run.to_owned(),
            host: process.host,
            process: process.id,
            at: now(),
        }
    }

    /// Where the process runs that has written it.
    pub(crate) fn place(&self) -> String {
        place(&self.host, self.process)
    }
}

/// `began.ATTEMPT`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BeganFile {
    #[serde(flatten)]
    pub(crate) by: Signature,
    /// By which its own machine knows whether it still runs.
    pub(crate) identity: Process,
    /// The job of the scheduler that has started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job: Option<String>,
}

impl BeganFile {
    /// That of an attempt that begins now, by this process.
    pub(crate) fn of(by: Signature, job: Option<&str>) -> Self {
        Self {
            by,
            identity: Process::this(),
            job: job.map(printable),
        }
    }
}

/// `beat.ATTEMPT`: how far an attempt is. Only whether it moves decides anything: who
/// takes over from one that may be dead.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct HeartbeatFile {
    pub(crate) at: DateTime<Utc>,
    pub(crate) transfers: Share,
    pub(crate) bytes: Share,
    pub(crate) failed: u64,
    /// Entries listed, of both places.
    #[serde(default)]
    pub(crate) listed: u64,
}

/// `refused.json`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RefusedFile {
    pub(crate) run: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) why: Vec<String>,
}

/// `done`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DoneFile {
    #[serde(flatten)]
    pub(crate) by: Signature,
    /// The sum of the `sealed.json` that it was done by.
    pub(crate) sealed: String,
    pub(crate) report: Done,
}

/// What a shard, or all of them, have done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) created: Tally,
    pub(crate) overwritten: Tally,
    pub(crate) deleted: Tally,
    /// What was found done: before the run, or by another attempt at the same shard.
    pub(crate) already_done: Tally,
    /// Of that, what the target lacked when it was planned, and what was to be replaced.
    #[serde(default)]
    pub(crate) found_created: Tally,
    #[serde(default)]
    pub(crate) found_overwritten: Tally,
    pub(crate) growing: u64,
    pub(crate) resumed_bytes: u64,
    pub(crate) aborted_uploads: usize,
    /// How far a clock was set, in milliseconds.
    pub(crate) clock_jump_ms: i64,
}

impl Done {
    pub(crate) fn of(report: &crate::mirror::Report) -> Self {
        let Execution {
            created,
            overwritten,
            deleted,
            already_done,
            growing,
            clock_jump,
            ..
        } = report.execution;
        Self {
            created,
            overwritten,
            deleted,
            already_done,
            found_created: Tally::default(),
            found_overwritten: Tally::default(),
            growing,
            resumed_bytes: report.resumed_bytes,
            aborted_uploads: report.aborted_uploads,
            clock_jump_ms: clock_jump.map_or(0, |jump| jump.num_milliseconds()),
        }
    }

    /// What the run has done at a shard that others have worked at too: what its last attempt
    /// has found done is their work, and theirs is counted nowhere else.
    pub(crate) fn with_others(self) -> Self {
        Self {
            created: self.created + self.found_created,
            overwritten: self.overwritten + self.found_overwritten,
            already_done: Tally::default(),
            ..self
        }
    }

    /// Both together; of the clocks, the one that was set farthest.
    pub(crate) fn and(self, other: &Self) -> Self {
        let jumps = [self.clock_jump_ms, other.clock_jump_ms];
        Self {
            created: self.created + other.created,
            overwritten: self.overwritten + other.overwritten,
            deleted: self.deleted + other.deleted,
            already_done: self.already_done + other.already_done,
            found_created: self.found_created + other.found_created,
            found_overwritten: self.found_overwritten + other.found_overwritten,
            growing: self.growing + other.growing,
            resumed_bytes: self.resumed_bytes + other.resumed_bytes,
            aborted_uploads: self.aborted_uploads + other.aborted_uploads,
            clock_jump_ms: jumps
                .into_iter()
                .max_by_key(|ms| ms.unsigned_abs())
                .unwrap_or(0),
        }
    }
}

/// `finished.json`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FinishedFile {
    pub(crate) run: String,
    /// The sum of the `sealed.json` that it was done by.
    pub(crate) sealed: String,
    pub(crate) at: DateTime<Utc>,
    /// Whether both places are equal now.
    pub(crate) complete: bool,
    pub(crate) seconds: f64,
    pub(crate) report: Done,
    /// What else is known, if it was finished without its deletions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) without_deletions: Option<WithoutDeletions>,
}

/// What a run lacks that was finished without its deletions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WithoutDeletions {
    /// Entries that failed.
    pub(crate) failed: u64,
    /// Entries that nobody has tried, as far as that is known.
    pub(crate) not_written: u64,
    /// What was missing, for people.
    pub(crate) missing: Vec<String>,
    /// How far the deletions came before, if anybody had begun them, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletions: Option<String>,
}

pub(crate) fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// The time since then; nothing if the other clock is ahead.
pub(crate) fn age(at: DateTime<Utc>) -> Duration {
    (now() - at).to_std().unwrap_or_default()
}
