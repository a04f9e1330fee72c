//! The thread that shows a run from time to time, and on a signal.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use signal_hook::low_level::{pipe, unregister};
use signal_hook::{SigId, consts};

/// The bars are drawn so often, and the speed is measured.
const REDRAW: Duration = Duration::from_millis(200);

/// A line is written so often.
const LOG: Duration = Duration::from_secs(10);

/// Ends the thread. A signal writes another byte.
const END: u8 = 0;

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
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
    handlers: Vec<SigId>,
}

impl Ticker {
    /// A thread of its own: the main one may be busy for long, or wait for an
    /// answer.
    pub(super) fn start(view: &Arc<impl ProgressView>) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        woken.set_read_timeout(Some(REDRAW))?;
        let handlers = ASKED_BY.iter().map(|signal| {
            // A signal writes a byte.
            pipe::register(*signal, wake.try_clone()?)
        });
        let handlers = handlers.collect::<io::Result<_>>()?;
        let view = Arc::clone(view);
        let thread = thread::Builder::new().name("progress".to_owned());
        Ok(Self {
            wake,
            thread: Some(thread.spawn(move || run(&*view, woken))?),
            handlers,
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            unregister(handler);
        }
        // It fails only if the thread has ended.
        let _ = self.wake.write(&[END]);
        if let Some(thread) = self.thread.take() {
            // It has nothing to report that was not reported.
            let _ = thread.join();
        }
    }
}

fn run(view: &impl ProgressView, mut woken: UnixStream) {
    let mut logged = Instant::now();
    view.redraw();
    loop {
        let mut bytes = [0; 64];
        match woken.read(&mut bytes) {
            Ok(count) if count == 0 || bytes[..count].contains(&END) => return,
            Ok(_) => view.dump(),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => return,
            },
        }
        if logged.elapsed() >= LOG {
            logged = Instant::now();
            view.log_line();
        }
        view.redraw();
    }
}
