//! The guards: plans that look like an accident are refused before anything
//! is changed.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

use super::header::Header;

/// Above this difference of the clocks, deletions are refused.
pub const MAX_CLOCK_OFFSET: TimeDelta = TimeDelta::minutes(15);

/// Above this difference of the clocks, the user is warned.
pub const CLOCK_OFFSET_WARNING: TimeDelta = TimeDelta::seconds(5);

/// By default this share of the target may be deleted, in percent.
const DEFAULT_PERCENT: u64 = 50;

/// By default this many entries may be deleted, whatever share they are.
const DEFAULT_ENTRIES: u64 = 10;

/// How many deletions are believed to be meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MaxDelete {
    /// At most half of the target, or 10 entries if that is more.
    #[default]
    Half,
    /// At most this many entries.
    Entries(u64),
    /// At most this share of the target's entries, 0 to 100.
    Percent(u8),
}

impl MaxDelete {
    /// How many entries may be deleted of a target of `target` entries.
    #[must_use]
    pub fn of(self, target: u64) -> u64 {
        let share = |percent: u64| {
            let most = u128::from(target) * u128::from(percent) / 100;
            u64::try_from(most).unwrap_or(u64::MAX)
        };
        match self {
            Self::Half => DEFAULT_ENTRIES.max(share(DEFAULT_PERCENT)),
            Self::Entries(most) => most,
            Self::Percent(percent) => share(percent.into()),
        }
    }

    fn permits(self, deleted: u64, target: u64) -> bool {
        deleted <= self.of(target)
    }
}

/// `N` or `P%`.
///
/// ```
/// use sync_core::plan::MaxDelete;
///
/// assert_eq!("100".parse(), Ok(MaxDelete::Entries(100)));
/// assert_eq!("20%".parse(), Ok(MaxDelete::Percent(20)));
/// assert!("120%".parse::<MaxDelete>().is_err());
/// ```
impl FromStr for MaxDelete {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is neither a number of entries nor a percentage of 0% to 100%");
        match text.strip_suffix('%') {
            Some(percent) => match percent.parse() {
                Ok(percent @ 0..=100) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
            None => text.parse().map(Self::Entries).map_err(|_| wrong()),
        }
    }
}

/// What the user has allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How much may be deleted.
    pub max_delete: MaxDelete,
    /// Whether an empty source may empty the target.
    pub allow_empty_source: bool,
}

/// Why a plan is not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The source has no entries, the target has this many.
    EmptySource {
        /// Entries of the target.
        target: u64,
    },
    /// More deletions than the limit permits.
    TooManyDeletions {
        /// Entries that would be deleted.
        deleted: u64,
        /// Entries of the target.
        target: u64,
    },
    /// The same of a plan by a list of keys: its limit is a share of what the target has of
    /// the list.
    TooManyOfList {
        /// Entries that would be deleted.
        deleted: u64,
        /// Entries that the target has of the list.
        target: u64,
    },
    /// The clocks differ so much that times mean nothing, and the plan deletes.
    ClockOffset(TimeDelta),
    /// Source keys are longer than the limit.
    KeysTooLong {
        /// How many.
        count: u64,
    },
}

/// Judges a plan: nothing in the answer means that it may be executed.
#[must_use]
pub fn refusals(header: &Header, limits: &Limits) -> Vec<Refusal> {
    let counts = &header.counts;
    let deleted = counts.real_deletions();
    let target = counts.target.entries;
    // What the source skipped stays, so it cannot be emptied.
    let covered = counts.source_skipped().entries;
    let emptied = counts.source.entries == 0 && target > covered && !header.source_has_others;
    let mut refusals = Vec::new();
    if counts.too_long > 0 {
        let count = counts.too_long;
        refusals.push(Refusal::KeysTooLong { count });
    }
    if emptied && !limits.allow_empty_source {
        refusals.push(Refusal::EmptySource { target });
    }
    // Who allows an empty source has allowed that everything is deleted.
    let stated = emptied && limits.max_delete == MaxDelete::Half;
    if !stated && !limits.max_delete.permits(deleted, target) {
        refusals.push(match header.selection.keys {
            Some(_) => Refusal::TooManyOfList { deleted, target },
            None => Refusal::TooManyDeletions { deleted, target },
        });
    }
    let offset = header.rule.clock_offset;
    if deleted > 0 && offset.abs() > MAX_CLOCK_OFFSET {
        refusals.push(Refusal::ClockOffset(offset));
    }
    refusals
}

/// How far the server's clock is from that of this machine, in words.
#[must_use]
pub fn clock_offset(offset: TimeDelta) -> String {
    let seconds = offset.num_seconds();
    let which = if seconds < 0 { "behind" } else { "ahead" };
    format!("{} s (the server's is {which})", seconds.abs())
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptySource { target } => write!(
                f,
                "the source is empty, but the target has {target} entries"
            ),
            Self::TooManyDeletions { deleted, target } => write!(
                f,
                "{deleted} of the target's {target} entries would be deleted, more than is \
                 allowed"
            ),
            Self::TooManyOfList { deleted, target } => write!(
                f,
                "{deleted} of the {target} entries that the target has of the list would be \
                 deleted, more than is allowed"
            ),
            Self::ClockOffset(offset) => write!(
                f,
                "the clocks of this machine and of the server differ by {}, so no time can be \
                 trusted and nothing is deleted",
                clock_offset(*offset)
            ),
            Self::KeysTooLong { count } => write!(
                f,
                "names longer than is allowed (the prefix counts): {count}"
            ),
        }
    }
}
