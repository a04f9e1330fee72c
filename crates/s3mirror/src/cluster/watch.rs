//! Beside an attempt: a thread that writes how far it is, and looks whether another
//! one has done the same work.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::directory::RunDirectory;
use super::files::{BeatFile, FINISHED, now};
use super::shard::Task;
use crate::progress::Progress;

/// How often it looks for the work of others.
const LOOK: Duration = Duration::from_secs(1);

/// How often it writes how far it is: a thousand shards at once are 100 small files
/// a second.
const BEAT: Duration = Duration::from_secs(10);

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
            let mut beat = Instant::now();
            let write = || {
                // One that is not written makes others wait, or do the same work.
                let _ = directory.replace(&shard.beat(attempt), &state_of(&progress));
            };
            write();
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if directory.has(&shard.done()) || directory.has(FINISHED) {
                    sender.send_replace(true);
                    return;
                }
                if beat.elapsed() >= BEAT {
                    beat = Instant::now();
                    write();
                }
            }
            write();
        };
        // Without it, a twin would only do the same work again.
        let thread = thread::Builder::new().name("beat".to_owned()).spawn(work);
        Self {
            ends: Some(ends),
            thread: thread.ok(),
            superseded,
        }
    }

    /// Ready when another attempt has done the work.
    pub(crate) fn superseded(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut superseded = self.superseded.clone();
        async move {
            if superseded.wait_for(|is_so| *is_so).await.is_err() {
                // The thread has ended for another reason.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Whether another attempt has done the work.
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

fn state_of(progress: &Progress) -> BeatFile {
    let snapshot = progress.snapshot();
    BeatFile {
        at: now(),
        transfers: snapshot.files,
        bytes: snapshot.bytes,
        failed: snapshot.failed,
        listed: snapshot.listed.source + snapshot.listed.target,
    }
}
