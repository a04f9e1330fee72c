//! The thread that looks at a run from time to time, and when it is asked to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_hook::{SigId, consts, flag, low_level};

/// The bars are drawn so often, and the speed is measured.
const REDRAW: Duration = Duration::from_millis(200);

/// A line is written so often.
const LOG: Duration = Duration::from_secs(10);

/// SIGUSR1, and SIGINFO where a key of the terminal sends it.
const ASKED_BY: &[i32] = &[
    consts::SIGUSR1,
    #[cfg(any(
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "macos",
        target_os = "netbsd",
        target_os = "openbsd"
    ))]
    consts::SIGINFO,
];

/// What is shown of a run.
pub(super) trait ProgressView: Send + Sync + 'static {
    /// Shows the progress, on a terminal.
    fn redraw(&self);

    /// Writes a line, where there is no terminal.
    fn log_line(&self);

    /// Writes all of it, because somebody asked.
    fn dump(&self);
}

/// Runs until it is dropped.
pub(super) struct Ticker {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    handlers: Vec<SigId>,
}

impl Ticker {
    /// A thread of its own: the main one may be busy for long, or wait for an
    /// answer.
    pub(super) fn start(view: &Arc<impl ProgressView>) -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let handlers = ASKED_BY
            .iter()
            .map(|signal| flag::register(*signal, asked.clone()));
        let handlers = handlers.collect::<io::Result<_>>()?;
        let (end, ended) = mpsc::channel();
        let view = Arc::clone(view);
        let run = move || {
            let mut logged = Instant::now();
            view.redraw();
            while ended.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                if asked.swap(false, Relaxed) {
                    view.dump();
                }
                if logged.elapsed() >= LOG {
                    logged = Instant::now();
                    view.log_line();
                }
                view.redraw();
            }
        };
        let thread = thread::Builder::new().name("progress".to_owned());
        Ok(Self {
            end: Some(end),
            thread: Some(thread.spawn(run)?),
            handlers,
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to report that was not reported.
            let _ = thread.join();
        }
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}
