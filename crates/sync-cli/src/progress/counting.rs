//! The progress of a command that is no run: what it does, and how much of it is
//! done.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::screen;
use super::ticker::{ProgressView, Ticker};
use crate::Console;
use crate::output::Reporter;

/// Counts, and is shown as a run is, until it is dropped.
pub(crate) struct Counting {
    counter: Arc<Counter>,
    ticker: Option<Ticker>,
}

struct Counter {
    first: &'static str,
    /// What is counted then, and how many there are.
    then: OnceLock<(&'static str, u64)>,
    done: AtomicU64,
    bar: ProgressBar,
    reporter: Reporter,
}

impl Counting {
    /// Begins with `first`.
    pub(crate) fn begin(console: &Console, first: &'static str) -> io::Result<Self> {
        let bar = screen::bar(console);
        bar.set_style(ProgressStyle::default_spinner());
        let reporter = console.reporter().clone();
        if !bar.is_hidden() {
            reporter.streams.draw(&bar);
        }
        let counter = Arc::new(Counter {
            first,
            then: OnceLock::new(),
            done: AtomicU64::new(0),
            bar,
            reporter,
        });
        Ok(Self {
            ticker: Some(Ticker::start(&counter)?),
            counter,
        })
    }

    /// The next step is `then`, with `all` files.
    pub(crate) fn expect(&self, then: &'static str, all: u64) {
        // Only the first time counts.
        let _ = self.counter.then.set((then, all));
    }

    /// One more is done.
    pub(crate) fn count(&self) {
        self.counter.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        // The thread first, or it would draw again.
        self.ticker = None;
        self.counter.reporter.streams.end_drawing();
        self.counter.bar.finish_and_clear();
    }
}

impl Counter {
    fn line(&self) -> String {
        let Some((then, all)) = self.then.get() else {
            return self.first.to_owned();
        };
        let done = HumanCount(self.done.load(Ordering::Relaxed));
        format!("{then}: {done} of {} files", HumanCount(*all))
    }
}

impl ProgressView for Counter {
    fn dump(&self) {
        self.reporter.streams.note_at_once(self.line());
    }

    fn log_line(&self) {
        if self.bar.is_hidden() {
            self.reporter.progress(self.line());
        }
    }

    fn redraw(&self) {
        if !self.bar.is_hidden() {
            self.bar.set_message(self.line());
            self.bar.tick();
        }
    }
}
