//! The report for programs: one JSON object a line, beside the lines of the
//! plan. Each has a field `event`.

use std::time::Duration;

use serde::Serialize;
use sync_core::{Counts, Key, Plan, Report, StoreError, Tally, Withheld};

use crate::{Console, Exit, text};

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
    },
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

/// What was done.
pub(crate) fn report(
    console: &mut Console,
    counts: &Counts,
    report: &Report,
    took: Duration,
    exit: Exit,
) {
    let report = Line::Report {
        exit: exit.code(),
        seconds: took.as_secs_f64(),
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
    };
    line(console, &report);
}

fn line(console: &mut Console, line: &Line<'_>) {
    console.data(|out| {
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")
    });
}
