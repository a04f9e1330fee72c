//! What a planner saw and decided, summed up.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{entry::SkipCause, key_list::NotFound, rule::Reason, text::grouped};

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
    /// Directories and the like that are excluded and were therefore not listed;
    /// entries have [`Reason::NotSelected`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub excluded: u64,
    /// What neither side has of the key list.
    #[serde(default, skip_serializing_if = "NotFound::is_empty")]
    pub not_found: NotFound,
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

    /// How many entries an execution will really delete: an incomplete source
    /// deletes none.
    #[must_use]
    pub fn real_deletions(&self) -> u64 {
        if self.incomplete() {
            0
        } else {
            self.deleted().entries
        }
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

    /// Whether some of the source could not be read, named or placed, or not be compared with
    /// the target. Then the rest is copied, nothing is deleted, and the run ends as incomplete.
    #[must_use]
    pub fn incomplete(&self) -> bool {
        self.source_incomplete() || self.skipped_in_target.contains_key(&SkipCause::Uncompared)
    }

    /// Whether that is because of the source.
    #[must_use]
    pub fn source_incomplete(&self) -> bool {
        self.conflicts > 0 || self.skipped_in_source.keys().any(|c| c.hides_content())
    }

    /// Whether the plan has all that its target can have: at most, keys are missing that no file
    /// can have. No backup deletes these either, because it skips them in its target.
    #[must_use]
    pub fn has_all_possible(&self) -> bool {
        let is_possible = |c: &SkipCause| c.hides_content() && *c != SkipCause::UnmappableKey;
        self.conflicts == 0
            && !self.skipped_in_source.keys().any(is_possible)
            && !self.skipped_in_target.contains_key(&SkipCause::Uncompared)
    }
}

/// The counts of several ranges together.
impl std::ops::AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, other: &Counts) {
        self.source = self.source + other.source;
        self.target = self.target + other.target;
        for (reason, tally) in &other.reasons {
            let sum = self.reasons.entry(*reason).or_default();
            *sum = *sum + *tally;
        }
        for (sums, more) in [
            (&mut self.skipped_in_source, &other.skipped_in_source),
            (&mut self.skipped_in_target, &other.skipped_in_target),
        ] {
            for (cause, number) in more {
                *sums.entry(*cause).or_default() += number;
            }
        }
        self.conflicts += other.conflicts;
        self.too_long += other.too_long;
        self.excluded += other.excluded;
        self.not_found += &other.not_found;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let copied = self.created() + self.overwritten();
        write!(
            f,
            "{} to create, {} to overwrite ({} bytes in all), {} to delete, {} to keep",
            grouped(self.created().entries),
            grouped(self.overwritten().entries),
            grouped(copied.bytes),
            grouped(self.deleted().entries),
            grouped((self.kept() + self.source_skipped()).entries),
        )
    }
}
