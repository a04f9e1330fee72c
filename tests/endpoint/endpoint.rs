//! The handle that tests hold: starts the server, stops it, and reaches all
//! that can be prepared or looked at.

use std::{
    io,
    ops::Deref,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tokio::{runtime::Builder, sync::oneshot};

use crate::{
    config::Config,
    entry::Entry,
    faults::{Fault, Hits},
    log::Log,
    server::{Server, listen},
    state::State,
};

/// How long requests in flight may hold up the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// A running server; it stops when this is dropped.
///
/// It dereferences to its [`State`], which has the methods that prepare and
/// inspect buckets.
#[derive(Debug)]
pub struct Endpoint {
    server: Arc<Server>,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Starts a server on a thread and a runtime of its own, so that it can be
    /// used from any test, asynchronous or not.
    ///
    /// # Errors
    /// If the port is taken, or the log file cannot be opened.
    pub fn start(config: Config) -> io::Result<Self> {
        let log = Log::new(config.keep_log, config.log_file.as_deref())?;
        let (port, threads) = (config.port, config.threads.max(1));
        let server = Arc::new(Server::new(Arc::new(State::new(config)), log));
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let serving = Arc::clone(&server);
        let thread = thread::Builder::new()
            .name("s3-endpoint".to_owned())
            .spawn(move || run(serving, port, threads, &ready, stopped))?;
        let port = started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the server's thread has died")))?;
        Ok(Self {
            server,
            port,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address for clients, such as `http://127.0.0.1:4711`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sets how far the server's clock is ahead of the system's: its `Date`
    /// headers and every `LastModified` from now on.
    pub fn set_clock_offset(&self, offset: TimeDelta) {
        self.server.state.clock.set_offset(offset);
    }

    /// Arms a fault; the result counts how often it was triggered.
    pub fn inject(&self, fault: Fault) -> Hits {
        self.server.faults.add(fault)
    }

    /// Disarms all faults.
    pub fn clear_faults(&self) {
        self.server.faults.clear();
    }

    /// All requests since the start or the last [`Endpoint::clear_log`], in
    /// the order of their arrival.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.server.log.all()
    }

    /// Forgets the requests until now.
    pub fn clear_log(&self) {
        self.server.log.clear();
    }

    /// How many requests of an operation the log has.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.server.log.count(operation)
    }

    /// The log for people, one request a line.
    #[must_use]
    pub fn transcript(&self) -> String {
        let lines = self.log().into_iter();
        lines.map(|entry| format!("{entry}\n")).collect()
    }

    /// Waits until the log has so many requests of an operation.
    ///
    /// # Errors
    /// The [transcript](Self::transcript), if that takes longer than `limit`.
    pub fn wait_for(&self, operation: &str, count: usize, limit: Duration) -> Result<(), String> {
        let since = Instant::now();
        while self.count(operation) < count {
            if since.elapsed() > limit {
                let requests = self.transcript();
                return Err(format!(
                    "{count} {operation} expected within {limit:?}; the requests were:\n{requests}"
                ));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The content of the server.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.server.state
    }
}

impl Deref for Endpoint {
    type Target = State;

    fn deref(&self) -> &State {
        self.state()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed, and matters no more.
            let _ = thread.join();
        }
    }
}

/// The life of the server's thread.
fn run(
    server: Arc<Server>,
    port: u16,
    threads: usize,
    ready: &mpsc::Sender<io::Result<u16>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error))),
    };
    runtime.block_on(async {
        let bound = listen(port).and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        match bound {
            Err(error) => drop(ready.send(Err(error))),
            Ok((port, listener)) => {
                drop(ready.send(Ok(port)));
                tokio::select! {
                    never = server.serve(listener) => match never {},
                    // Both a message and the end of its sender mean stop.
                    _ = stopped => {}
                }
            }
        }
    });
    runtime.shutdown_timeout(PATIENCE);
}
