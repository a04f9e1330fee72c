//! The rule: which of two entries of the same name has to change.
//!
//! It is one pure function, [`Rule::decide`]. Everything it depends on is an
//! argument; nothing else in the workspace decides anything about an entry.

use std::borrow::Borrow;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use crate::times::is_same_time;
use crate::times::later;
use crate::{entry::Entry, key::Key};

/// Which way entries go. The directory is the store with files, the bucket
/// that with objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From files to objects.
    Backup,
    /// From objects to files.
    Restore,
}

/// How two entries of the same name and size are told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// A file later than its object differs from it.
    #[default]
    Times,
    /// As `Times`; on restore, any two unequal times differ.
    ExactTimes,
    /// As `Times`; where that would keep, the contents are compared.
    Checksum,
}

/// The rule with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which way entries go.
    pub direction: Direction,
    /// How entries of the same size are told apart.
    pub compare: Compare,
    /// How far the objects' clock is ahead of the files' clock; negative when
    /// it is behind.
    #[serde(with = "milliseconds")]
    pub clock_offset: TimeDelta,
    /// The latest time that an object can have that was written by now; none
    /// where the store does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<DateTime<Utc>>,
}

/// An object may be dated by so much beyond [`Rule::latest`]: the machines of
/// one server do not agree to the millisecond.
const FUTURE: TimeDelta = TimeDelta::seconds(1);

/// The two entries of one key, one of which may be absent.
///
/// `E` is [`Entry`] or a reference to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair<E = Entry> {
    /// Only the source has it.
    Source(E),
    /// Only the target has it.
    Target(E),
    /// Both have it.
    Both {
        /// The source's.
        source: E,
        /// The target's.
        target: E,
    },
}

impl<E: Borrow<Entry>> Pair<E> {
    /// The key of both.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Source(entry) | Self::Target(entry) | Self::Both { source: entry, .. } => {
                &entry.borrow().key
            }
        }
    }
}

impl Pair<Entry> {
    /// The same pair, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> Pair<&Entry> {
        match self {
            Self::Source(source) => Pair::Source(source),
            Self::Target(target) => Pair::Target(target),
            Self::Both { source, target } => Pair::Both { source, target },
        }
    }
}

/// What the rule answers for a [`Pair`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<E = Entry> {
    /// The metadata decide.
    Settled(Outcome<E>),
    /// The contents of both decide: [`Outcome::of_contents`].
    CompareContent {
        /// The source's.
        source: E,
        /// The target's.
        target: E,
    },
}

/// What has to be done with the entries of one key, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<E = Entry> {
    /// Copy the source's entry to the target.
    Transfer {
        /// Why.
        reason: Reason,
        /// What is copied.
        source: E,
        /// What it replaces, if there is anything.
        target: Option<E>,
    },
    /// Delete the target's entry.
    Delete {
        /// Why.
        reason: Reason,
        /// What is deleted.
        target: E,
    },
    /// Leave the target's entry as it is.
    Keep {
        /// Why.
        reason: Reason,
        /// What the source has, if it has anything.
        source: Option<E>,
        /// What is kept.
        target: E,
    },
}

impl<E: Borrow<Entry>> Outcome<E> {
    /// The key of its entries.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Transfer { source: entry, .. }
            | Self::Delete { target: entry, .. }
            | Self::Keep { target: entry, .. } => &entry.borrow().key,
        }
    }
}

impl<E> Outcome<E> {
    /// What the source has.
    #[must_use]
    pub fn source(&self) -> Option<&E> {
        match self {
            Self::Transfer { source, .. } => Some(source),
            Self::Delete { .. } => None,
            Self::Keep { source, .. } => source.as_ref(),
        }
    }

    /// What the target has.
    #[must_use]
    pub fn target(&self) -> Option<&E> {
        match self {
            Self::Transfer { target, .. } => target.as_ref(),
            Self::Delete { target, .. } | Self::Keep { target, .. } => Some(target),
        }
    }

    /// What has to be done with two entries whose contents were compared.
    #[must_use]
    pub fn of_contents(source: E, target: E, are_equal: bool) -> Self {
        if are_equal {
            Self::keep(Reason::SameContent, source, target)
        } else {
            Self::replace(Reason::ContentDiffers, source, target)
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Transfer { reason, .. }
            | Self::Delete { reason, .. }
            | Self::Keep { reason, .. } => *reason,
        }
    }

    fn replace(reason: Reason, source: E, target: E) -> Self {
        let target = Some(target);
        Self::Transfer {
            reason,
            source,
            target,
        }
    }

    fn keep(reason: Reason, source: E, target: E) -> Self {
        let source = Some(source);
        Self::Keep {
            reason,
            source,
            target,
        }
    }
}

/// Why the rule answers so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Transfer: the target lacks it.
    OnlyInSource,
    /// Transfer: the sizes differ.
    SizeDiffers,
    /// Transfer: the file was modified after the object was written.
    FileIsLater,
    /// Transfer: the object is dated later than its server's present, so that
    /// its time tells nothing.
    ObjectInFuture,
    /// Transfer: the times are not equal ([`Compare::ExactTimes`]).
    TimesDiffer,
    /// Transfer: the contents differ ([`Compare::Checksum`]).
    ContentDiffers,
    /// Transfer: it would be kept, but in the target it is a link to a file that
    /// the plan replaces or removes, and so would get another content.
    LinkedFileChanges,
    /// Delete: the source lacks it.
    OnlyInTarget,
    /// Keep: the source lacks it, but deletions are switched off.
    DeletionsOff,
    /// Keep: the source's listing skipped something at this key or above it
    /// ([`SkipCause`](crate::entry::SkipCause)), so whether the source has it is not
    /// known.
    SourceSkipped,
    /// Keep: the same size, and the file is not later.
    Unchanged,
    /// Keep, on restore: the same size, but the object is later than the
    /// file; a blind spot of comparing by times, so it is counted apart.
    ObjectIsLater,
    /// Keep: the contents are equal ([`Compare::Checksum`]).
    SameContent,
    /// Neither copied nor deleted: the run does not concern it
    /// ([`Selection`](crate::select::Selection)).
    NotSelected,
}

/// How two entries of the same key compare.
enum Comparison {
    Replace(Reason),
    Keep(Reason),
    ByContent,
}

impl Rule {
    /// The rule for `direction` with everything else at its default.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            compare: Compare::default(),
            clock_offset: TimeDelta::zero(),
            latest: None,
        }
    }

    /// Decides what has to be done with the entries of one key.
    ///
    /// ```
    /// use sync_core::rule::{Decision, Outcome, Pair, Reason, Rule};
    /// use sync_core::{Direction, Entry, Key};
    ///
    /// let rule = Rule::new(Direction::Backup);
    /// let file = Entry::new(Key::new("a")?, 5, "2024-05-01T12:00:00.5Z".parse()?);
    /// let object = Entry::new(Key::new("a")?, 5, "2024-05-01T12:00:00Z".parse()?);
    /// let pair = Pair::Both { source: &file, target: &object };
    /// let outcome = Outcome::Transfer {
    ///     reason: Reason::FileIsLater,
    ///     source: &file,
    ///     target: Some(&object),
    /// };
    /// assert_eq!(rule.decide(pair), Decision::Settled(outcome));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn decide<E: Borrow<Entry>>(&self, pair: Pair<E>) -> Decision<E> {
        let (source, target) = match pair {
            Pair::Source(source) => {
                return Decision::Settled(Outcome::Transfer {
                    reason: Reason::OnlyInSource,
                    source,
                    target: None,
                });
            }
            Pair::Target(target) => {
                let reason = Reason::OnlyInTarget;
                return Decision::Settled(Outcome::Delete { reason, target });
            }
            Pair::Both { source, target } => (source, target),
        };
        match self.compare(source.borrow(), target.borrow()) {
            Comparison::Replace(reason) => {
                Decision::Settled(Outcome::replace(reason, source, target))
            }
            Comparison::Keep(reason) => Decision::Settled(Outcome::keep(reason, source, target)),
            Comparison::ByContent => Decision::CompareContent { source, target },
        }
    }

    /// Compares two entries of the same key by their metadata.
    fn compare(&self, source: &Entry, target: &Entry) -> Comparison {
        if source.size != target.size {
            return Comparison::Replace(Reason::SizeDiffers);
        }
        let (file, object) = match self.direction {
            Direction::Backup => (source, target.modified),
            Direction::Restore => (target, source.modified),
        };
        if self.is_later(file, object) {
            return Comparison::Replace(Reason::FileIsLater);
        }
        if self.compare == Compare::Checksum {
            return Comparison::ByContent;
        }
        if file.modified == object || file.bears(object) {
            return Comparison::Keep(Reason::Unchanged);
        }
        if self.is_future(object) {
            return Comparison::Replace(Reason::ObjectInFuture);
        }
        match (self.compare, self.direction) {
            (Compare::ExactTimes, Direction::Restore) => Comparison::Replace(Reason::TimesDiffer),
            (_, Direction::Restore) if file.modified < object => {
                Comparison::Keep(Reason::ObjectIsLater)
            }
            _ => Comparison::Keep(Reason::Unchanged),
        }
    }

    /// Whether an object of this time cannot be judged by it: the server's
    /// clock was wrong when it was written, and no edit until then would be later.
    pub(crate) fn is_future(&self, object: DateTime<Utc>) -> bool {
        self.latest
            .is_some_and(|latest| object > later(latest, FUTURE))
    }

    /// Whether the file was modified after the object was written, to the
    /// nanosecond.
    ///
    /// When the files' clock is behind, the file's time is judged as that much
    /// later; so is one that its file system has cut. The object's own time is
    /// exempt: it is the mark of a restored file ([`Entry::bears`]).
    fn is_later(&self, file: &Entry, object: DateTime<Utc>) -> bool {
        let behind = self.clock_offset.max(TimeDelta::zero());
        let behind = behind.checked_add(&file.lag()).unwrap_or(behind);
        later(file.modified, behind) > object && !file.bears(object)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlyInSource => "new",
            Self::SizeDiffers => "size differs",
            Self::FileIsLater => "file is later",
            Self::ObjectInFuture => "object is dated in the future",
            Self::TimesDiffer => "times differ",
            Self::ContentDiffers => "content differs",
            Self::LinkedFileChanges => "linked file changes",
            Self::OnlyInTarget => "not in source",
            Self::DeletionsOff => "not in source, kept",
            Self::SourceSkipped => "source skipped",
            Self::Unchanged => "unchanged",
            Self::ObjectIsLater => "object is later",
            Self::SameContent => "same content",
            Self::NotSelected => "not selected",
        })
    }
}

/// A time difference as whole milliseconds in a saved plan.
mod milliseconds {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(delta: &TimeDelta, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(delta.num_milliseconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<TimeDelta, D::Error> {
        let milliseconds = i64::deserialize(d)?;
        TimeDelta::try_milliseconds(milliseconds)
            .ok_or_else(|| serde::de::Error::custom("clock offset out of range"))
    }
}
