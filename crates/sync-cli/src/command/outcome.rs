//! The report of an execution at its end, and the exit status.

use indicatif::HumanBytes;
use s3mirror::{Counts, Direction, Report};
use sync_core::{
    execute::DeletionsSkipped,
    plan::{CLOCK_OFFSET_WARNING, Origin},
};

use super::present::{not_all_deleted, say_withheld};
use super::preview::Preview;
use crate::output::text::{self, Words};
use crate::signals::Stop;
use crate::{Console, Exit};

/// The exit status of a run that has executed its plan.
pub(super) fn exit(report: &Report, stop: &Stop) -> Exit {
    match stop.exit() {
        Some(exit) if report.execution.stopped => exit,
        _ if report.is_complete() => Exit::Done,
        _ => Exit::Incomplete,
    }
}

/// What was to be done.
pub(super) struct Planned<'a> {
    pub(super) direction: Direction,
    pub(super) counts: &'a Counts,
    pub(super) origin: Option<&'a Origin>,
    /// Whether nothing is excluded.
    pub(super) is_of_all: bool,
}

/// Reports to people what was done.
pub(super) fn tell(plan: &Planned<'_>, report: &Report, preview: &Preview, console: &mut Console) {
    tell_of_uploads(report, console);
    let done = &report.execution;
    // What the counts of the plan tell was reported before the question.
    let is_told = |why: &DeletionsSkipped| {
        matches!(
            why,
            DeletionsSkipped::SourceIncomplete | DeletionsSkipped::Uncompared
        )
    };
    match done.deletions_withheld.filter(|why| !is_told(why)) {
        Some(why) if done.deleted.entries > 0 => console.warning(not_all_deleted(why)),
        Some(why) => say_withheld(why, console),
        None => {}
    }
    if let Some(jump) = done.clock_jump
        && jump.abs() > CLOCK_OFFSET_WARNING
    {
        console.warning(format_args!(
            "the server's clock or that of this machine was set by {} s during the run; objects \
             may be dated wrongly, and edits of their files missed: set the clock and run \
             with `--compare checksum`",
            jump.num_seconds()
        ));
    }
    let words = Words::of(plan.direction);
    let mut text = words.report(plan.counts, done, report.took);
    if let Some(kept) = &report.trash {
        text += &text::trash(kept);
    }
    if let Some(versioning) = preview.versioning {
        text += &text::versioning(versioning);
    }
    if let Some(origin) = plan.origin {
        text += &text::back_to_the_present(origin, plan.is_of_all);
    }
    console.text(text.trim_end());
}

/// Reports what was done with the uploads that earlier runs left open.
fn tell_of_uploads(report: &Report, console: &Console) {
    if report.resumed_bytes > 0 {
        let resumed = HumanBytes(report.resumed_bytes);
        console.reporter().note(format_args!(
            "resumed uploads of an earlier run; {resumed} were there already"
        ));
    }
    if report.aborted_uploads > 0 {
        let s = if report.aborted_uploads == 1 { "" } else { "s" };
        console.reporter().note(format_args!(
            "aborted {} unfinished upload{s} of an earlier run",
            report.aborted_uploads
        ));
    }
}
