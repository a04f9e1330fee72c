//! What a failed attempt says of itself.

use std::io;
use std::path::Path;

use sync_core::text::{entries, printable};

use super::files::FailedFile;

/// Names of failed entries in one line.
const MOST_NAMES: usize = 3;

impl FailedFile {
    /// Whether another attempt would fail in the same way.
    pub(crate) fn is_outdated(&self) -> bool {
        self.why.is_none() && self.entries > 0 && self.outdated == self.entries
    }

    /// Whether it would fail in the same way where what was not found is not found either.
    pub(crate) fn is_absent(&self) -> bool {
        self.why.is_none() && self.absent > 0 && self.outdated + self.absent == self.entries
    }

    /// Whether `directory` has nothing of what was not found, as far as that is named.
    pub(crate) fn is_absent_from(&self, directory: &Path) -> bool {
        let names = self.names.iter().filter(|name| name.absent);
        let mut found = names.map(|name| directory.join(&name.key).symlink_metadata());
        found.all(|found| found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound))
    }

    /// Why it failed, with the first names.
    pub(crate) fn told(&self) -> String {
        let why = self.why.as_deref().map(printable);
        let mut text = why.unwrap_or_else(|| entries(self.entries));
        let names = self.names.iter().take(MOST_NAMES);
        for (number, name) in names.enumerate() {
            text += if number == 0 { ": " } else { "; " };
            text += &printable(&name.error);
        }
        if self.names.len() > MOST_NAMES || self.entries > self.names.len() as u64 {
            text += "; …";
        }
        text
    }
}
