//! Beside an attempt: a thread that writes how far it is, and looks whether another
//! one has done the same work, or the run is ended without it.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::directory::RunDirectory;
use super::files::{ENDING, FINISHED, HeartbeatFile, now};
use super::shard::Task;
use crate::progress::Progress;

/// How often it looks for the work of others.
const LOOK: Duration = Duration::from_secs(1);

/// How often it writes how far it is: a thousand shards at once are 100 small files
/// a second.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The thread; it ends when this is dropped.
pub(crate) struct Watcher {
    ends: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    superseded: watch::Receiver<bool>,
}

impl Watcher {
    /// Begins to watch an attempt at a task.
    pub(crate) fn begin(
        directory: RunDirectory,
        shard: impl Task,
        attempt: u32,
        progress: Arc<Progress>,
    ) -> Self {
        let (ends, ended) = mpsc::channel();
        let (sender, superseded) = watch::channel(false);
        let work = move || {
            let write = || {
                // One that is not written makes others wait, or do the same work.
                let _ = directory.replace(&shard.heartbeat(attempt), &state_of(&progress));
            };
            write();
            let mut written = Instant::now();
            loop {
                let over = [&*shard.done(), ENDING, FINISHED];
                if over.iter().any(|name| directory.has(name)) {
                    sender.send_replace(true);
                    return;
                }
                if ended.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
                    return write();
                }
                if written.elapsed() >= HEARTBEAT {
                    written = Instant::now();
                    write();
                }
            }
        };
        // Without it, two attempts would only do the same work.
        let thread = thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(work);
        Self {
            ends: Some(ends),
            thread: thread.ok(),
            superseded,
        }
    }

    /// Ready when another attempt has done the work, or the run ends without it.
    pub(crate) fn superseded(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut superseded = self.superseded.clone();
        async move {
            if superseded.wait_for(|is_so| *is_so).await.is_err() {
                // The thread has ended for another reason.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether another attempt has done the work, or the run ends without it.
    pub(crate) fn is_superseded(&self) -> bool {
        *self.superseded.borrow()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.ends = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn state_of(progress: &Progress) -> HeartbeatFile {
    let snapshot = progress.snapshot();
    HeartbeatFile {
        at: now(),
        transfers: snapshot.files,
        bytes: snapshot.bytes,
        failed: snapshot.failed,
        listed: snapshot.listed.source + snapshot.listed.target,
    }
}
