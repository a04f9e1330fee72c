//! The trash: where a restore keeps what it overwrites or deletes.
//!
//! Below the directory that the user names, each run has one of its own, with
//! the time in UTC as its name, and in it every file has the path that it had.
//! It is created for the first file, with access for its user only: files from a
//! private directory of the tree have no other protection there.
//!
//! A file is at no moment without a name. What is deleted is moved by one
//! rename. What is overwritten gets its name in the trash as a hard link, and
//! that name is on disk, before the new file is renamed over it (`keep`). Where
//! links cannot be made, the two names are exchanged in one step. Nothing in
//! the trash is ever overwritten.

mod keep;
mod location;
pub(crate) mod replaced;

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::Mode;
use rustix::io::Errno;
use sync_core::{Key, Result, Selection, text::printable};

use crate::change_detection::ChangeDetector;
use crate::error::failed;
use crate::options::Durability;
use crate::sys::batch_sync::Syncer;
use crate::sys::confined::child;
use crate::sys::errno::Sys;
use crate::sys::fsync::sync_if_possible;
use crate::sys::path::split;
use crate::sys::root::Root;
use crate::write::parents::{NewDirectories, Parent, blocked, parent};

/// Directories of other runs that have the same name, and more.
const ATTEMPTS: usize = 1_000;

/// Where a restore keeps what it overwrites or deletes.
#[derive(Debug)]
pub(crate) struct Trash {
    /// The directory that the user names.
    home: Root,
    /// The name of the run's own directory, unless it is taken.
    wanted: String,
    /// The run's own directory, once there is one.
    run: Mutex<Option<Run>>,
    new_directories: NewDirectories,
    /// Directories in which something was kept that no sync has covered yet.
    dirty_dirs: Mutex<BTreeSet<Vec<u8>>>,
    syncing: Mutex<()>,
    disk: Syncer,
    detector: Arc<ChangeDetector>,
}

/// The directory of this run.
#[derive(Debug)]
struct Run {
    root: Arc<Root>,
    kept: u64,
}

/// What the trash holds of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The directory of this run.
    pub directory: PathBuf,
    /// How many files and links were put there.
    pub entries: u64,
}

impl Trash {
    /// A trash in `home` for what is at `root`. Nothing is made yet.
    ///
    /// # Errors
    /// If `home` is on another file system than `root`, or inside it where
    /// `selection` does not exclude it, or cannot be examined.
    pub(crate) fn new(
        home: &Path,
        wanted: String,
        root: &Path,
        selection: &Selection,
        detector: Arc<ChangeDetector>,
    ) -> Result<Self> {
        location::check(home, root, selection)?;
        Ok(Self {
            home: Root::new(home),
            wanted,
            run: Mutex::default(),
            new_directories: NewDirectories::default(),
            dirty_dirs: Mutex::default(),
            syncing: Mutex::default(),
            disk: Syncer::default(),
            detector,
        })
    }

    /// What was kept so far, if anything.
    pub(crate) fn kept(&self) -> Option<Kept> {
        let run = self.run.lock();
        let run = run.as_ref().filter(|run| run.kept > 0)?;
        Some(Kept {
            directory: run.root.path().to_owned(),
            entries: run.kept,
        })
    }

    /// The directory that `key` is kept in, made where it is missing.
    fn directory_of(&self, key: &Key) -> Result<OwnedFd> {
        let root = self.open().map_err(|error| {
            let home = printable(&self.home.path().to_string_lossy());
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            failed(
                format!("cannot create a directory in the trash '{home}'"),
                errno,
            )
        })?;
        match parent(&root, &self.new_directories, key)? {
            Parent::Ready(dir) => Ok(dir),
            Parent::Blocked(_, obstacle) => Err(blocked(key, &obstacle)),
        }
    }

    /// The run's own directory; the first call makes it.
    fn open(&self) -> std::io::Result<Arc<Root>> {
        let mut run = self.run.lock();
        if let Some(run) = &*run {
            return Ok(Arc::clone(&run.root));
        }
        self.home.create(Durability::Batch)?;
        let home = self.home.directory(b"")?;
        let (name, handle) = make_own(&home, &self.wanted)?;
        sync_if_possible(&home)?;
        let path = self.home.path().join(name);
        let root = Arc::new(Root::opened(path, handle));
        *run = Some(Run {
            root: Arc::clone(&root),
            kept: 0,
        });
        Ok(root)
    }

    /// Notes that what had `key` is kept now.
    fn note(&self, key: &Key) {
        let mut run = self.run.lock();
        if let Some(run) = &mut *run {
            run.kept += 1;
        }
        drop(run);
        let path = split(key.as_str().as_bytes()).0;
        let mut dirty = self.dirty_dirs.lock();
        if !dirty.contains(path) {
            dirty.insert(path.to_vec());
        }
    }

    /// Reverts [`Trash::note`]: the file is not kept after all.
    fn forget(&self) {
        let mut run = self.run.lock();
        if let Some(run) = &mut *run {
            run.kept = run.kept.saturating_sub(1);
        }
    }

    /// Puts the names in the trash on disk; those of which directories failed.
    pub(crate) fn sync(&self) -> Vec<(Vec<u8>, Errno)> {
        // A caller that finds nothing to sync must not return while another
        // thread, which took the set, has not synced it yet.
        let _alone = self.syncing.lock();
        let run = self.run.lock();
        let Some(root) = run.as_ref().map(|run| Arc::clone(&run.root)) else {
            return Vec::new();
        };
        drop(run);
        let mut unsynced = self.new_directories.take();
        let mut dirty = self.dirty_dirs.lock();
        unsynced.paths.append(&mut dirty);
        drop(dirty);
        let failed = self.disk.sync_directories(&root, &unsynced.paths);
        for (path, _) in &failed {
            self.new_directories.put_back(path.clone());
        }
        failed
    }
}

/// Creates a new directory, called `wanted` if that is free.
fn make_own(home: &OwnedFd, wanted: &str) -> Sys<(String, OwnedFd)> {
    for number in 1..=ATTEMPTS {
        let name = match number {
            1 => wanted.to_owned(),
            number => format!("{wanted}-{number}"),
        };
        match rustix::fs::mkdirat(home, &*name, Mode::RWXU) {
            Ok(()) => return child(home, name.as_bytes()).map(|handle| (name, handle)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}
