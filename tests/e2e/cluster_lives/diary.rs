//! What has happened in a life, printed if it fails.

use std::{thread, time::Instant};

/// The steps of a life, with their times.
pub(super) struct Diary {
    began: Instant,
    lines: Vec<String>,
}

impl Diary {
    pub(super) fn new() -> Self {
        let (began, lines) = (Instant::now(), Vec::new());
        Self { began, lines }
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        let (at, what) = (self.began.elapsed().as_secs_f64(), what.into());
        self.lines.push(format!("{at:7.3} s: {what}"));
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("what happened:\n{}", self.lines.join("\n"));
        }
    }
}
