//! Notes which keys have failed, and passes everything on.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use sync_core::execute::Event;

use crate::observer::{Observer, Warning};
use crate::progress::Phase;

/// Names of failed keys that are noted; beyond that, all of the work is done again.
const MOST: usize = 10_000;

/// An observer before another one.
pub(super) struct Failures {
    next: Arc<dyn Observer>,
    failed: Mutex<BTreeSet<String>>,
}

impl Failures {
    pub(super) fn before(next: Arc<dyn Observer>) -> Arc<Self> {
        Arc::new(Self {
            next,
            failed: Mutex::default(),
        })
    }

    /// The keys that failed, if these are `count`.
    pub(super) fn all_of(&self, count: u64) -> Option<BTreeSet<String>> {
        let failed = self.failed.lock();
        (failed.len() as u64 == count).then(|| failed.clone())
    }
}

impl Observer for Failures {
    fn phase(&self, phase: Phase) {
        self.next.phase(phase);
    }

    fn event(&self, event: Event<'_>) {
        if let Event::Failed { key, .. } = &event {
            let mut failed = self.failed.lock();
            if failed.len() < MOST {
                failed.insert(key.as_str().to_owned());
            }
        }
        self.next.event(event);
    }

    fn warning(&self, warning: &Warning) {
        self.next.warning(warning);
    }
}
