//! What is shown during a cycle.

use std::sync::Arc;

use s3mirror::{Event, Observer, Phase, Warning};

use crate::progress::Progress;

/// Shows all but failures, which the report of the cycle names: once, and not at each attempt.
pub(super) struct CycleObserver(pub(super) Arc<Progress>);

impl Observer for CycleObserver {
    fn phase(&self, phase: Phase) {
        self.0.phase(phase);
    }

    fn event(&self, event: Event<'_>) {
        match event {
            Event::Failed { key, error } => self.0.tell_programs_of_failure(key, error),
            event => self.0.event(event),
        }
    }

    fn warning(&self, warning: &Warning) {
        self.0.warning(warning);
    }
}
