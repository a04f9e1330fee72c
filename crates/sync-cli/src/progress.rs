//! What is seen while a plan is executed: a bar on a terminal, failures at
//! once, and with `--verbose` each entry when it is done.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sync_core::{Counts, Event, Observer};

use crate::options::OutputArgs;
use crate::text::Words;
use crate::{Console, json};

/// Bytes, files, rate and time left.
const BAR: &str = "{bar:28} {bytes}/{total_bytes}  {msg} files  {bytes_per_sec}  {eta} left";

/// Shows the events of an execution.
pub(crate) struct Progress<'a> {
    console: Mutex<&'a mut Console>,
    bar: ProgressBar,
    words: Words,
    output: &'a OutputArgs,
    files: Mutex<Files>,
}

struct Files {
    done: u64,
    all: u64,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(
        console: &'a mut Console,
        counts: &Counts,
        words: Words,
        output: &'a OutputArgs,
    ) -> Self {
        let transfers = counts.created() + counts.overwritten();
        let bar =
            ProgressBar::with_draw_target(Some(transfers.bytes), draw_target(console, output));
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        let files = Files {
            done: 0,
            all: transfers.entries,
        };
        let progress = Self {
            console: Mutex::new(console),
            bar,
            words,
            output,
            files: Mutex::new(files),
        };
        progress.count(0);
        progress
    }

    fn count(&self, done: u64) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.done += done;
        // Without a terminal nobody reads it, so it is not even written.
        if !self.bar.is_hidden() {
            self.bar
                .set_message(format!("{}/{}", files.done, files.all));
        }
    }

    fn show(&self, show: impl FnOnce(&mut Console)) {
        self.bar.suspend(|| show(&mut self.console()));
    }

    fn console(&self) -> MutexGuard<'_, &'a mut Console> {
        self.console.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self, line: impl FnOnce() -> String) {
        if self.output.verbose > 0 && !self.output.json {
            self.show(|console| console.line(line()));
        }
    }
}

impl Observer for Progress<'_> {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Progress { bytes, .. } => self.bar.inc(bytes),
            Event::Transferred(transfer) => {
                self.count(1);
                self.done(|| self.words.transfer(transfer));
            }
            Event::Deleted(entry) => self.done(|| self.words.deletion(&entry.key)),
            Event::Failed { key, error } => self.show(|console| {
                if self.output.json {
                    json::failure(console, key, error);
                }
                console.error(error);
            }),
            _ => {}
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shown while the stores are listed.
pub(crate) fn listing(console: &Console, output: &OutputArgs) -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, draw_target(console, output));
    spinner.set_style(ProgressStyle::default_spinner());
    spinner.set_message("listing both places");
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

fn draw_target(console: &Console, output: &OutputArgs) -> ProgressDrawTarget {
    if console.can_draw && !output.quiet {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}
