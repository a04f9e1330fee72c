//! The other lines of a plan: what is done with an entry, or why nothing is.

use std::io::{self, BufRead};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{
    entry::{Entry, Skipped},
    key::Key,
    listing::Side,
    rule::Reason,
    text::printable,
};

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Copy an entry to the target.
    Transfer(Transfer),
    /// Delete an entry of the target.
    Delete(Delete),
    /// Nothing is done: the entry of the target is kept. Only those have a line
    /// that are kept because the source's listing skipped something there
    /// ([`Reason::SourceSkipped`]).
    Keep {
        /// Why.
        reason: Reason,
        /// What is kept.
        target: Entry,
    },
    /// Nothing is done: something was left out of a listing.
    Skip {
        /// In which listing.
        side: Side,
        /// What and why.
        #[serde(flatten)]
        skipped: Skipped,
    },
    /// Nothing is done: the entry cannot be copied because another is in its way.
    Conflict {
        /// The entry.
        key: Key,
        /// What is in its way.
        with: Key,
        /// Why that does not give way.
        cause: ConflictCause,
    },
    /// Nothing is done at all by a plan with such a line: the key is too long.
    TooLong {
        /// The key.
        key: Key,
    },
}

/// A copy to the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Why.
    pub reason: Reason,
    /// What is copied: this version only.
    pub source: Entry,
    /// What it replaces: this version only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Entry>,
    /// What must give way once the copy is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocker: Option<Blocker>,
}

/// What occupies the path of a transfer in a directory tree. It is deleted by
/// the same plan. In a backup only a file is noted, and it gives way only if the
/// store refuses both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocker {
    /// A file where the path needs a directory.
    File(Entry),
    /// A directory where the path needs a file. The plan's deletions below
    /// that path are marked with `blocks`.
    Directory,
}

/// A deletion from the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// Why.
    pub reason: Reason,
    /// What is deleted: this version only.
    pub target: Entry,
    /// Whether it may be in the way of a transfer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocks: bool,
}

/// Why a conflict is not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictCause {
    /// Both are in the source, and a tree can hold only one of them.
    BothInSource,
    /// The other one would have to be deleted, and deletions are switched off.
    DeletionsOff,
    /// The other one would have to be deleted, and the run does not concern it.
    NotSelected,
    /// Both are in the source, and the target's file system takes their names
    /// for one.
    SameName,
    /// The other one would have to be deleted, and the source's listing skipped
    /// something there, so that it is kept.
    SourceSkipped,
    /// The other one is something that the target's listing skipped: a link, a
    /// socket, or a directory that could not be read. It is never removed for
    /// an entry above or below it.
    TargetSkipped,
}

pub(super) fn read_actions(
    reader: Box<dyn BufRead + Send>,
) -> impl Iterator<Item = io::Result<Action>> + Send {
    reader.lines().map(|line| parse(&line?))
}

/// Parses one line. To `serde_json` a line that is cut short is an unexpected
/// end of file; in a plan it is as invalid as any other. What it says may hold
/// text of the line, and knows it for the first.
pub(super) fn parse<T: DeserializeOwned>(line: &str) -> io::Result<T> {
    serde_json::from_str(line).map_err(|error| {
        let mut what = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        if let Some(bare) = what.strip_suffix(&place) {
            what = format!("{bare} (column {})", error.column());
        }
        io::Error::new(io::ErrorKind::InvalidData, printable(&what))
    })
}
