//! The terminal on which progress is drawn, if there is one.

use std::io;

use anstream::ColorChoice;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::View;
use super::bars::{self, Paint};
use crate::Console;

/// A bar that is drawn there, if it may be.
pub(super) fn bar(console: &Console) -> ProgressBar {
    let target = if console.can_draw && console.reporter().has_notes() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    ProgressBar::with_draw_target(None, target)
}

/// What is drawn there: one bar of several lines.
pub(super) struct Screen {
    pub(super) bar: ProgressBar,
    paint: Paint,
}

impl Screen {
    pub(super) fn new(console: &Console) -> Self {
        let bar = bar(console);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let colors = match console.colors {
            ColorChoice::Auto => anstream::AutoStream::choice(&io::stderr()),
            chosen => chosen,
        };
        let paint = match colors {
            ColorChoice::Never => Paint::Plain,
            _ => Paint::Colored,
        };
        Self { bar, paint }
    }

    pub(super) fn is_there(&self) -> bool {
        !self.bar.is_hidden()
    }

    pub(super) fn show(&self, view: &View) {
        // Its width may change at any time.
        let columns = ::console::Term::stderr().size().1;
        let lines = bars::lines(view, columns.into(), self.paint);
        self.bar.set_message(lines.join("\n"));
        self.bar.tick();
    }
}
