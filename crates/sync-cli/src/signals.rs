//! SIGINT, SIGTERM and SIGHUP: the first one stops a run cleanly, a second one
//! ends the process at once. So does one before anything was changed, after the
//! hooks for the end of a run.

use std::fs;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use parking_lot::Mutex;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

use crate::Exit;

/// What is done before a signal ends the process.
type Farewell = Box<dyn FnOnce(Exit) + Send>;

/// Listens for signals as soon as it exists.
#[derive(Clone)]
pub(crate) struct Stop(Arc<State>);

struct State {
    /// Whether there is something to stop cleanly.
    working: AtomicBool,
    /// The exit status of the first signal.
    asked: watch::Sender<Option<Exit>>,
    farewell: Mutex<Option<Farewell>>,
}

impl Stop {
    /// Begins to listen, on a thread of its own: the main one waits for the
    /// answer to a question, or is busy with a listing.
    pub(crate) fn listen() -> io::Result<Self> {
        // A write beyond the limit of a file's size must fail, not kill.
        let mut heard = vec![SIGINT, SIGTERM, SIGXFSZ];
        // `nohup` and its likes have it ignored, and that must stay so.
        if !ignores_hangup() {
            heard.push(SIGHUP);
        }
        let mut signals = Signals::new(heard)?;
        let stop = Self(Arc::new(State {
            working: AtomicBool::new(false),
            asked: watch::Sender::new(None),
            farewell: Mutex::default(),
        }));
        let listener = stop.clone();
        let listen = move || {
            for signal in signals.forever() {
                match signal {
                    SIGHUP => listener.obey(Exit::HungUp),
                    SIGINT => listener.obey(Exit::Interrupted),
                    SIGTERM => listener.obey(Exit::Terminated),
                    _ => {}
                }
            }
        };
        let thread = thread::Builder::new().name("signals".to_owned());
        thread.spawn(listen)?;
        Ok(stop)
    }

    fn obey(&self, exit: Exit) {
        let is_first = self.0.asked.send_if_modified(|asked| {
            let is_first = asked.is_none();
            asked.get_or_insert(exit);
            is_first
        });
        if !is_first {
            std::process::exit(exit.code().into());
        }
        if !self.0.working.load(SeqCst) {
            self.end(exit);
        }
    }

    /// Ends the process, after its farewell. That has a thread of its own, because
    /// it may take long, and a second signal must end the process meanwhile.
    fn end(&self, exit: Exit) {
        let farewell = self.0.farewell.lock().take();
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
        *self.0.farewell.lock() = Some(Box::new(farewell));
    }

    /// Ready at the first signal. As soon as somebody waits for it, there is
    /// something to stop cleanly.
    pub(crate) fn asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let state = Arc::clone(&self.0);
        async move {
            state.working.store(true, SeqCst);
            // It cannot fail: `state` holds the sender.
            let _ = state.asked.subscribe().wait_for(Option::is_some).await;
        }
    }

    /// The exit status, if a signal has arrived.
    pub(crate) fn exit(&self) -> Option<Exit> {
        *self.0.asked.borrow()
    }
}

/// Whether the parent process has SIGHUP ignored.
fn ignores_hangup() -> bool {
    match fs::read_to_string("/proc/self/status") {
        Ok(status) => is_ignored(&status),
        // A shell inherits that as this process did, and survives its own signal.
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
