//! The findings of a verification, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use sync_core::{
    Entry,
    plan::Tally,
    text::printable,
    verify::{Finding, Survey, Verdict, Verified},
};

use crate::output::text::moment;
use crate::{Console, Exit};

/// How a verification ended.
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    /// Of the bucket, unless it is the present.
    pub(crate) at: Option<DateTime<Utc>>,
    /// Whether everything was compared.
    pub(crate) is_whole: bool,
    pub(crate) took: Duration,
    pub(crate) places: (String, String),
}

/// One line of output with `--json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    /// `verify`: a difference, or an entry that could not be compared.
    Differs {
        key: &'a str,
        #[cfg_attr(test, schemars(extend("enum" = ["only-in-directory", "only-in-bucket", "size-differs", "content-differs", "damaged", "changed", "unreadable", "not-comparable", "below-skipped"])))]
        what: &'static str,
        /// Whether the difference is certain.
        certain: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<Side>,
        #[serde(skip_serializing_if = "Option::is_none")]
        object: Option<Side>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The last line of `verify`.
    Verified(Summary),
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Side {
    size: u64,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Time"))]
    modified: DateTime<Utc>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Summary {
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Exit"))]
    exit: u8,
    /// The moment at which the bucket was compared as it was then; null means the present.
    #[cfg_attr(test, schemars(with = "Option<crate::tests::schema::Time>"))]
    at: Option<String>,
    seconds: f64,
    /// Whether the end was reached.
    complete: bool,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    equal_by_checksum: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    equal_by_bytes: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    only_in_directory: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    only_in_bucket: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    size_differs: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    content_differs: Tally,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    damaged: Tally,
    changed: u64,
    unreadable: u64,
    not_comparable: u64,
    not_selected: u64,
    /// Names of the list of keys that exist on neither side.
    not_found: u64,
    skipped: u64,
    /// Objects at or below a name that the listing of the directory skipped.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Tally"))]
    below_skipped: Tally,
}

/// Reports one finding.
pub(crate) fn tell(finding: &Finding, console: &mut Console) {
    let what = name_of(&finding.verdict);
    let error = match &finding.verdict {
        Verdict::Damaged(error) => Some(error),
        verdict => verdict.unknown(),
    };
    // Neither a difference nor unknown: a backup and a restore skip it too.
    let is_skipped = matches!(finding.verdict, Verdict::BelowSkipped);
    let is_verbose = console.reporter().is_verbose();
    if !finding.verdict.is_equal() && (!is_skipped || is_verbose) {
        let side = |entry: &Entry| Side {
            size: entry.size,
            modified: entry.modified,
        };
        let line = Line::Differs {
            key: &finding.name,
            what,
            certain: finding.verdict.unknown().is_none() && !is_skipped,
            file: finding.file.as_ref().map(side),
            object: finding.object.as_ref().map(side),
            error: error.map(ToString::to_string),
        };
        console.event(&line);
    }
    let name = printable(&finding.name);
    if let Some(error) = error {
        console.error(format_args!("{}: {name}: {error}", what.replace('-', " ")));
        return;
    }
    if is_verbose || !(finding.verdict.is_equal() || is_skipped) {
        let (what, detail) = (what.replace('-', " "), detail(finding));
        console.text(format_args!("{what:<18} {name}  ({detail})"));
    }
}

fn name_of(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Equal(_) => "equal",
        Verdict::OnlyInDirectory => "only-in-directory",
        Verdict::OnlyInBucket => "only-in-bucket",
        Verdict::BelowSkipped => "below-skipped",
        Verdict::SizeDiffers => "size-differs",
        Verdict::ContentDiffers => "content-differs",
        Verdict::Damaged(_) => "damaged",
        Verdict::Changed(_) => "changed",
        Verdict::Unreadable(_) => "unreadable",
        Verdict::NotComparable(_) => "not-comparable",
    }
}

fn detail(finding: &Finding) -> String {
    let size = |entry: &Entry| HumanBytes(entry.size).to_string();
    let text = match (&finding.file, &finding.object) {
        (Some(file), Some(object)) if file.size != object.size => {
            format!("file {}, object {}", size(file), size(object))
        }
        (Some(entry), _) | (_, Some(entry)) => size(entry),
        (None, None) => String::new(),
    };
    match &finding.verdict {
        Verdict::Equal(Some(algorithm)) => format!("{text}, by {algorithm}"),
        Verdict::Equal(None) => format!("{text}, by its bytes"),
        _ => text,
    }
}

/// Reports the totals.
pub(crate) fn report(found: &Verified, survey: &Survey, outcome: &Outcome, console: &mut Console) {
    let summary = Summary {
        exit: outcome.exit.code(),
        at: outcome.at.map(moment),
        seconds: outcome.took.as_secs_f64(),
        complete: outcome.is_whole,
        equal_by_checksum: found.equal_by_checksum,
        equal_by_bytes: found.equal_by_bytes,
        only_in_directory: found.only_in_directory,
        only_in_bucket: found.only_in_bucket,
        size_differs: found.size_differs,
        content_differs: found.content_differs,
        damaged: found.damaged,
        changed: found.changed,
        unreadable: found.unreadable,
        not_comparable: found.not_comparable,
        not_selected: survey.not_selected,
        not_found: survey.not_found.names,
        skipped: survey.skipped,
        below_skipped: found.below_skipped,
    };
    let text = || text(found, survey, outcome).trim_end().to_owned();
    console.reporter().result(&Line::Verified(summary), text);
}

fn text(found: &Verified, survey: &Survey, outcome: &Outcome) -> String {
    let (directory, bucket) = &outcome.places;
    let result = match (outcome.is_whole, found.different(), found.unknown()) {
        (false, _, _) => "stopped before its end",
        (true, 0, 0) if survey.finds_nothing_listed => "nothing was compared",
        (true, 0, 0) => "equal",
        (true, 0, _) => "not everything could be compared",
        (true, _, 0) => "they differ",
        (true, _, _) => "they differ, and not everything could be compared",
    };
    let mut text = format!(
        "verify {directory} and {bucket}: {result}, in {:.1} s\n",
        outcome.took.as_secs_f64()
    );
    let mut row = |what: &str, tally: Tally| {
        let entries = HumanCount(tally.entries).to_string();
        let bytes = HumanBytes(tally.bytes).to_string();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {what:<18} {entries:>12}  {bytes:>12}");
    };
    row("equal by checksum", found.equal_by_checksum);
    row("equal by bytes", found.equal_by_bytes);
    for (what, tally) in [
        ("only in directory", found.only_in_directory),
        ("only in bucket", found.only_in_bucket),
        ("size differs", found.size_differs),
        ("content differs", found.content_differs),
        ("damaged", found.damaged),
    ] {
        if tally.entries > 0 {
            row(what, tally);
        }
    }
    if found.below_skipped.entries > 0 {
        row("below skipped", found.below_skipped);
    }
    for (what, number) in [
        ("changed", found.changed),
        ("unreadable", found.unreadable),
        ("not comparable", found.not_comparable),
        ("not selected", survey.not_selected),
        ("not found", survey.not_found.names),
        ("skipped", survey.skipped),
    ] {
        if number > 0 {
            let number = HumanCount(number).to_string();
            let _ = writeln!(text, "  {what:<18} {number:>12}");
        }
    }
    text
}
