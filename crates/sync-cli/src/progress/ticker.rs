//! The thread that looks at a run from time to time, and when it is asked to.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

/// Bars are drawn so often, and the speed is measured.
const LOOK: Duration = Duration::from_millis(200);

/// A line is written so often.
const TELL: Duration = Duration::from_secs(10);

/// What is looked at.
pub(super) trait Seen: Send + Sync + 'static {
    /// Shows how far it is, on a terminal.
    fn look(&self);

    /// Writes a line, for those who have no terminal.
    fn tell(&self);

    /// Says all of it, for who asked.
    fn answer(&self);
}

/// Runs until it is dropped.
pub(super) struct Ticker {
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// A thread of its own: the main one may be busy for long, or wait for an
    /// answer.
    pub(super) fn start(seen: &Arc<impl Seen>) -> io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let seen = Arc::clone(seen);
        let thread = thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                if let Err(error) = serve(&*seen, ended, &ready) {
                    let _ = ready.send(Err(error));
                }
            })?;
        // Before that a signal would end the process.
        is_ready.recv().map_err(io::Error::other)??;
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that has not been said.
            let _ = thread.join();
        }
    }
}

fn serve(
    seen: &impl Seen,
    mut ended: oneshot::Receiver<()>,
    ready: &mpsc::Sender<io::Result<()>>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let mut asked = signal(SignalKind::user_defined1())?;
        let mut asked_by_key = info()?;
        let _ = ready.send(Ok(()));
        let mut look = interval(LOOK);
        let mut tell = interval_at(Instant::now() + TELL, TELL);
        for interval in [&mut look, &mut tell] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                biased;
                _ = &mut ended => return Ok(()),
                _ = asked.recv() => seen.answer(),
                () = received(asked_by_key.as_mut()) => seen.answer(),
                _ = tell.tick() => seen.tell(),
                _ = look.tick() => seen.look(),
            }
        }
    })
}

/// SIGINFO, where a key of the terminal sends it.
#[cfg(any(
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
fn info() -> io::Result<Option<Signal>> {
    signal(SignalKind::info()).map(Some)
}

/// Linux has no such signal.
#[cfg(not(any(
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
)))]
#[allow(clippy::unnecessary_wraps, reason = "as where there is one")]
fn info() -> io::Result<Option<Signal>> {
    Ok(None)
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
