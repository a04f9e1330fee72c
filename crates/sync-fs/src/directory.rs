//! The state that all operations on one directory share.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use sync_core::{Key, Result, printable};

use crate::change_detection::Trust;
use crate::error::{cannot_open, failed};
use crate::list::own_files::OwnFiles;
use crate::options::FsOptions;
use crate::sys::batch_sync::Syncer;
use crate::sys::root::Root;
use crate::trash::Trash;
use crate::write::commit_queue::CommitQueue;
use crate::write::parents::NewDirectories;
use crate::write::shortfalls::Notes;
use crate::write::unwritable::Refusals;

/// What every operation needs.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) root: Arc<Root>,
    pub(crate) options: FsOptions,
    pub(crate) commits: CommitQueue,
    pub(crate) syncer: Syncer,
    /// See [`NewDirectories`].
    pub(crate) new_directories: NewDirectories,
    /// What files are known again by.
    pub(crate) trust: Arc<Trust>,
    /// Which file systems take nothing more.
    pub(crate) refusals: Refusals,
    /// What the file system did not let us do.
    pub(crate) notes: Notes,
    /// Where what is replaced or removed is kept.
    pub(crate) trash: Option<Trash>,
    /// Files of our own that the last full listing met.
    own_files: Mutex<OwnFiles>,
}

impl Directory {
    /// Opens nothing yet.
    pub(crate) fn new(root: &Path, options: FsOptions) -> Self {
        Self {
            root: Arc::new(Root::new(root)),
            options,
            commits: CommitQueue::default(),
            syncer: Syncer::default(),
            new_directories: NewDirectories::default(),
            trust: Arc::new(Trust::new(options)),
            refusals: Refusals::default(),
            notes: Notes::default(),
            trash: None,
            own_files: Mutex::default(),
        }
    }

    /// Whether the root exists; opens it when it has come into being.
    pub(crate) fn is_there(&self) -> Result<bool> {
        match self.root.open() {
            Ok(()) => Ok(true),
            // A link that names nothing is more likely an unmounted disk.
            Err(Errno::NOENT) if self.root.path().symlink_metadata().is_err() => Ok(false),
            Err(errno) => Err(cannot_open(self.root.path(), errno)),
        }
    }

    /// Makes the root if it is missing.
    pub(crate) fn create_root(&self) -> Result<()> {
        let durability = self.options.durability;
        self.root.create(durability).map_err(|error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            let shown = printable(&self.root.path().to_string_lossy());
            failed(format!("cannot make the directory '{shown}'"), errno)
        })
    }

    /// `written`, whose failure may concern all further writes.
    pub(crate) fn noted<T>(&self, key: &Key, written: Result<T>) -> Result<T> {
        if let Err(error) = &written {
            self.refusals.note(&self.root, key, error);
        }
        written
    }

    /// Keeps what a full listing found of our own files.
    pub(crate) fn remember(&self, own: OwnFiles) {
        *self.own_files() = own;
    }

    /// The left-over temporaries that the last full listing met.
    pub(crate) fn take_temporaries(&self) -> Vec<String> {
        std::mem::take(&mut self.own_files().temporaries)
    }

    /// The directories with a mark of an unfinished restore that it met.
    pub(crate) fn unfinished_restores(&self) -> Vec<String> {
        self.own_files().unfinished_restores.clone()
    }

    fn own_files(&self) -> MutexGuard<'_, OwnFiles> {
        self.own_files
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
