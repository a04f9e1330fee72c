//! The directory of a file that is written: opened, and made where it is
//! missing.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use parking_lot::{Mutex, MutexGuard};
use rustix::fs::{FileType, Mode};
use rustix::io::Errno;
use sync_core::{ErrorKind, Key, Result, StoreError, text::printable};

use crate::error::{failed, refused};
use crate::sys::confined::child;
use crate::sys::errno::Sys;
use crate::sys::meta::{Meta, kind_name};
use crate::sys::path::{segments, split};
use crate::sys::root::Root;

/// Parents of directories that were created and not synced yet.
///
/// One set for all writers: a file may be committed into a directory that
/// another writer, still busy, has made.
#[derive(Debug, Default)]
pub(crate) struct NewDirectories {
    paths: Mutex<BTreeSet<Vec<u8>>>,
    syncing: Mutex<()>,
}

/// What was taken of [`NewDirectories`]. Until this is dropped, all others who take
/// some wait: what they need may be among these.
#[derive(Debug)]
pub(crate) struct Unsynced<'a> {
    pub(crate) paths: BTreeSet<Vec<u8>>,
    _alone: Option<MutexGuard<'a, ()>>,
}

impl NewDirectories {
    /// Takes the set; the caller must sync the directories in it.
    pub(crate) fn take(&self) -> Unsynced<'_> {
        let alone = self.syncing.lock();
        let paths = std::mem::take(&mut *self.paths.lock());
        Unsynced {
            _alone: (!paths.is_empty()).then_some(alone),
            paths,
        }
    }

    /// Puts back a directory whose sync failed.
    pub(crate) fn put_back(&self, path: Vec<u8>) {
        self.paths.lock().insert(path);
    }

    /// Makes `leaf` in `dir`, the directory at `path`. Under the lock, so that
    /// a thread that sees the new directory also finds it in the set.
    fn make(&self, dir: &OwnedFd, path: &[u8], leaf: &[u8]) -> Sys<()> {
        let mut paths = self.paths.lock();
        match rustix::fs::mkdirat(dir, leaf, Mode::from_bits_truncate(0o777)) {
            Ok(()) => {
                paths.insert(path.to_vec());
                Ok(())
            }
            Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// Where a file can be made.
#[derive(Debug)]
pub(crate) enum Parent {
    /// In its own directory.
    Ready(OwnedFd),
    /// The path is blocked by a file. The nearest directory above it.
    Blocked(OwnedFd, Obstacle),
}

/// Something that is no directory where the path needs one.
#[derive(Debug)]
pub(crate) struct Obstacle {
    /// How much of the path names it, in bytes.
    pub(crate) len: usize,
    /// What it is.
    pub(crate) kind: FileType,
}

/// Opens the directory of `key`, and creates it where it is missing.
pub(crate) fn parent(root: &Root, new_directories: &NewDirectories, key: &Key) -> Result<Parent> {
    let cannot = |errno| failed(format!("cannot open the directory of '{key}'"), errno);
    let path = split(key.as_str().as_bytes()).0;
    match root.directory(path) {
        Ok(dir) => return Ok(Parent::Ready(dir)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
        Err(errno) => return Err(cannot(errno)),
    }
    let mut current = root.directory(b"").map_err(cannot)?;
    for (start, segment) in segments(path) {
        let here = path[..start].strip_suffix(b"/").unwrap_or_default();
        match open_or_make(&current, here, segment, new_directories) {
            Ok(next) => current = next,
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let kind = Meta::at(&current, segment).map_err(cannot)?.kind;
                let obstacle = Obstacle {
                    len: start + segment.len(),
                    kind,
                };
                return match kind {
                    FileType::RegularFile => Ok(Parent::Blocked(current, obstacle)),
                    _ => Err(blocked(key, &obstacle)),
                };
            }
            Err(errno) => {
                return Err(failed(
                    format!("cannot create the directory of '{key}'"),
                    errno,
                ));
            }
        }
    }
    Ok(Parent::Ready(current))
}

fn open_or_make(
    dir: &OwnedFd,
    path: &[u8],
    segment: &[u8],
    new_directories: &NewDirectories,
) -> Sys<OwnedFd> {
    match child(dir, segment) {
        Err(Errno::NOENT) => {
            new_directories.make(dir, path, segment)?;
            child(dir, segment)
        }
        result => result,
    }
}

/// The error of a path on which something else than a directory stands.
pub(crate) fn blocked(key: &Key, obstacle: &Obstacle) -> StoreError {
    let name = printable(key.as_str().get(..obstacle.len).unwrap_or(key.as_str()));
    let kind = kind_name(obstacle.kind);
    refused(
        ErrorKind::Blocked,
        format!("cannot write '{key}': '{name}' is {kind} and not a directory"),
    )
    .with_hint(format!("remove '{name}' and run again"))
}
