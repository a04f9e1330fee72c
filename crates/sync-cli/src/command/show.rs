//! Shows a plan before it is carried out: its actions in a mock run, the
//! summary in both, and by name whatever is not as it should be.

use anyhow::Context;
use sync_core::{Action, CLOCK_OFFSET_WARNING, Counts, Plan, Refusal, Withheld};

use super::Mode;
use crate::options::SyncArgs;
use crate::text::{self, Words};
use crate::{Console, Exit, json};

/// Shows `plan`.
pub(super) fn show(
    plan: &Plan,
    args: &SyncArgs,
    mode: Mode,
    console: &mut Console,
) -> anyhow::Result<()> {
    let header = plan.header();
    let words = Words::of(plan.direction());
    let output = &args.output;
    if output.json {
        json::plan(console, plan);
    }
    let listed = mode == Mode::Show && !output.json && !output.quiet;
    if listed || has_notes(plan.counts()) {
        for action in plan.actions().context("cannot read the plan")? {
            let action = action.context("cannot read the plan")?;
            if listed {
                console.line(words.action(&action));
            } else {
                warn(&action, args, console);
            }
        }
    }
    // Where there is nothing to do, the report will say all of it.
    let announced = mode == Mode::Show || changes(plan.counts()) > 0;
    if announced && !output.json && !output.quiet {
        let summary = words.summary(&header.source, &header.target, plan.counts());
        console.line(summary.trim_end());
    }
    if plan.counts().incomplete() {
        say_withheld(Withheld::SourceIncomplete, console);
    }
    let offset = header.rule.clock_offset;
    if offset.abs() > CLOCK_OFFSET_WARNING {
        console.warning(format_args!(
            "the server's clock and that of this machine differ by {} s; set the clock",
            offset.num_seconds()
        ));
    }
    Ok(())
}

/// How many entries of the target the plan changes.
pub(super) fn changes(counts: &Counts) -> u64 {
    (counts.created() + counts.overwritten() + counts.deleted()).entries
}

/// Whether the plan has lines that are neither transfers nor deletions; if
/// not, a real run need not read it an extra time.
fn has_notes(counts: &Counts) -> bool {
    counts.conflicts > 0
        || counts.too_long > 0
        || !counts.skipped_in_source.is_empty()
        || !counts.skipped_in_target.is_empty()
}

/// Names what a real run cannot do.
fn warn(action: &Action, args: &SyncArgs, console: &mut Console) {
    match action {
        Action::Transfer(_) | Action::Delete(_) => {}
        Action::Conflict { key, with, why } => {
            console.warning(format_args!(
                "'{key}' is not copied: {}",
                text::conflict(with, *why)
            ));
        }
        Action::TooLong { key } => console.error(format_args!(
            "'{key}' is too long: {} bytes, with the prefix {}",
            key.as_str().len(),
            key.as_str().len() + args.places.bucket.prefix().len()
        )),
        Action::Skip { side, skipped } => {
            // What hides content is always named; the harmless only on request.
            if skipped.cause.hides_content() || args.output.verbose > 0 {
                console.warning(format_args!("skipped {}", text::skip(*side, skipped)));
            }
        }
    }
}

/// Says why the plan is not carried out.
pub(super) fn refuse(refusals: &[Refusal], console: &mut Console) -> Exit {
    for refusal in refusals {
        console.error(format_args!("refused: {refusal}"));
    }
    Exit::Refused
}

/// Says why planned deletions are not made.
pub(super) fn say_withheld(why: Withheld, console: &mut Console) {
    console.warning(format_args!(
        "nothing is deleted, because {}",
        text::withheld(why)
    ));
}
