//! What a probe has written to the bucket.

use std::collections::BTreeSet;

use parking_lot::{Mutex, MutexGuard};

/// The objects and uploads that this probe may have written.
#[derive(Debug, Default)]
pub(super) struct Traces(Mutex<Made>);

#[derive(Debug, Default)]
pub(super) struct Made {
    /// Keys with the prefix that were written, or may have been.
    pub(super) keys: BTreeSet<String>,
    /// Versions of them, as far as the server named any.
    pub(super) versions: BTreeSet<(String, String)>,
    /// Uploads that were begun: key and identifier.
    pub(super) uploads: BTreeSet<(String, String)>,
    /// Whether an upload of unknown identifier may have been begun.
    pub(super) lost_upload: bool,
}

impl Traces {
    pub(super) fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.lock()
    }
}
