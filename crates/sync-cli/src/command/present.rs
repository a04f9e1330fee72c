//! Shows a plan before it is executed: its actions in a mock run, the summary in
//! both, and by name whatever cannot be done.

use std::time::SystemTime;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::HumanDuration;
use s3mirror::Refusal;
use sync_core::{
    Direction,
    execute::DeletionsSkipped,
    plan::{Action, CLOCK_OFFSET_WARNING, Counts, Header, Origin, Plan, clock_offset},
    text::printable,
};

use super::manner::Mode;
use super::preview::Preview;
use crate::hints::Judged;
use crate::output::Form;
use crate::output::not_found;
use crate::output::nothing::nothing;
use crate::output::text::{self, Words};
use crate::output::view::{self, View};
use crate::{Console, Exit, hints};

/// Shows `plan`.
pub(super) fn present(
    plan: &Plan,
    mode: Mode,
    view: View,
    preview: &Preview,
    console: &mut Console,
) -> anyhow::Result<()> {
    let form = console.reporter().form();
    if form == Form::Json {
        console.data(|mut out| plan.write_to(&mut out));
        if let Some(estimate) = &preview.estimate {
            console.event(&estimate.json());
        }
    }
    if mode != Mode::Act && form == Form::Text {
        view::show(plan, view, console).context("cannot read the plan")?;
    } else if has_notes(plan.counts()) {
        for action in plan.actions().context("cannot read the plan")? {
            let action = action.context("cannot read the plan")?;
            warn(&action, plan.header(), console);
        }
    }
    // Where there is nothing to do, the report has all of it.
    let announced = mode != Mode::Act || plan.counts().changes() > 0;
    if announced && form == Form::Text {
        let (source, target) = sides(plan.header());
        let summary = Words::of(plan.direction()).summary(&source, &target, plan.header());
        console.text(summary.trim_end());
        if let Some(estimate) = &preview.estimate {
            console.text(estimate.text().trim_end());
        }
        if let Some(versioning) = preview.versioning {
            console.text(text::versioning(versioning).trim_end());
        }
    }
    if has_nothing(plan.header()) {
        let (source, target) = sides(plan.header());
        let excluded = plan.counts().not_selected().entries + plan.counts().excluded;
        console.warning(nothing(&source, &target, excluded));
    }
    if let Some(why) = DeletionsSkipped::by(plan.counts()) {
        say_withheld(why, console);
        if why == DeletionsSkipped::SourceIncomplete {
            console.reporter().note(
                "put right what is skipped there, or exclude it by --exclude: then deletions are made \
                 again",
            );
        }
    }
    let not_found = &plan.counts().not_found;
    if !not_found.is_empty() && !plan.header().finds_nothing_listed() {
        console.reporter().note(not_found::some(not_found));
    }
    let offset = plan.header().rule.clock_offset;
    if offset.abs() > CLOCK_OFFSET_WARNING {
        console.warning(format_args!(
            "the server's clock and that of this machine differ by {}; set the clock that is wrong",
            clock_offset(offset)
        ));
    }
    Ok(())
}

/// Shows when a saved plan was made, and for which server.
pub(super) fn say_origin(plan: &Plan, console: &mut Console) {
    say_origin_of("plan", plan, console);
}

/// Shows when the first of the plans was made that are judged together.
pub(super) fn say_oldest_origin(plan: &Plan, console: &mut Console) {
    say_origin_of("oldest plan", plan, console);
}

fn say_origin_of(which: &str, plan: &Plan, console: &mut Console) {
    let Some(origin) = plan.header().origin.as_ref() else {
        return;
    };
    let server = origin.endpoint_url.as_deref().unwrap_or("AWS");
    let (age, server) = (age(origin), printable(server));
    console.text(format_args!("{which} {age}, for the server {server}"));
}

/// When a plan was made, as in "made 3 hours ago (2024-05-01T12:00:00Z)".
fn age(origin: &Origin) -> String {
    let now = DateTime::<Utc>::from(SystemTime::now());
    let when = origin.created.to_rfc3339_opts(SecondsFormat::Secs, true);
    match (now - origin.created).to_std() {
        Ok(age) if age.as_secs() == 0 => format!("made just now ({when})"),
        Ok(age) => format!("made {} ago ({when})", HumanDuration(age)),
        Err(_) => format!("made in the future according to this machine's clock ({when})"),
    }
}

/// Both places: those that will really be used, if the plan has them; the other
/// fields of its header are for people only.
fn sides(header: &Header) -> (String, String) {
    let Some(origin) = &header.origin else {
        return (printable(&header.source), printable(&header.target));
    };
    let directory = printable(&origin.directory);
    let mut bucket = format!("s3://{}/{}", origin.bucket, origin.prefix);
    if let Some(at) = origin.at {
        bucket += &format!(" as of {}", at.to_rfc3339_opts(SecondsFormat::Secs, true));
    }
    match header.rule.direction {
        Direction::Backup => (directory, printable(&bucket)),
        Direction::Restore => (printable(&bucket), directory),
    }
}

/// Whether neither side has a selected entry, as far as is known. What is said of a list of keys is
/// said of its names.
fn has_nothing(header: &Header) -> bool {
    let counts = &header.counts;
    (counts.source + counts.target).entries == 0
        && header.selection.keys.is_none()
        && !has_notes(counts)
}

/// Whether the plan has lines that are neither transfers nor deletions; if
/// not, a real run need not read it an extra time.
fn has_notes(counts: &Counts) -> bool {
    counts.conflicts > 0
        || counts.too_long > 0
        || !counts.skipped_in_source.is_empty()
        || !counts.skipped_in_target.is_empty()
        || counts.source_skipped().entries > 0
}

/// Names what a real run cannot do.
fn warn(action: &Action, header: &Header, console: &mut Console) {
    let is_verbose = console.reporter().is_verbose();
    let is_told = match action {
        Action::Keep { .. } => is_verbose,
        // What hides content is always named; anything else only on request.
        Action::Skip { skipped, .. } => skipped.cause.hides_content() || is_verbose,
        _ => true,
    };
    let prefix = header.origin.as_ref().map_or(0, |o| o.prefix.len());
    if is_told && let Some(wrong) = not_done(action, prefix) {
        wrong.tell(console);
    }
}

/// What people are told of an action by which nothing is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotDone {
    /// A warning.
    Warning(String),
    /// An error.
    Error(String),
}

impl NotDone {
    pub(super) fn tell(&self, console: &mut Console) {
        match self {
            Self::Warning(text) => console.warning(text),
            Self::Error(text) => console.error(text),
        }
    }

    pub(super) fn into_text(self) -> String {
        match self {
            Self::Warning(text) | Self::Error(text) => text,
        }
    }
}

/// Names what is not done by `action`, if so. The prefix of the bucket has so many bytes.
pub(super) fn not_done(action: &Action, prefix: usize) -> Option<NotDone> {
    Some(match action {
        Action::Transfer(_) | Action::Delete(_) => return None,
        Action::Keep { reason, target } => {
            NotDone::Warning(format!("kept {}  ({reason})", target.key))
        }
        Action::Conflict { key, with, cause } => NotDone::Warning(format!(
            "'{key}' is not copied: {}",
            text::conflict(with, *cause)
        )),
        Action::TooLong { key } => {
            let length = key.as_str().len();
            NotDone::Error(format!(
                "'{key}' is too long: {length} bytes, with the prefix {}",
                length + prefix
            ))
        }
        Action::Skip { side, skipped } => {
            NotDone::Warning(format!("skipped {}", text::skip(*side, skipped)))
        }
    })
}

/// Reports why the plan is not executed.
pub(super) fn refuse(refusals: &[Refusal], judged: Judged, console: &mut Console) -> Exit {
    for refusal in refusals {
        console.error(format_args!("refused: {}", hints::refusal(refusal, judged)));
    }
    Exit::Refused
}

/// Warns that planned deletions are not made, and why.
pub(super) fn say_withheld(why: DeletionsSkipped, console: &mut Console) {
    console.warning(nothing_deleted(why));
}

/// That planned deletions are not made, and why.
pub(super) fn nothing_deleted(why: DeletionsSkipped) -> String {
    format!("nothing is deleted, because {}", text::withheld(why))
}

/// That some of the planned deletions were not made, and why.
pub(super) fn not_all_deleted(why: DeletionsSkipped) -> String {
    let why = text::withheld(why);
    format!("not everything was deleted that the plan deletes, because {why}")
}
