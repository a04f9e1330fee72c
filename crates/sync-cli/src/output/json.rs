//! What programs read: one JSON object a line, beside the lines of the plan.
//! Each has a field `event`; docs/output.schema.json describes all of them.
//!
//! A field or event that is new does not make another version: a reader passes
//! over what it does not know. [`SCHEMA`] changes where a field goes or means
//! something else.

use serde::Serialize;
use sync_core::{Key, execute::Report, plan::Tally, rule::Reason};

use crate::output::text;
use crate::progress::Figures;

/// Version of the lines with a field `event`; those of the plan have their own.
pub(crate) const SCHEMA: u32 = 1;

/// A line with a field `event`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    /// Before all others.
    Begin {
        schema: u32,
        s3mirror: &'static str,
    },
    /// How far it is.
    Progress(&'a Figures),
    /// An entry has been copied.
    Transferred {
        key: &'a Key,
        bytes: u64,
        reason: Reason,
        overwritten: bool,
    },
    /// An entry of the target has been deleted.
    Deleted {
        key: &'a Key,
        bytes: u64,
    },
    /// An entry could not be copied or deleted.
    Failed {
        key: &'a Key,
        error: String,
    },
    /// Something to look after.
    Warning {
        message: &'a str,
    },
    /// Why nothing, or not all, was done.
    Error {
        message: &'a str,
    },
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

/// What became of a run, whether it was carried out or not.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct RunReport {
    /// `backup` or `restore`; none if that was not known yet, as with a plan
    /// that cannot be read. The same holds for both places.
    pub(crate) direction: Option<&'static str>,
    pub(crate) directory: Option<String>,
    pub(crate) bucket: Option<String>,
    pub(crate) exit: u8,
    /// What carrying out took; 0 if nothing was.
    pub(crate) seconds: f64,
    /// From the beginning to the end, with the listings and the question.
    pub(crate) total_seconds: f64,
    pub(crate) created: Tally,
    pub(crate) overwritten: Tally,
    pub(crate) deleted: Tally,
    pub(crate) kept: Tally,
    /// Kept because the source skipped something there.
    pub(crate) source_skipped: Tally,
    pub(crate) not_selected: Tally,
    pub(crate) failed: u64,
    /// Since the target takes nothing any more; most were not even tried.
    pub(crate) not_written: u64,
    /// Added to while they were copied; saved as they were at a moment.
    pub(crate) growing: u64,
    pub(crate) stopped: bool,
    pub(crate) deletions_withheld: Option<&'static str>,
    /// Whether the bucket keeps what was overwritten or deleted.
    pub(crate) versioning: Option<&'static str>,
    pub(crate) trash: Option<TrashLine>,
    /// Why it failed or was refused; entries that failed have lines of their own.
    pub(crate) errors: Vec<String>,
}

impl RunReport {
    /// What was done, entry by entry.
    pub(crate) fn set_execution(&mut self, done: &Report) {
        self.created = done.created;
        self.overwritten = done.overwritten;
        self.deleted = done.deleted;
        self.failed = done.failed;
        self.not_written = done.not_written;
        self.growing = done.growing;
        self.stopped = done.stopped;
        self.deletions_withheld = done.deletions_withheld.map(text::withheld);
    }

    /// What became of the run, in one line: for who cannot have the report.
    pub(crate) fn outcome(&self) -> String {
        format!(
            "the work is done all the same: created {}, overwritten {}, deleted {}, kept {}",
            self.created.entries, self.overwritten.entries, self.deleted.entries, self.kept.entries
        )
    }
}

/// Where a restore keeps what it overwrote or deleted.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TrashLine {
    pub(crate) directory: String,
    pub(crate) entries: u64,
}
