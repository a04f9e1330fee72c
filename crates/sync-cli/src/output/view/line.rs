//! One action of a plan in one line: what is done to which entry and why, with
//! sizes and both times in UTC.

use std::fmt::{self, Display};

use chrono::{DateTime, SecondsFormat, Utc};
use indicatif::HumanBytes;
use sync_core::{
    Direction, Entry,
    plan::{Action, Transfer},
    rule::Reason,
    text::printable,
};

use crate::output::text::{self, Words};

/// An action, as people read it.
pub(super) struct Line {
    verb: &'static str,
    /// The key, or what replaces it; not yet made printable.
    pub(super) name: String,
    detail: String,
}

impl Line {
    pub(super) fn of(words: Words, action: &Action) -> Self {
        let (verb, name, detail) = match action {
            Action::Transfer(transfer) => (
                words.verb(transfer),
                transfer.source.key.as_str(),
                transferred(words.direction(), transfer),
            ),
            Action::Delete(delete) => (
                "delete",
                delete.target.key.as_str(),
                of_target(words.direction(), delete.reason, &delete.target),
            ),
            Action::Keep { reason, target } => (
                "keep",
                target.key.as_str(),
                of_target(words.direction(), *reason, target),
            ),
            Action::Skip { side, skipped } => (
                "skip",
                skipped.name.as_str(),
                text::why_skipped(*side, skipped),
            ),
            Action::Conflict { key, with, cause } => {
                ("conflict", key.as_str(), text::conflict(with, *cause))
            }
            Action::TooLong { key } => {
                let bytes = key.as_str().len();
                ("too long", key.as_str(), format!("{bytes} bytes"))
            }
        };
        let name = name.to_owned();
        Self { verb, name, detail }
    }

    /// The line with another name: the last part of it, in a tree.
    pub(super) fn named(&self, name: &str) -> impl Display {
        let Self { verb, detail, .. } = self;
        format!("{verb:<10} {}  ({detail})", printable(name))
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.named(&self.name).fmt(f)
    }
}

fn transferred(direction: Direction, transfer: &Transfer) -> String {
    let Transfer { source, reason, .. } = transfer;
    let (from, to) = match direction {
        Direction::Backup => ("file", "object"),
        Direction::Restore => ("object", "file"),
    };
    let size = HumanBytes(source.size);
    let time = at(source.modified);
    match &transfer.target {
        None => format!("{reason}, {size}, {from} {time}"),
        Some(target) => {
            let before = if target.size == source.size {
                String::new()
            } else {
                format!("{} -> ", HumanBytes(target.size))
            };
            let replaced = at(target.modified);
            format!("{reason}, {before}{size}, {from} {time}, {to} {replaced}")
        }
    }
}

fn of_target(direction: Direction, reason: Reason, target: &Entry) -> String {
    let what = match direction {
        Direction::Backup => "object",
        Direction::Restore => "file",
    };
    let (size, time) = (HumanBytes(target.size), at(target.modified));
    format!("{reason}, {size}, {what} {time}")
}

/// A time as the rule compares it: to the nanosecond, where there is one.
fn at(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
