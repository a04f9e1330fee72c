//! What systemd is told of a service of `Type=notify` (sd_notify(3)), in a few datagrams.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// The manager of this service, if there is one.
pub(crate) struct Service {
    manager: Option<(UnixDatagram, SocketAddr)>,
    /// When the watchdog has to be told that this process is alive.
    watchdog: Option<Interval>,
}

impl Service {
    /// The manager that the environment names.
    pub(crate) fn find() -> Self {
        let manager = std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name));
        let watchdog = manager.as_ref().and_then(|_| watchdog()).map(|every| {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
        Self { manager, watchdog }
    }

    /// It has started.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// What it does, in one line.
    pub(crate) fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace('\n', " ")));
    }

    /// It is about to end.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// Tells the watchdog that it is alive, whenever that is due. It never ends.
    pub(crate) async fn live(&mut self) {
        loop {
            match &mut self.watchdog {
                Some(ticks) => ticks.tick().await,
                None => std::future::pending().await,
            };
            self.send("WATCHDOG=1");
        }
    }

    /// A manager that does not listen is no reason to fail.
    fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.manager {
            let _ = socket.send_to_addr(message.as_bytes(), address);
        }
    }
}

fn connect(name: &OsStr) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name).ok()?,
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(rest).ok()?
        }
        _ => return None,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address))
}

/// How often the watchdog is told: twice in its time (sd_watchdog_enabled(3)).
fn watchdog() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let microseconds = number("WATCHDOG_USEC").filter(|time| *time > 1 && is_for_us)?;
    Some(Duration::from_micros(microseconds / 2))
}
