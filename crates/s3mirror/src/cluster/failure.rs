//! What a failed attempt says of itself.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sync_core::text::{entries, printable_text};

use super::files::{Done, Signature};

/// Names of failed entries in one line.
const MOST_NAMES: usize = 3;

/// `failed.ATTEMPT`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FailedFile {
    #[serde(flatten)]
    pub(crate) by: Signature,
    /// Why, if it was not for the sake of entries; names in it are printable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Whether each attempt would be refused so, until the keys are split again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) refused: bool,
    /// How many entries were not copied.
    pub(crate) entries: u64,
    /// How many of them nobody has tried, because the attempt was stopped.
    #[serde(default)]
    pub(crate) not_written: u64,
    /// How many of them because they are no longer what was planned: they would fail
    /// again.
    #[serde(default)]
    pub(crate) outdated: u64,
    /// How many because they were not found: they were removed, or are not mounted there.
    #[serde(default)]
    pub(crate) absent: u64,
    /// How many because something is in their way: it stays there as long as others fail.
    #[serde(default)]
    pub(crate) blocked: u64,
    /// The first of them.
    pub(crate) names: Vec<FailedEntry>,
    #[serde(default)]
    pub(crate) report: Done,
}

/// An entry that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailedEntry {
    pub(crate) key: String,
    /// Names in it are printable.
    pub(crate) error: String,
    /// Whether it was not found.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) absent: bool,
}

impl FailedFile {
    /// Whether another attempt would fail in the same way.
    pub(crate) fn is_outdated(&self) -> bool {
        self.why.is_none() && would_fail_again(self.entries, self.outdated, self.blocked)
    }

    /// Whether it would fail in the same way where what was not found is not found either.
    pub(crate) fn is_absent(&self) -> bool {
        self.why.is_none()
            && self.absent > 0
            && self.outdated + self.absent + self.blocked == self.entries
    }

    /// Whether `directory` has nothing of what was not found, as far as that is named. Where
    /// nothing is named, only another attempt tells.
    pub(crate) fn is_absent_from(&self, directory: &Path) -> bool {
        let names = self.names.iter().filter(|name| name.absent);
        let mut found = names
            .map(|name| directory.join(&name.key).symlink_metadata())
            .peekable();
        found.peek().is_some()
            && found.all(|found| found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound))
    }

    /// Why it failed, with the first names.
    pub(crate) fn told(&self) -> String {
        // Names in them are printable already.
        let why = self.why.as_deref().map(printable_text);
        let mut text = why.unwrap_or_else(|| entries(self.entries));
        let names = self.names.iter().take(MOST_NAMES);
        for (number, name) in names.enumerate() {
            text += if number == 0 { ": " } else { "; " };
            text += &printable_text(&name.error);
        }
        if self.names.len() > MOST_NAMES || self.entries > self.names.len() as u64 {
            text += "; …";
        }
        text
    }
}

/// Whether so many entries that failed would fail in the same way once more: some are no longer
/// what was planned, and only those are in the way of the rest.
pub(super) fn would_fail_again(entries: u64, outdated: u64, blocked: u64) -> bool {
    outdated > 0 && outdated + blocked == entries
}

#[cfg(test)]
mod tests {
    use sync_core::text::printable;

    use super::*;

    /// An attempt at which one entry was not found, which it names or not.
    fn absent(names: &[&str]) -> FailedFile {
        let named = |name: &&str| FailedEntry {
            key: (*name).to_owned(),
            error: String::new(),
            absent: *name == "absent",
        };
        FailedFile {
            by: Signature::of("run", 0, 1),
            why: None,
            refused: false,
            entries: 2,
            not_written: 0,
            outdated: 1,
            absent: 1,
            blocked: 0,
            names: names.iter().map(named).collect(),
            report: Done::default(),
        }
    }

    #[test]
    fn names_in_errors_are_escaped_once() {
        let mut failed = absent(&["absent"]);
        failed.names[0].error = format!("'{}' was removed\u{1b}", printable("e\nvil\\"));
        assert_eq!(failed.told(), r"2 entries: 'e\nvil\\' was removed\u{1b}; …");
        failed.why = Some(failed.names.remove(0).error);
        assert_eq!(failed.told(), r"'e\nvil\\' was removed\u{1b}; …");
    }

    #[test]
    fn a_machine_lacks_what_was_not_found_only_if_that_is_named() {
        let top = tempfile::tempdir().unwrap();
        assert!(absent(&["changed", "absent"]).is_absent_from(top.path()));
        // Or no machine would ever try again.
        assert!(!absent(&["changed"]).is_absent_from(top.path()));
        assert!(!absent(&[]).is_absent_from(top.path()));
        std::fs::write(top.path().join("absent"), "").unwrap();
        assert!(!absent(&["changed", "absent"]).is_absent_from(top.path()));
    }
}
