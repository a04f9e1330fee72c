//! The progress of a run.
//!
//! The counters are those of the mirror. A thread reads them, draws bars where
//! there is a terminal, writes a line every ten seconds where there is none, and
//! writes the whole state on SIGUSR1 (on BSD and macOS also on SIGINFO, as by
//! Ctrl-T). Single entries, failures above all, are reported at once by the
//! observer.

mod bars;
mod counting;
mod estimate;
mod plain;
#[cfg(test)]
mod samples;
mod screen;
mod ticker;
mod view;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use s3mirror::{Event, Observer, Phase, Warning};
use sync_core::{Key, StoreError};

pub(crate) use counting::Counting;
pub(crate) use view::{Figures, View};

use crate::Console;
use crate::output::Reporter;
use crate::output::json::Line;
use crate::output::text::{self, Words};
use estimate::{Estimate, Work};
use screen::Screen;
use ticker::ProgressView;

/// Watches a run from its beginning until it is ended or dropped.
pub(crate) struct Progress {
    watch: Arc<Watch>,
    words: Words,
    ticker: Mutex<Option<ticker::Ticker>>,
}

/// What the run and the thread share.
struct Watch {
    counters: Arc<s3mirror::Progress>,
    begun: Instant,
    reporter: Reporter,
    screen: Screen,
    estimate: Mutex<Clocked>,
}

/// The speed since copying began.
#[derive(Default)]
struct Clocked {
    since: Option<Instant>,
    estimate: Estimate,
}

/// Who reads the lines of `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    /// Somebody who watches a run.
    Wanted,
    /// Somebody who takes them for a plan.
    Unwanted,
}

impl Progress {
    /// Begins to watch `counters`.
    pub(crate) fn begin(
        counters: Arc<s3mirror::Progress>,
        console: &Console,
        events: Events,
    ) -> io::Result<Self> {
        let direction = counters.snapshot().direction;
        let reporter = match events {
            Events::Wanted => console.reporter().clone(),
            Events::Unwanted => console.reporter().for_people(),
        };
        let watch = Arc::new(Watch {
            counters,
            begun: Instant::now(),
            reporter,
            screen: Screen::new(console),
            estimate: Mutex::default(),
        });
        watch.begin_drawing();
        Ok(Self {
            ticker: Mutex::new(Some(ticker::Ticker::start(&watch)?)),
            watch,
            words: Words::of(direction),
        })
    }

    /// Stops watching; nothing is left on the terminal.
    pub(crate) fn end(&self) {
        // The thread first, or it would draw again.
        drop(self.ticker().take());
        self.watch.end_drawing();
    }

    /// A line for programs about an entry that has failed.
    pub(crate) fn tell_programs_of_failure(&self, key: &Key, error: &StoreError) {
        self.reporter().event(&Line::Failed {
            key,
            error: error.to_string(),
        });
    }

    fn ticker(&self) -> parking_lot::MutexGuard<'_, Option<ticker::Ticker>> {
        self.ticker.lock()
    }

    fn reporter(&self) -> &Reporter {
        &self.watch.reporter
    }
}

impl Observer for Progress {
    fn phase(&self, phase: Phase) {
        if phase == Phase::Planned {
            // What follows is for reading, and perhaps for an answer.
            self.watch.end_drawing();
            return;
        }
        if phase == Phase::Copying {
            self.watch.clocked().since = Some(Instant::now());
        }
        self.watch.begin_drawing();
        self.watch.draw();
    }

    fn warning(&self, warning: &Warning) {
        // A deviation of the server does not change the outcome.
        let is_detail = matches!(warning, Warning::Server(_));
        if !is_detail || self.reporter().has_notes() {
            self.reporter().streams.warning(warning);
        }
    }

    fn event(&self, event: Event<'_>) {
        match event {
            Event::Transferred(transfer) => {
                let line = Line::Transferred {
                    key: &transfer.source.key,
                    bytes: transfer.source.size,
                    reason: transfer.reason,
                    overwritten: transfer.target.is_some(),
                };
                self.reporter()
                    .detail(&line, || self.words.transfer(transfer));
            }
            Event::AlreadyDone(transfer) => {
                let entry = &transfer.source;
                let line = Line::AlreadyDone {
                    key: &entry.key,
                    bytes: entry.size,
                };
                self.reporter().detail(&line, || text::already_done(entry));
            }
            Event::Deleted(entry) => {
                let line = Line::Deleted {
                    key: &entry.key,
                    bytes: entry.size,
                };
                self.reporter()
                    .detail(&line, || self.words.deletion(&entry.key));
            }
            Event::Growing(entry) => {
                self.reporter().text_detail(|| text::growing(&entry.key));
            }
            Event::NotWritten { entries, why } => {
                self.reporter()
                    .streams
                    .error(text::not_written(entries, why));
            }
            Event::Failed { key, error } => {
                self.tell_programs_of_failure(key, error);
                self.reporter().streams.error(error);
            }
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl Watch {
    fn view(&self) -> View {
        let now = self.counters.snapshot();
        let clocked = self.clocked();
        let left = Work::left_of(&now);
        View::of(
            now,
            self.begun.elapsed(),
            clocked.estimate.rate(),
            clocked.estimate.time_left(left),
        )
    }

    /// Measures the progress, for the speed.
    fn measure(&self) {
        let mut clocked = self.clocked();
        if let Some(since) = clocked.since {
            let done = Work::done_of(&self.counters.snapshot());
            clocked.estimate.see(since.elapsed(), done);
        }
    }

    fn begin_drawing(&self) {
        if self.screen.is_there() {
            self.screen.bar.reset();
            self.reporter.streams.draw(&self.screen.bar);
        }
    }

    /// Clears the terminal. A finished bar shows nothing, whoever draws it.
    fn end_drawing(&self) {
        self.reporter.streams.end_drawing();
        self.screen.bar.finish_and_clear();
    }

    fn draw(&self) {
        if self.screen.is_there() {
            self.screen.show(&self.view());
        }
    }

    fn tell_programs(&self, view: &View) {
        let line = Line::Progress(&view.figures);
        self.reporter.event_at_once(&line);
    }

    fn clocked(&self) -> parking_lot::MutexGuard<'_, Clocked> {
        self.estimate.lock()
    }
}

impl ProgressView for Watch {
    fn redraw(&self) {
        self.measure();
        self.draw();
    }

    fn log_line(&self) {
        let view = self.view();
        // Somebody may be thinking about an answer.
        if view.now.phase == Phase::Planned {
            return;
        }
        if !self.screen.is_there() {
            self.reporter.progress(plain::line(&view));
        }
        self.tell_programs(&view);
    }

    fn dump(&self) {
        self.measure();
        let view = self.view();
        self.reporter.streams.note_at_once(plain::lines(&view));
        self.tell_programs(&view);
    }
}
