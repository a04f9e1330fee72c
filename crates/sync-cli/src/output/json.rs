//! What programs read: one JSON object a line, beside the lines of the plan.
//! Each has a field `event`; docs/output.schema.json describes all of them.
//!
//! A new field or event is no new version: a reader ignores what it does not
//! know. [`SCHEMA`] changes where a field is removed or gets another meaning.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sync_core::{Key, execute::Report, plan::Tally, rule::Reason};

use super::text;
use crate::progress::Figures;

/// Version of the lines with a field `event`; those of the plan have their own.
pub(crate) const SCHEMA: u32 = 1;

/// A line with a field `event`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    /// Before all other lines with a field `event`.
    Begin {
        /// Version of the lines with a field `event`.
        #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
        schema: u32,
        /// Version of the program.
        s3mirror: &'static str,
    },
    /// How far a run is: every ten seconds, and when SIGUSR1 asks.
    Progress(&'a Figures),
    /// An entry has been copied.
    Transferred {
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Key"))]
        key: &'a Key,
        bytes: u64,
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Reason"))]
        reason: Reason,
        /// Whether it replaced an entry of the target.
        overwritten: bool,
    },
    /// An entry was not copied, because an earlier execution of the plan has done so.
    AlreadyDone {
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Key"))]
        key: &'a Key,
        bytes: u64,
    },
    /// An entry of the target has been deleted.
    Deleted {
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Key"))]
        key: &'a Key,
        bytes: u64,
    },
    /// An entry could not be copied or deleted.
    Failed {
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Key"))]
        key: &'a Key,
        error: String,
    },
    /// Something that needs attention.
    Warning { message: &'a str },
    /// Why nothing, or not everything, was done.
    Error { message: &'a str },
    /// A cycle of a watch has ended, however.
    Cycle(&'a CycleLine),
    /// The last line of a backup, restore or apply, however it ended.
    Report(&'a RunReport),
}

impl Line<'_> {
    pub(crate) fn begin() -> Self {
        Self::Begin {
            schema: SCHEMA,
            s3mirror: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// How a run ended, whether its plan was executed or not.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RunReport {
    /// Null if it was not known yet, as with a plan that cannot be read.
    #[cfg_attr(test, schemars(extend("enum" = ["backup", "restore", null])))]
    pub(crate) direction: Option<&'static str>,
    /// As it was given.
    pub(crate) directory: Option<String>,
    /// With the prefix.
    pub(crate) bucket: Option<String>,
    /// The moment at which the bucket was restored as it was then; null means the present.
    #[cfg_attr(test, schemars(with = "Option<crate::tests::schema::Time>"))]
    pub(crate) at: Option<String>,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Exit"))]
    pub(crate) exit: u8,
    /// The time of the execution; 0 if nothing was executed; of `cluster finish`, since the first
    /// shard began.
    pub(crate) seconds: f64,
    /// From beginning to end, with the listings and the question; of `cluster finish`, since the
    /// run was split.
    pub(crate) total_seconds: f64,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) created: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) overwritten: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) deleted: Tally,
    /// Not copied, because an earlier execution of the plan has done so.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) already_done: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) kept: Tally,
    /// Kept because the source skipped something at that name or above it.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) source_skipped: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) not_selected: Tally,
    /// Names of the list of keys that exist on neither side.
    pub(crate) not_found: u64,
    pub(crate) failed: u64,
    /// Not written after the first failure of that kind, because the file system of
    /// the target is full or read-only. Most were not even tried.
    pub(crate) not_written: u64,
    /// Files that grew while they were copied; the bucket has what they contained
    /// at one moment.
    pub(crate) growing: u64,
    pub(crate) stopped: bool,
    /// Why planned deletions were not made.
    pub(crate) deletions_withheld: Option<&'static str>,
    /// Whether the bucket keeps what a backup overwrote or deleted; null where
    /// nothing was, or where it was not asked.
    #[cfg_attr(test, schemars(extend("enum" = ["on", "off", "suspended", "unknown", null])))]
    pub(crate) versioning: Option<&'static str>,
    /// Where a restore with --trash keeps what it overwrote or deleted.
    pub(crate) trash: Option<TrashLine>,
    /// Why it failed or was refused; entries that failed have lines of their own.
    pub(crate) errors: Vec<String>,
    /// When it ended, if that was before this process.
    #[serde(skip)]
    pub(crate) ended: Option<DateTime<Utc>>,
}

impl RunReport {
    /// What was done, entry by entry.
    pub(crate) fn set_execution(&mut self, done: &Report) {
        self.created = done.created;
        self.overwritten = done.overwritten;
        self.deleted = done.deleted;
        self.already_done = done.already_done;
        self.failed = done.failed;
        self.not_written = done.not_written;
        self.growing = done.growing;
        self.stopped = done.stopped;
        self.deletions_withheld = done.deletions_withheld.map(text::withheld);
    }

    /// The outcome of the run in one line, where the report cannot be written.
    pub(crate) fn outcome(&self) -> String {
        format!(
            "the work is done all the same: created {}, overwritten {}, deleted {}, kept {}",
            self.created.entries, self.overwritten.entries, self.deleted.entries, self.kept.entries
        )
    }
}

/// A cycle of a watch.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CycleLine {
    /// Counted from 1.
    pub(crate) number: u64,
    /// Why both places were listed whole; null if only what had changed was looked at.
    pub(crate) full: Option<String>,
    /// Keys and directories that were looked at.
    pub(crate) items: u64,
    /// As a backup would have ended.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Exit"))]
    pub(crate) exit: u8,
    pub(crate) seconds: f64,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) created: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) overwritten: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    pub(crate) deleted: Tally,
    pub(crate) failed: u64,
    /// Entries deleted within the last 24 hours.
    pub(crate) deleted_in_a_day: u64,
    /// Directories that are watched.
    pub(crate) directories: u64,
    /// Directories that are not, because the system permits no more watches.
    pub(crate) unwatched: u64,
    /// Keys and directories that wait for the next cycle.
    pub(crate) dirty: u64,
    /// Keys and directories that have failed, in this cycle or before, and are tried again.
    pub(crate) failing: u64,
    /// The pause before something is tried again; null if nothing need be.
    pub(crate) retry_seconds: Option<f64>,
    /// Why it was refused or failed, and what it did not do: by name, in bounded number. An entry that
    /// is tried again in vain is in each cycle that tries it.
    pub(crate) errors: Vec<String>,
}

/// Where a restore keeps what it overwrote or deleted.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TrashLine {
    pub(crate) directory: String,
    pub(crate) entries: u64,
}
