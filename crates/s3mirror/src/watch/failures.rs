//! Notes which keys have failed, and passes everything on.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use sync_core::execute::Event;

use crate::mirror::Report;
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

    /// The keys that failed, if nothing else is wrong with what was done.
    pub(super) fn all_of(&self, report: &Report) -> Option<BTreeSet<String>> {
        let done = &report.execution;
        let is_all =
            done.deletions_withheld.is_none() && done.not_written == 0 && !report.source_incomplete;
        let failed = self.failed.lock();
        (is_all && failed.len() as u64 == done.failed).then(|| failed.clone())
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
