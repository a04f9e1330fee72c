//! Reads a saved plan: every line is checked, and all of them together against
//! the counts of the header, so that a plan that was cut or edited is an error
//! and no smaller plan; and each line against itself, so that the guards, which
//! judge by the counts, judge what will be done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Display};
use std::io::{self, BufRead, Read};

use serde::Deserialize;

use super::action::{Action, Blocker, Delete, Transfer, parse};
use super::counts::{Counts, Tally};
use super::header::{FORMAT_VERSION, Header};
use crate::spool::Spool;
use crate::{key::Key, listing::Side, rule::Reason};

/// The answers of the rule that have no line.
pub(super) const WITHOUT_LINE: [Reason; 5] = [
    Reason::Unchanged,
    Reason::ObjectIsLater,
    Reason::SameContent,
    Reason::DeletionsOff,
    Reason::NotSelected,
];

/// Longest line, in bytes. Two entries with the longest of names need some
/// 20 KB; what is longer is no plan, and must not fill the memory.
const MAX_LINE: usize = 1 << 20;

/// Checks a plan in its file format and copies its actions to `spool`; returns
/// the header.
pub(super) fn check(text: impl BufRead, spool: &mut dyn Spool) -> io::Result<Header> {
    let mut lines = Lines::of(text);
    let header = lines.header()?;
    let mut found = Counts::default();
    let mut blockers = BTreeSet::new();
    while lines.advance()? {
        let action = lines.parse_with(parse)?;
        check_action(&action).map_err(|what| invalid(lines.number, what))?;
        note_blocker(&action, &mut blockers);
        count(action, &mut found);
        spool.append(lines.line.trim_end().as_bytes())?;
        spool.append(b"\n")?;
    }
    compare(&header.counts, &found).map_err(|what| invalid(lines.number, what))?;
    if let Some(key) = blockers.first() {
        let what = format!("'{key}' is in the way of a transfer, but no later line deletes it");
        return Err(invalid(lines.number, what));
    }
    Ok(header)
}

/// The header of a plan; the other lines stay in `text`.
pub(super) fn header(text: impl BufRead) -> io::Result<Header> {
    Lines::of(text).header()
}

/// Checks lines of a plan, without its header, and copies those that are `wanted`
/// to `spool`; returns what they do.
pub(super) fn check_part(
    text: impl BufRead,
    spool: &mut dyn Spool,
    mut wanted: impl FnMut(&Action) -> bool,
) -> io::Result<BTreeMap<Reason, Tally>> {
    let mut lines = Lines::of(text);
    let mut found = Counts::default();
    while lines.advance()? {
        let action = lines.parse_with(parse)?;
        check_action(&action).map_err(|what| invalid(lines.number, what))?;
        if wanted(&action) {
            count(action, &mut found);
            spool.append(lines.line.trim_end().as_bytes())?;
            spool.append(b"\n")?;
        }
    }
    Ok(found.reasons)
}

/// The lines of a plan with their numbers.
struct Lines<R> {
    text: R,
    line: String,
    /// That of `line`, from 1.
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn of(text: R) -> Self {
        Self {
            text,
            line: String::new(),
            number: 0,
        }
    }

    fn header(&mut self) -> io::Result<Header> {
        if !self.advance()? {
            return Err(invalid(1, "there is none; the file is empty"));
        }
        self.parse_with(parse_header)
    }

    /// Takes the next line; says whether there is one.
    fn advance(&mut self) -> io::Result<bool> {
        self.line.clear();
        let limit = MAX_LINE as u64 + 1;
        match self.text.by_ref().take(limit).read_line(&mut self.line) {
            Ok(0) => Ok(false),
            Ok(length) if length > MAX_LINE => Err(invalid(
                self.number + 1,
                "it is longer than any line of a plan",
            )),
            Ok(_) => {
                self.number += 1;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(invalid(self.number + 1, error))
            }
            Err(error) => Err(error),
        }
    }

    fn parse_with<T>(&self, parse: impl Fn(&str) -> io::Result<T>) -> io::Result<T> {
        parse(&self.line).map_err(|error| invalid(self.number, error))
    }
}

fn invalid(line: u64, what: impl Display) -> io::Error {
    let message = format!("line {line} of the plan: {what}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The version is asked first, so that a plan of another one is told apart from a
/// broken one.
fn parse_header(line: &str) -> io::Result<Header> {
    #[derive(Deserialize)]
    struct Version {
        s3mirror_plan: u32,
    }
    let version = parse::<Version>(line)?.s3mirror_plan;
    if version == FORMAT_VERSION {
        return parse(line);
    }
    let other = if version < FORMAT_VERSION {
        "an earlier"
    } else {
        "a later"
    };
    let message = format!(
        "it has version {version} of the format of plans, which {other} version of s3mirror has \
         written; this one reads version {FORMAT_VERSION}: make a new plan"
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

/// Whether a line says of itself what it does. The guards judge by reasons: a
/// deletion that calls itself a copy would pass them.
fn check_action(action: &Action) -> Result<(), String> {
    match action {
        Action::Transfer(transfer) => check_transfer(transfer),
        Action::Delete(Delete { reason, .. }) if *reason != Reason::OnlyInTarget => {
            Err(format!("no entry is deleted for the reason '{reason}'"))
        }
        Action::Keep { reason, .. } if *reason != Reason::SourceSkipped => Err(format!(
            "an entry that is kept for the reason '{reason}' has no line"
        )),
        _ => Ok(()),
    }
}

fn check_transfer(transfer: &Transfer) -> Result<(), String> {
    let key = &transfer.source.key;
    let replaces = match transfer.reason {
        Reason::OnlyInSource => false,
        Reason::SizeDiffers
        | Reason::FileIsLater
        | Reason::ObjectInFuture
        | Reason::TimesDiffer
        | Reason::ContentDiffers
        | Reason::LinkedFileChanges => true,
        reason => return Err(format!("no entry is copied for the reason '{reason}'")),
    };
    match &transfer.target {
        Some(target) if target.key != *key => {
            return Err(format!("'{key}' cannot replace '{}'", target.key));
        }
        target if target.is_some() != replaces => {
            let what = if replaces { "nothing" } else { "an entry" };
            return Err(format!(
                "'{key}' replaces {what}, but its reason is '{}'",
                transfer.reason
            ));
        }
        _ => {}
    }
    match &transfer.blocker {
        Some(Blocker::File(file)) if !key.is_below(&file.key) => {
            Err(format!("'{}' is not in the way of '{key}'", file.key))
        }
        _ => Ok(()),
    }
}

/// Keeps those files in the way of a transfer whose deletion, which is counted,
/// is still to come.
fn note_blocker(action: &Action, blockers: &mut BTreeSet<Key>) {
    match action {
        Action::Transfer(transfer) => {
            if let Some(Blocker::File(file)) = &transfer.blocker {
                blockers.insert(file.key.clone());
            }
        }
        Action::Delete(delete) => {
            blockers.remove(&delete.target.key);
        }
        _ => {}
    }
}

/// Counts a line as the planner did when it wrote it.
fn count(action: Action, found: &mut Counts) {
    match action {
        Action::Transfer(transfer) => {
            let tally = found.reasons.entry(transfer.reason).or_default();
            tally.add(transfer.source.size);
        }
        Action::Delete(delete) => {
            let tally = found.reasons.entry(delete.reason).or_default();
            tally.add(delete.target.size);
        }
        Action::Keep { reason, target } => {
            found.reasons.entry(reason).or_default().add(target.size);
        }
        Action::Skip { side, skipped } => {
            let counts = match side {
                Side::Source => &mut found.skipped_in_source,
                Side::Target => &mut found.skipped_in_target,
            };
            *counts.entry(skipped.cause).or_default() += 1;
        }
        Action::Conflict { .. } => found.conflicts += 1,
        Action::TooLong { .. } => found.too_long += 1,
    }
}

/// Whether the lines are those that the header counts; if not, the first
/// difference. Of what is kept, no line tells.
fn compare(header: &Counts, found: &Counts) -> Result<(), String> {
    let mut reasons = header.reasons.clone();
    reasons.retain(|reason, _| !WITHOUT_LINE.contains(reason));
    same("copied or deleted", &reasons, &found.reasons)?;
    let (said, read) = (&header.skipped_in_source, &found.skipped_in_source);
    same("skipped in the source", said, read)?;
    let (said, read) = (&header.skipped_in_target, &found.skipped_in_target);
    same("skipped in the target", said, read)?;
    same("conflicts", &header.conflicts, &found.conflicts)?;
    same("keys too long", &header.too_long, &found.too_long)
}

fn same<T: PartialEq + Debug>(what: &str, header: &T, found: &T) -> Result<(), String> {
    if header == found {
        return Ok(());
    }
    Err(format!(
        "the plan ends here, and its lines are not those that its header counts ({what}: the \
         header says {header:?}, the lines {found:?}); it was cut or edited"
    ))
}
