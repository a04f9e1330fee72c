//! A part of the keys, in byte order: what one of several machines lists.
//!
//! Ranges are half-open, `(after, up_to]`, so that ranges laid end to end are all keys, each
//! once, and a listing of one begins with no look-up ("start after" excludes the key itself).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Listed, SkipCause, Skipped},
    text::printable,
};

/// The keys after one name and up to another one, in byte order; by default all.
///
/// The two names need not be keys.
///
/// ```
/// use sync_core::KeyRange;
///
/// let [first, second] = &KeyRange::split(["m".to_owned()])[..] else { panic!() };
/// assert!(first.contains("a") && first.contains("m"));
/// assert!(second.contains("m/x") && !second.contains("m"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRange {
    /// Before the first key; none where there is no beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// The last key, if it is one; none where there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    up_to: Option<String>,
}

impl KeyRange {
    /// The keys after `after` and up to `up_to`, where they are given.
    #[must_use]
    pub fn new(after: Option<String>, up_to: Option<String>) -> Self {
        Self { after, up_to }
    }

    /// Ranges that are laid end to end, with these ascending names between them.
    #[must_use]
    pub fn split(boundaries: impl IntoIterator<Item = String>) -> Vec<Self> {
        let mut ranges = Vec::new();
        let mut after = None;
        for boundary in boundaries {
            ranges.push(Self::new(after, Some(boundary.clone())));
            after = Some(boundary);
        }
        ranges.push(Self::new(after, None));
        ranges
    }

    /// The name before the first key.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The name of the last key.
    #[must_use]
    pub fn up_to(&self) -> Option<&str> {
        self.up_to.as_deref()
    }

    /// Whether it is all keys.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.after.is_none() && self.up_to.is_none()
    }

    /// Whether `name` is in it.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        !self.ends_before(name) && self.after().is_none_or(|after| name > after)
    }

    /// Whether `name`, and whatever comes after it, is behind it.
    #[must_use]
    pub fn ends_before(&self, name: &str) -> bool {
        self.up_to().is_some_and(|up_to| name > up_to)
    }

    /// Whether keys below `directory` may be in it.
    #[must_use]
    pub fn reaches_into(&self, directory: &str) -> bool {
        // Of the names below a directory, all are after `directory/` and before `directory0`.
        let begins_in_time = self.after().is_none_or(|after| {
            let rest = after.strip_prefix(directory);
            match rest.and_then(|rest| rest.bytes().next()) {
                Some(byte) => byte <= b'/',
                None => after <= directory,
            }
        });
        let ends_late = self.up_to().is_none_or(|up_to| {
            let rest = up_to.strip_prefix(directory);
            match rest.map(str::as_bytes) {
                Some([]) => false,
                Some([b'/', rest @ ..]) => !rest.is_empty(),
                Some([byte, ..]) => *byte > b'/',
                None => up_to > directory,
            }
        });
        begins_in_time && ends_late
    }

    /// Whether `listed`, an item of a listing of all keys, belongs to a listing of this range.
    /// What was skipped may hide keys of several ranges and is an item of each of these.
    #[must_use]
    pub fn takes(&self, listed: &Listed) -> bool {
        match listed {
            Listed::Entry(entry) => self.contains(entry.key.as_str()),
            Listed::Skipped(Skipped { cause, name, .. }) if is_key(*cause) => self.contains(name),
            Listed::Skipped(skipped) if skipped.name == Skipped::ROOT => true,
            Listed::Skipped(skipped) => self.concerns(&skipped.name),
        }
    }

    /// Whether `name`, or a key below it, may be in it.
    #[must_use]
    pub fn concerns(&self, name: &str) -> bool {
        self.contains(name) || self.reaches_into(name)
    }
}

/// Whether what is skipped for this cause has a key that is no path: no key is below it.
fn is_key(cause: SkipCause) -> bool {
    matches!(cause, SkipCause::UnmappableKey | SkipCause::Placeholder)
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.after(), self.up_to()) {
            (None, None) => f.write_str("all keys"),
            (Some(after), None) => write!(f, "the keys after '{}'", printable(after)),
            (None, Some(up_to)) => write!(f, "the keys up to '{}'", printable(up_to)),
            (Some(after), Some(up_to)) => {
                let (after, up_to) = (printable(after), printable(up_to));
                write!(f, "the keys after '{after}' up to '{up_to}'")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(after: &str, up_to: &str) -> KeyRange {
        KeyRange::new(Some(after.to_owned()), Some(up_to.to_owned()))
    }

    #[test]
    fn a_directory_is_walked_only_where_keys_below_it_may_be_in_the_range() {
        for (after, up_to, reaches) in [
            ("a", "a/b", true),
            ("a/b", "a/c", true),
            ("a-b", "a/b", true),
            ("a/zzz", "b", true),
            ("", "b", true),
            ("a0", "b", false),
            ("aa", "b", false),
            ("b", "c", false),
            ("", "a", false),
            ("", "a-b", false),
            ("", "a/", false),
            ("", "Z", false),
            ("", "a/!", true),
            ("", "a0", true),
        ] {
            assert_eq!(
                range(after, up_to).reaches_into("a"),
                reaches,
                "({after}, {up_to}]"
            );
        }
        assert!(KeyRange::default().reaches_into("a"));
    }

    #[test]
    fn ranges_laid_end_to_end_have_each_key_once() {
        let boundaries = ["a", "a-b", "a/b", "b"].map(str::to_owned);
        let ranges = KeyRange::split(boundaries);
        assert_eq!(ranges.len(), 5);
        for name in [
            "A", "a", "a-", "a-b", "a.", "a/a", "a/b", "a0", "b", "b/a", "é",
        ] {
            let having = ranges.iter().filter(|range| range.contains(name)).count();
            assert_eq!(having, 1, "{name}");
        }
        assert!(KeyRange::split([])[0].is_all());
    }
}
