//! The report for programs: one JSON object a line, beside the lines of the
//! plan. Each has a field `event`.

use serde::Serialize;
use sync_core::{Counts, Key, Plan, StoreError, Tally, Withheld};

use crate::command::Ended;
use crate::price::Estimate;
use crate::{Console, text};

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line<'a> {
    Failed {
        key: &'a Key,
        error: String,
    },
    Report {
        exit: u8,
        seconds: f64,
        created: Tally,
        overwritten: Tally,
        deleted: Tally,
        kept: Tally,
        not_selected: Tally,
        failed: u64,
        stopped: bool,
        deletions_withheld: Option<&'static str>,
        /// Whether the bucket keeps what was overwritten or deleted.
        versioning: Option<&'static str>,
        trash: Option<TrashLine>,
    },
}

/// Where a restore keeps what it overwrote or deleted.
#[derive(Serialize)]
struct TrashLine {
    directory: String,
    entries: u64,
}

/// The plan in its file format.
pub(crate) fn plan(console: &mut Console, plan: &Plan) {
    console.data(|mut out| plan.write_to(&mut out));
}

/// An entry that failed.
pub(crate) fn failure(console: &mut Console, key: &Key, error: &StoreError) {
    let error = error.to_string();
    line(console, &Line::Failed { key, error });
}

/// What the plan takes and costs.
pub(crate) fn estimate(console: &mut Console, estimate: &Estimate) {
    line(console, &estimate.json());
}

/// What was done.
pub(crate) fn report(console: &mut Console, counts: &Counts, ended: &Ended<'_>) {
    let report = ended.report;
    let report = Line::Report {
        exit: ended.exit.code(),
        seconds: ended.took.as_secs_f64(),
        created: report.created,
        overwritten: report.overwritten,
        deleted: report.deleted,
        kept: counts.kept(),
        not_selected: counts.not_selected(),
        failed: report.failed,
        stopped: report.stopped,
        deletions_withheld: report
            .deletions_withheld
            .map(|why: Withheld| text::withheld(why)),
        versioning: ended.versioning.map(text::versioning_word),
        trash: ended.trash.as_ref().map(|kept| TrashLine {
            directory: kept.directory.to_string_lossy().into_owned(),
            entries: kept.entries,
        }),
    };
    line(console, &report);
}

fn line(console: &mut Console, line: &impl Serialize) {
    console.data(|out| {
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")
    });
}
