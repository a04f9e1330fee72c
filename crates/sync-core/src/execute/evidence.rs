//! How likely it is that an earlier execution has done the next transfer (`earlier.rs`).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// After so many looks in a row that find nothing, transfers are no longer looked at
/// beforehand: an earlier execution has come this far.
const LOOKS: u32 = 64;

/// How likely it is that an earlier execution has done the next transfer.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    looks_left: AtomicU32,
}

impl Evidence {
    pub(super) fn record(&self, is_done: bool) {
        if is_done {
            self.looks_left.store(LOOKS, Relaxed);
        } else {
            let less = |looks: u32| looks.checked_sub(1);
            let _ = self.looks_left.fetch_update(Relaxed, Relaxed, less);
        }
    }

    pub(super) fn is_likely(&self) -> bool {
        self.looks_left.load(Relaxed) > 0
    }
}
