//! Notes which keys have failed and why, and passes everything on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use sync_core::{Key, execute::Event};

use super::undone::{MOST, Undone};
use crate::mirror::Report;
use crate::observer::{Observer, Warning};
use crate::progress::Phase;

/// An observer before another one.
pub(super) struct Failures {
    next: Arc<dyn Observer>,
    /// The errors of at most `MOST` keys: if more have failed, all of the work is done again.
    failed: Mutex<BTreeMap<Key, String>>,
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
        let names = || failed.keys().map(|key| key.as_str().to_owned()).collect();
        (is_all && failed.len() as u64 == done.failed).then(names)
    }

    /// What has failed so far.
    pub(super) fn undone(&self) -> Vec<Undone> {
        let failed = self.failed.lock();
        let undone = failed.iter().map(|(key, error)| Undone::Failed {
            key: key.clone(),
            error: error.clone(),
        });
        undone.collect()
    }
}

impl Observer for Failures {
    fn phase(&self, phase: Phase) {
        self.next.phase(phase);
    }

    fn event(&self, event: Event<'_>) {
        if let Event::Failed { key, error } = &event {
            let mut failed = self.failed.lock();
            if failed.len() < MOST {
                failed.insert((*key).clone(), error.to_string());
            }
        }
        self.next.event(event);
    }

    fn warning(&self, warning: &Warning) {
        self.next.warning(warning);
    }
}
