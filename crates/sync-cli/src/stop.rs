//! SIGINT, SIGTERM and SIGHUP: the first one stops a run cleanly, a second one ends the
//! process at once. So does one before anything was changed, once those have
//! been told who are to know of the end of a run.

use std::fs;
use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;

use parking_lot::Mutex;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::Exit;

/// Sent when a file grows beyond `ulimit -f`. The number is the same on Linux
/// and macOS.
const SIGXFSZ: i32 = 25;

/// What is done before the process is ended from outside.
type Farewell = Box<dyn FnOnce(Exit) + Send>;

/// Listens for signals from its making on.
#[derive(Clone)]
pub(crate) struct Stop(Arc<State>);

struct State {
    /// Whether there is something to stop cleanly.
    working: AtomicBool,
    /// The exit status of the first signal, 0 before it.
    code: AtomicU8,
    asked: Notify,
    farewell: Mutex<Option<Farewell>>,
}

impl Stop {
    /// Begins to listen, on a thread of its own: the main one waits for the
    /// answer to a question, or is busy with a listing.
    pub(crate) fn listen() -> io::Result<Self> {
        let stop = Self(Arc::new(State {
            working: AtomicBool::new(false),
            code: AtomicU8::new(0),
            asked: Notify::new(),
            farewell: Mutex::default(),
        }));
        let listener = stop.clone();
        let (ready, is_ready) = mpsc::channel();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                // Where nobody waits for the outcome, the process is ending.
                if let Err(error) = listener.serve(&ready) {
                    let _ = ready.send(Err(error));
                }
            })?;
        is_ready.recv().map_err(io::Error::other)??;
        Ok(stop)
    }

    fn serve(self, ready: &mpsc::Sender<io::Result<()>>) -> io::Result<()> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let interrupts = signal(SignalKind::interrupt())?;
            let terminations = signal(SignalKind::terminate())?;
            // `nohup` and its likes have it ignored, and that is to stay so.
            let hangups = match ignores_hangup() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            };
            // A write beyond the limit of a file's size shall fail, not kill.
            drop(signal(SignalKind::from_raw(SIGXFSZ))?);
            let _ = ready.send(Ok(()));
            tokio::join!(
                self.clone().obey(interrupts, Exit::Interrupted),
                self.clone().obey(terminations, Exit::Terminated),
                async {
                    if let Some(hangups) = hangups {
                        self.clone().obey(hangups, Exit::HungUp).await;
                    }
                },
            );
            Ok(())
        })
    }

    async fn obey(self, mut signals: Signal, exit: Exit) {
        while signals.recv().await.is_some() {
            let first = self.0.code.swap(exit.code(), SeqCst) == 0;
            if !first {
                std::process::exit(exit.code().into());
            }
            if self.0.working.load(SeqCst) {
                self.0.asked.notify_waiters();
            } else {
                self.end(exit);
            }
        }
    }

    /// Ends the process, after its farewell. That has a thread of its own, for
    /// it may take long, and a second signal must be heard meanwhile.
    fn end(&self, exit: Exit) {
        let farewell = self.farewell().take();
        let end = move || {
            if let Some(farewell) = farewell {
                farewell(exit);
            }
            std::process::exit(exit.code().into());
        };
        if thread::Builder::new().spawn(end).is_err() {
            std::process::exit(exit.code().into());
        }
    }

    /// What is done if a signal ends the process before there is anything to
    /// stop cleanly.
    pub(crate) fn before_the_end(&self, farewell: impl FnOnce(Exit) + Send + 'static) {
        *self.farewell() = Some(Box::new(farewell));
    }

    fn farewell(&self) -> parking_lot::MutexGuard<'_, Option<Farewell>> {
        self.0.farewell.lock()
    }

    /// Ready at the first signal. As soon as somebody waits for it, there is
    /// something to stop cleanly.
    pub(crate) fn asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let state = Arc::clone(&self.0);
        async move {
            state.working.store(true, SeqCst);
            // In this order: a signal in between is noticed by either.
            let asked = state.asked.notified();
            if state.code.load(SeqCst) == 0 {
                asked.await;
            }
        }
    }

    /// How to exit, if a signal has come.
    pub(crate) fn exit(&self) -> Option<Exit> {
        let of = |exit: Exit| (self.0.code.load(SeqCst) == exit.code()).then_some(exit);
        [Exit::HungUp, Exit::Interrupted, Exit::Terminated]
            .into_iter()
            .find_map(of)
    }
}

/// Whether whoever started us has SIGHUP ignored.
fn ignores_hangup() -> bool {
    match fs::read_to_string("/proc/self/status") {
        Ok(status) => is_ignored(&status),
        // A shell inherits it as we did: it survives its own signal then.
        Err(_) => Command::new("sh")
            .args(["-c", "kill -s HUP $$"])
            .status()
            .is_ok_and(|status| status.success()),
    }
}

/// By the mask of ignored signals, of which SIGHUP, 1, is the lowest bit (proc(5)).
fn is_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_bit_of_the_mask_is_the_hangup() {
        for (mask, ignored) in [
            ("0000000000001000", false),
            ("0000000000001001", true),
            ("x", false),
        ] {
            let status = format!("Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\n");
            assert_eq!(is_ignored(&status), ignored, "{mask}");
        }
        assert!(!is_ignored(""));
    }
}
