//! What a probe has left in the bucket.

use std::collections::BTreeSet;

use parking_lot::{Mutex, MutexGuard};

/// What may be in the bucket because of us.
#[derive(Debug, Default)]
pub(super) struct Traces(Mutex<Made>);

#[derive(Debug, Default)]
pub(super) struct Made {
    /// Whole keys that were written, or may have been.
    pub(super) keys: BTreeSet<String>,
    /// Versions of them, as far as the server named any.
    pub(super) versions: BTreeSet<(String, String)>,
    /// Uploads that were begun: key and name.
    pub(super) uploads: BTreeSet<(String, String)>,
    /// Whether an upload may have been begun without our knowing its name.
    pub(super) lost_upload: bool,
}

impl Traces {
    pub(super) fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.lock()
    }
}
