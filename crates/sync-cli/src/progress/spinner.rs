//! Shows on a terminal that something goes on, where there is no run to watch.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Console;
use crate::options::OutputArgs;
use crate::streams::Streams;

/// Turns until it is dropped.
pub(crate) struct Spinner {
    bar: ProgressBar,
    streams: Streams,
}

impl Spinner {
    pub(crate) fn begin(console: &Console, output: &OutputArgs, message: &'static str) -> Self {
        let target = if console.can_draw && !output.quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::default_spinner());
        bar.set_message(message);
        let streams = console.streams().clone();
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
            streams.draw(&bar);
        }
        Self { bar, streams }
    }

    /// Says something else; where nobody sees it, `message` is not even made.
    pub(crate) fn say(&self, message: impl FnOnce() -> String) {
        if !self.bar.is_hidden() {
            self.bar.set_message(message());
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.streams.end_drawing();
        self.bar.finish_and_clear();
    }
}
