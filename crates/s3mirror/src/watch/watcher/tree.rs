//! Adds a watch to each directory, on a thread of its own.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use sync_core::Selection;

use super::shared::Shared;
use crate::watch::schedule::FullCause;

/// The directories of a tree that are to be watched.
pub(super) struct Tree {
    root: PathBuf,
    watches: RecommendedWatcher,
    shared: Arc<Shared>,
    selection: Arc<Selection>,
}

/// What came of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Added {
    /// It is watched.
    Yes,
    /// It is gone, or no directory.
    Gone,
    /// It may not be read: a listing reports that.
    Unreadable,
    /// The system does not watch it, most often because it permits no more watches.
    Refused,
}

impl Tree {
    pub(super) fn new(
        root: PathBuf,
        watches: RecommendedWatcher,
        shared: Arc<Shared>,
        selection: Arc<Selection>,
    ) -> Self {
        Self {
            root,
            watches,
            shared,
            selection,
        }
    }

    /// Watches what is new until it is over.
    pub(super) fn run(mut self) {
        while let Some(directory) = self.shared.next() {
            let unwatched = self.watch(&directory);
            let shared = Arc::clone(&self.shared);
            shared.note(|state| {
                if directory.is_empty() {
                    // A full run follows.
                    state.unwatched = unwatched;
                    return;
                }
                if unwatched > 0 && state.unwatched == 0 {
                    state.full.get_or_insert(FullCause::WatchLimit);
                }
                state.unwatched += unwatched;
                // Only now: what is looked at must be watched already. It may have been gone
                // by the time of the look, after a run had copied something of it.
                state.touch_tree(&directory);
            });
        }
    }

    /// Watches `directory` and all below it, each before its names are read; returns how
    /// many the system does not watch.
    fn watch(&mut self, directory: &str) -> usize {
        let mut left = vec![directory.to_owned()];
        let mut unwatched = 0;
        while let Some(directory) = left.pop() {
            if self.shared.has_ended() {
                break;
            }
            let added = self.add(&directory);
            let mut state = self.shared.lock();
            match added {
                Added::Gone => continue,
                Added::Refused => unwatched += 1,
                Added::Yes => {
                    state.unreadable.remove(&directory);
                    state.directories.insert(directory.clone());
                }
                Added::Unreadable => {
                    state.unreadable.insert(directory.clone());
                    state.directories.insert(directory.clone());
                }
            }
            drop(state);
            if !self.read(&directory, &mut left) {
                unwatched += 1;
            }
        }
        unwatched
    }

    fn add(&mut self, directory: &str) -> Added {
        let path = self.root.join(directory);
        // The kernel would follow a link.
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Added::Unreadable;
            }
            _ => return Added::Gone,
        }
        let Err(error) = self.watches.watch(&path, RecursiveMode::NonRecursive) else {
            return Added::Yes;
        };
        match error.kind {
            ErrorKind::PathNotFound => Added::Gone,
            ErrorKind::Io(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Added::Gone,
                io::ErrorKind::PermissionDenied => Added::Unreadable,
                _ => Added::Refused,
            },
            _ => Added::Refused,
        }
    }

    /// Adds the directories in `directory` to `left`. What may not be read, a listing reports;
    /// false if the names are not known for another reason, as the lack of a free file
    /// descriptor.
    fn read(&self, directory: &str, left: &mut Vec<String>) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
        let entries = match fs::read_dir(self.root.join(directory)) {
            Ok(entries) => entries,
            Err(error) => {
                return matches!(error.kind(), NotFound | NotADirectory | PermissionDenied);
            }
        };
        let mut is_known = true;
        for entry in entries {
            let Ok(entry) = entry else {
                is_known = false;
                continue;
            };
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let path = match directory {
                "" => name.to_owned(),
                _ => format!("{directory}/{name}"),
            };
            if !self.selection.prunes(&path) {
                left.push(path);
            }
        }
        is_known
    }
}
