//! Watches the directories of a tree, and hints at what may have changed in it.
//!
//! Each directory has a watch of its own, added here: the recursive mode of `notify` finds
//! the directories of a new tree, but does not say so, and what was created in them before is
//! lost. A directory is watched before it is looked at (`tree`), so that nothing falls
//! between. What the kernel reports becomes keys and directories that have to be looked at
//! (`hints`), and nothing else: whether anything has changed is found by a run.

mod hints;
mod shared;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use notify::{Config, RecommendedWatcher, Watcher as _};
use sync_core::Selection;

use super::dirty::Changes;
use super::schedule::{FullCause, Span};
use hints::Hints;
use shared::Shared;
use tree::Tree;

/// Watches a tree until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    shared: Arc<Shared>,
}

/// How far watching is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Directories that are watched.
    pub(super) directories: usize,
    /// Directories that are not, because the system permits no more watches.
    pub(super) unwatched: usize,
    /// Changes that wait.
    pub(super) dirty: usize,
}

impl Watcher {
    /// Begins to watch all of `root` that `selection` does not exclude; remembers changes
    /// in at most `memory` bytes.
    pub(super) fn start(
        root: &Path,
        selection: &Arc<Selection>,
        memory: usize,
    ) -> io::Result<Self> {
        let root: PathBuf = root.canonicalize()?;
        let shared = Arc::new(Shared::new(memory));
        let hints = Hints::new(root.clone(), Arc::clone(&shared), Arc::clone(selection));
        let watches = RecommendedWatcher::new(hints, Config::default()).map_err(to_io)?;
        let tree = Tree::new(root, watches, Arc::clone(&shared), Arc::clone(selection));
        let watcher = Self { shared };
        watcher.watch_all();
        let thread = thread::Builder::new().name("s3mirror-watch".to_owned());
        thread.spawn(move || tree.run())?;
        Ok(watcher)
    }

    /// Adds watches where there are none yet, in the whole tree.
    pub(super) fn watch_all(&self) {
        self.shared.watch_later(String::new());
    }

    /// Ready once every directory that is known is watched.
    pub(super) async fn ready(&self) {
        while self.shared.is_behind() {
            self.shared.changed().await;
        }
    }

    /// Ready when something has changed since.
    pub(super) async fn changed(&self) {
        self.shared.changed().await;
    }

    /// When the changes were seen that wait, if there are any and all are remembered.
    pub(super) fn changes(&self) -> Option<Span> {
        let state = self.shared.lock();
        state.span.filter(|_| !state.dirty.is_everything())
    }

    /// Why a full run is needed, if it is.
    pub(super) fn take_cause(&self) -> Option<FullCause> {
        let mut state = self.shared.lock();
        if state.dirty.is_everything() {
            return Some(FullCause::TooManyChanges);
        }
        state.full.take()
    }

    /// The changes that wait; from now on they are forgotten.
    pub(super) fn take(&self) -> Changes {
        let mut state = self.shared.lock();
        state.span = None;
        state.dirty.take()
    }

    /// Changes that were taken wait again.
    pub(super) fn put_back(&self, changes: Changes) {
        self.shared.put_back(changes);
    }

    pub(super) fn seen(&self) -> Seen {
        let state = self.shared.lock();
        Seen {
            directories: state.directories.len(),
            unwatched: state.unwatched,
            dirty: state.dirty.len(),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.end();
    }
}

/// The error of the system behind one of `notify`.
fn to_io(error: notify::Error) -> io::Error {
    match error.kind {
        notify::ErrorKind::Io(error) => error,
        _ => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests;
