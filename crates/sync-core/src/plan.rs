//! The plan: everything that a run will do, as a value.
//!
//! A plan is made by [`make_plan`](crate::make_plan), judged by the guards,
//! shown by a mock run and executed by a real one; so these cannot disagree.
//! Its actions wait in a [`Spool`], so a plan of ten million actions costs no
//! more memory than one of ten.
//!
//! # File format
//!
//! One JSON object a line, in UTF-8. The first line is the [`Header`], whose
//! field `s3mirror_plan` is the version of the format ([`FORMAT_VERSION`]). Every
//! further line is an [`Action`]; its field `action` says of which kind.
//! Actions are about in key order; what is in the way of a transfer comes
//! before that transfer.
//!
//! The header of a plan that is to be kept has a field `origin` ([`Origin`]):
//! when it was made, and what it takes to find both places again. A reader
//! passes over fields that it does not know, so a plan with or without it is
//! of the same version.
//!
//! A reader counts the lines and compares them with the header: entries and
//! bytes of transfers and of deletions by their reasons, what was skipped by
//! side and cause, conflicts and keys that are too long. A plan that has lost,
//! gained or repeated a line is invalid, whatever is left of it. Entries that
//! are kept or not selected have no line, but for those that are kept because
//! the source skipped them, so their counts cannot be compared. This is against
//! accidents and no signature: who edits both header and lines is believed.
//! Still, a line counts as what it does: one whose reason does not fit to its
//! action, or that takes something out of the way that is not, is invalid.

mod origin;
mod reader;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::json::write_json;
use crate::spool::Spool;
use crate::{Criteria, Direction, Entry, Key, Reason, Rule, Side, SkipCause, Skipped, printable};

pub use origin::Origin;

/// Version of the file format that this crate writes and reads.
pub const FORMAT_VERSION: u32 = 1;

/// Number of entries and the sum of their sizes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub entries: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

impl Tally {
    /// Counts one more entry of `size` bytes.
    pub fn add(&mut self, size: u64) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(size);
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            entries: self.entries.saturating_add(other.entries),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// What the planner saw, summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All selected entries of the source.
    pub source: Tally,
    /// All selected entries of the target.
    pub target: Tally,
    /// The rule's answers. Bytes are those of what is copied, deleted or kept.
    pub reasons: BTreeMap<Reason, Tally>,
    /// What the source's listing left out.
    pub skipped_in_source: BTreeMap<SkipCause, u64>,
    /// What the target's listing left out.
    pub skipped_in_target: BTreeMap<SkipCause, u64>,
    /// Entries that cannot be copied because another one is in their way.
    pub conflicts: u64,
    /// Source keys longer than the limit.
    pub too_long: u64,
    /// Directories and the like that the selection leaves out, so that they
    /// were not looked at; entries have [`Reason::NotSelected`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_looked_at: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Counts {
    /// The tally of one answer of the rule.
    #[must_use]
    pub fn of(&self, reason: Reason) -> Tally {
        self.reasons.get(&reason).copied().unwrap_or_default()
    }

    /// Entries that the target lacks.
    #[must_use]
    pub fn created(&self) -> Tally {
        self.of(Reason::OnlyInSource)
    }

    /// Entries that replace one of the target.
    #[must_use]
    pub fn overwritten(&self) -> Tally {
        self.of(Reason::SizeDiffers)
            + self.of(Reason::FileIsLater)
            + self.of(Reason::ObjectInFuture)
            + self.of(Reason::TimesDiffer)
            + self.of(Reason::ContentDiffers)
            + self.of(Reason::LinkedFileChanges)
    }

    /// Entries that are deleted from the target.
    #[must_use]
    pub fn deleted(&self) -> Tally {
        self.of(Reason::OnlyInTarget)
    }

    /// Entries of the target that stay as they are.
    #[must_use]
    pub fn kept(&self) -> Tally {
        self.of(Reason::Unchanged)
            + self.of(Reason::ObjectIsLater)
            + self.of(Reason::SameContent)
            + self.of(Reason::DeletionsOff)
    }

    /// Entries of the target that are kept because the source's listing skipped
    /// something at their key or above it.
    #[must_use]
    pub fn source_skipped(&self) -> Tally {
        self.of(Reason::SourceSkipped)
    }

    /// Entries that the run does not concern; one that both sides have counts
    /// once, with the target's size.
    #[must_use]
    pub fn not_selected(&self) -> Tally {
        self.of(Reason::NotSelected)
    }

    /// How many entries of the target change.
    #[must_use]
    pub fn changes(&self) -> u64 {
        (self.created() + self.overwritten() + self.deleted()).entries
    }

    /// Whether some of the source could not be read, named or placed. Then
    /// the rest is copied, nothing is deleted, and the run ends as incomplete.
    #[must_use]
    pub fn incomplete(&self) -> bool {
        self.conflicts > 0 || self.skipped_in_source.keys().any(|c| c.hides_content())
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copied = self.created() + self.overwritten();
        write!(
            f,
            "{} to create, {} to overwrite ({} bytes in all), {} to delete, {} to keep",
            self.created().entries,
            self.overwritten().entries,
            copied.bytes,
            self.deleted().entries,
            (self.kept() + self.source_skipped()).entries,
        )
    }
}

/// The first line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    #[serde(rename = "s3mirror_plan")]
    pub version: u32,
    /// Location of the source.
    pub source: String,
    /// Location of the target.
    pub target: String,
    /// The rule by which it was made.
    #[serde(flatten)]
    pub rule: Rule,
    /// Which entries it concerns; all of them where this is absent.
    #[serde(default, skip_serializing_if = "Criteria::is_empty")]
    pub selection: Criteria,
    /// What was seen.
    pub counts: Counts,
    /// When it was made and of which places; only in a plan that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

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
        why: ConflictCause,
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
    pub in_the_way: Option<InTheWay>,
}

/// What occupies the path of a transfer in a directory tree. It is deleted by
/// the same plan. In a backup only a file is noted, and it gives way only if the
/// store refuses both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InTheWay {
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

/// What has to be done, and what was seen when that was decided.
pub struct Plan {
    header: Header,
    spool: Box<dyn Spool>,
}

impl Plan {
    pub(crate) fn new(header: Header, spool: Box<dyn Spool>) -> Self {
        Self { header, spool }
    }

    /// The same plan, which says when it was made and of which places.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.header.origin = Some(origin);
        self
    }

    /// What was seen, and by which rule it was judged.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Short for the header's counts.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.header.counts
    }

    /// Short for the direction of the header's rule.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.header.rule.direction
    }

    /// The actions, read from the spool as they are asked for.
    ///
    /// # Errors
    /// Those of reading the spool.
    pub fn actions(&self) -> io::Result<impl Iterator<Item = io::Result<Action>> + Send + use<>> {
        Ok(read_actions(self.spool.reader()?))
    }

    /// The actions from `offset` bytes of the spool on, each with its offset.
    pub(crate) fn actions_from(
        &self,
        offset: u64,
    ) -> io::Result<impl Iterator<Item = io::Result<(u64, Action)>> + Send + use<>> {
        let mut reader = self.spool.reader_at(offset)?;
        let (mut at, mut line) = (offset, String::new());
        Ok(std::iter::from_fn(move || {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(0) => None,
                Ok(length) => {
                    let begin = at;
                    at += length as u64;
                    Some(parse(line.trim_end()).map(|action| (begin, action)))
                }
                Err(error) => Some(Err(error)),
            }
        }))
    }

    /// Writes the plan in its file format.
    ///
    /// # Errors
    /// Those of reading the spool and of `out`.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        write_json(&mut *out, &self.header)?;
        out.write_all(b"\n")?;
        io::copy(&mut self.spool.reader()?, out)?;
        Ok(())
    }

    /// Reads a plan in its file format; its actions are copied to `spool`.
    ///
    /// ```
    /// use sync_core::{Plan, MemorySpools, Spools};
    ///
    /// let text = br#"{"s3mirror_plan":99}"#;
    /// let spool = MemorySpools.create()?;
    /// assert!(Plan::read_from(&text[..], spool).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidData` for another version of the format, for a line that is no
    /// action, and when the lines are not those that the header counts; those
    /// of reading and writing. The number of the line is named.
    pub fn read_from(text: impl BufRead, spool: Box<dyn Spool>) -> io::Result<Self> {
        reader::read(text, spool)
    }
}

pub(crate) fn read_actions(
    reader: Box<dyn BufRead + Send>,
) -> impl Iterator<Item = io::Result<Action>> + Send {
    reader.lines().map(|line| parse(&line?))
}

/// Parses one line. To `serde_json` a line that is cut short is an unexpected
/// end of file; in a plan it is as invalid as any other. What it says may hold
/// text of the line, and knows it for the first.
fn parse<T: DeserializeOwned>(line: &str) -> io::Result<T> {
    serde_json::from_str(line).map_err(|error| {
        let mut what = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        if let Some(bare) = what.strip_suffix(&place) {
            what = format!("{bare} (column {})", error.column());
        }
        io::Error::new(io::ErrorKind::InvalidData, printable(&what))
    })
}
