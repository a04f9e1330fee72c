//! What every operation on a directory shares: the root, the options, the
//! queue of commits; and the hop to a thread that may block.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Entry, ErrorKind, Key, Result, printable};

use crate::change_detection::Trust;
use crate::error::{cannot_open, failed, refused};
use crate::list::walk::OwnFiles;
use crate::options::{FsOptions, SymlinkMode};
use crate::restore_mark::is_mark;
use crate::sys::meta::{Meta, kind_name};
use crate::sys::root::{Root, Sys, split};
use crate::sys::size;
use crate::sys::symlink::{self, Target};
use crate::trash::Trash;
use crate::write::commit::Committer;
use crate::write::shortfalls::Notes;
use crate::write::temporary;
use crate::write::unwritable::Refusals;

/// What every operation needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) root: Arc<Root>,
    pub(crate) options: FsOptions,
    pub(crate) commits: Committer,
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

/// What is found under a key.
#[derive(Debug)]
pub(crate) enum Found {
    /// What a listing shows.
    Entry(Entry),
    /// No entry, and nothing that could hide one.
    Nothing,
    /// Something that a listing skips, in words: as a link that is not followed.
    Skipped(String),
}

impl Found {
    fn skipped(what: &str) -> Self {
        Self::Skipped(what.to_owned())
    }
}

impl Shared {
    /// Opens nothing yet.
    pub(crate) fn new(root: &Path, options: FsOptions) -> Self {
        Self {
            root: Arc::new(Root::new(root)),
            options,
            commits: Committer::default(),
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

    /// What a listing would show under `key`.
    pub(crate) fn stat(&self, key: &Key) -> Sys<Option<Entry>> {
        Ok(match self.look(key)? {
            Found::Entry(entry) => Some(entry),
            Found::Nothing | Found::Skipped(_) => None,
        })
    }

    /// As [`Shared::stat`], but what a listing skips is told apart from what is
    /// not there.
    pub(crate) fn look(&self, key: &Key) -> Sys<Found> {
        let path = key.as_str().as_bytes();
        let meta = match self
            .root
            .parent(path)
            .and_then(|(dir, leaf)| Meta::at(&dir, leaf))
        {
            Ok(meta) => meta,
            Err(Errno::LOOP) => return Ok(Found::skipped("is behind a symbolic link")),
            // Below a file there are no entries.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => return Ok(Found::Nothing),
            Err(errno) => return Err(errno),
        };
        Ok(match meta.kind {
            _ if is_mark(split(path).1) => Found::Nothing,
            _ if temporary::is_left_over(split(path).1, &meta) => Found::Nothing,
            FileType::RegularFile => self.measured(path, meta, key)?,
            FileType::Directory => Found::Nothing,
            FileType::Symlink if self.options.symlinks == SymlinkMode::Inside => {
                match symlink::resolve(&self.root, path)? {
                    Target::File(named) => match self.measured(&named.real, named.meta, key)? {
                        Found::Entry(entry) => Found::Entry(entry.with_link(named.link())),
                        other => other,
                    },
                    Target::Other(why, _) => {
                        Found::skipped(&format!("is a symbolic link that {why}"))
                    }
                }
            }
            kind => Found::skipped(&format!("is {}", kind_name(kind))),
        })
    }

    /// The file at `path`, as an entry under `key`, with the size that a read
    /// finds where the system may be wrong about it.
    fn measured(&self, path: &[u8], meta: Meta, key: &Key) -> Sys<Found> {
        if !self.options.measure || meta.size > 0 {
            return Ok(Found::Entry(meta.entry(key.clone(), self.root.precision())));
        }
        let file = match self.root.file(path) {
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            file => file?,
        };
        if size::are_exact(&file) {
            return Ok(Found::Entry(meta.entry(key.clone(), self.root.precision())));
        }
        match size::measure(&file)? {
            Some(size) => Ok(Found::Entry(
                meta.with_size(size)
                    .entry(key.clone(), self.root.precision()),
            )),
            None => Err(Errno::FBIG),
        }
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

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let stopped = || refused(ErrorKind::Stopped, "the program is stopping");
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Err(stopped());
    };
    runtime
        .spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(stopped().with_source(error)))
}
