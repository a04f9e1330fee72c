//! Whether the file that is to be replaced is the version that the plan expects.

use sync_core::{Entry, ErrorKind, Expected, Key, NewEntry, Result, StoreError};

use super::temporary::outcome::Outcome;
use crate::change_detection::ChangeDetector;
use crate::error::{changed, refused};
use crate::sys::meta::Meta;

/// Whether `found`, a regular file, is what the planner saw.
pub(crate) fn expect(
    detector: &ChangeDetector,
    found: &Meta,
    entry: &NewEntry,
    expected: &Expected,
) -> Result<()> {
    let path = entry.key.as_str().as_bytes();
    match expected {
        Expected::Absent => Err(appeared(&entry.key)),
        Expected::Version(seen) if detector.is_version_rechecked(path, found, seen) => Ok(()),
        Expected::Version(_) => Err(changed(&entry.key)),
    }
}

/// Whether `found`, a link, is what the planner saw, if it saw a link. One that
/// was skipped is replaced, whatever it names.
pub(crate) fn expect_link(
    detector: &ChangeDetector,
    found: &Meta,
    entry: &NewEntry,
    expected: &Expected,
) -> Result<()> {
    match expected {
        Expected::Version(Entry {
            link: Some(link), ..
        }) if !detector.is_marked(found, &link.mark) => Err(changed(&entry.key)),
        _ => Ok(()),
    }
}

/// The error of a file that changed in the last moment.
pub(crate) fn as_expected(key: &Key, outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Changed => Err(changed(key)),
        Outcome::Moved(name) => Err(changed(key).with_hint(format!(
            "it changed again meanwhile: one of its versions is beside it, as '{name}'"
        ))),
    }
}

pub(crate) fn appeared(key: &Key) -> StoreError {
    refused(
        ErrorKind::Changed,
        format!("'{key}' appeared since it was listed"),
    )
}
