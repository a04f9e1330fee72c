//! The state that all operations on one directory share.

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;
use sync_core::{Key, Result, text::printable};

use crate::change_detection::ChangeDetector;
use crate::error::{cannot_open, failed};
use crate::jobs::Jobs;
use crate::list::own_files::OwnFiles;
use crate::options::FsOptions;
use crate::sys::batch_sync::Syncer;
use crate::sys::root::Root;
use crate::trash::Trash;
use crate::write::commit_queue::CommitQueue;
use crate::write::parents::NewDirectories;
use crate::write::shortfalls::Shortfalls;
use crate::write::unwritable::UnwritableFileSystems;

/// What every operation needs.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) root: Arc<Root>,
    pub(crate) options: FsOptions,
    /// What may block.
    pub(crate) jobs: Jobs,
    pub(crate) commits: CommitQueue,
    pub(crate) syncer: Syncer,
    /// See [`NewDirectories`].
    pub(crate) new_directories: NewDirectories,
    /// How versions of files are compared.
    pub(crate) detector: Arc<ChangeDetector>,
    /// File systems that accept no more writes.
    pub(crate) unwritable: UnwritableFileSystems,
    /// Attributes that the file system did not let this run set.
    pub(crate) shortfalls: Shortfalls,
    /// Where replaced and deleted files are kept.
    pub(crate) trash: Option<Trash>,
    /// Temporaries and restore marks that the last full listing found.
    own_files: Mutex<OwnFiles>,
}

impl Directory {
    /// Opens nothing yet.
    pub(crate) fn new(root: &Path, options: FsOptions) -> Self {
        let root = Arc::new(Root::new(root));
        Self {
            detector: Arc::new(ChangeDetector::new(Arc::clone(&root), options)),
            root,
            options,
            jobs: Jobs::default(),
            commits: CommitQueue::default(),
            syncer: Syncer::default(),
            new_directories: NewDirectories::default(),
            unwritable: UnwritableFileSystems::default(),
            shortfalls: Shortfalls::default(),
            trash: None,
            own_files: Mutex::default(),
        }
    }

    /// Whether the root exists; opens it once it does.
    pub(crate) fn exists(&self) -> Result<bool> {
        match self.root.open() {
            Ok(()) => Ok(true),
            // A link that names nothing is more likely an unmounted disk.
            Err(Errno::NOENT) if self.root.path().symlink_metadata().is_err() => Ok(false),
            Err(errno) => Err(cannot_open(self.root.path(), errno)),
        }
    }

    /// Creates the root if it is missing.
    pub(crate) fn create_root(&self) -> Result<()> {
        let durability = self.options.durability;
        self.root.create(durability).map_err(|error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            let shown = printable(&self.root.path().to_string_lossy());
            failed(format!("cannot create the directory '{shown}'"), errno)
        })
    }

    /// Returns `written`; a failure that concerns all further writes is recorded.
    pub(crate) fn record_failure<T>(&self, key: &Key, written: Result<T>) -> Result<T> {
        written.map_err(|error| self.unwritable.note(&self.root, key, error))
    }

    /// Forgets what an earlier listing found.
    pub(crate) fn forget_own_files(&self) {
        *self.own_files() = OwnFiles::default();
    }

    /// Adds the temporaries and restore marks that a complete listing, or a part of one, found.
    pub(crate) fn remember(&self, own: OwnFiles) {
        self.own_files().add(own);
    }

    /// The left-over temporaries that the last full listing found.
    pub(crate) fn take_temporaries(&self) -> Vec<String> {
        std::mem::take(&mut self.own_files().temporaries)
    }

    /// The directories in which it found the mark of an unfinished restore.
    pub(crate) fn unfinished_restores(&self) -> Vec<String> {
        self.own_files().unfinished_restores.clone()
    }

    fn own_files(&self) -> MutexGuard<'_, OwnFiles> {
        self.own_files.lock()
    }
}
