//! The mark of an unfinished restore: a hidden file in the directory that is
//! being restored.
//!
//! A directory that was restored in part looks like one from which files were
//! removed. The mark is what tells the two apart, also for another user, and
//! for another machine that shares the file system. Like a temporary it is
//! never listed and never accepted as the last segment of a key. What it says
//! is for its writer to define; this module only stores it.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use sync_core::{ErrorKind, Result, printable};

use crate::directory::Shared;
use crate::error::{failed, refused};
use crate::options::Durability;
use crate::sys::fsync::sync_if_possible;
use crate::sys::meta::Meta;
use crate::sys::root::{Sys, patiently};
use crate::write::temporary::Temporary;

/// The name of the file.
pub const RESTORE_MARK: &str = ".s3mirror-unfinished-restore";

/// Longest mark that is read, in bytes.
const MOST: usize = 64 << 10;

const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Whether `leaf` is the name of a mark.
pub(crate) fn is_mark(leaf: &[u8]) -> bool {
    leaf == RESTORE_MARK.as_bytes()
}

/// A mark that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreMark {
    /// What it says; at most 64 KiB.
    pub text: Vec<u8>,
    /// The user that the file belongs to.
    pub user: u32,
    /// The user that the directory belongs to.
    pub directory_user: u32,
}

/// The mark in `directory`, if there is one. A link is no mark, and none on
/// the way is avoided: it is for a path without links.
///
/// # Errors
/// Those of reading it.
pub fn restore_mark(directory: &Path) -> Result<Option<RestoreMark>> {
    let flags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::CLOEXEC);
    let open = || rustix::fs::openat(CWD, directory, flags, Mode::empty());
    let read = match patiently(open) {
        Ok(directory) => read(&directory),
        // What may not be opened cannot be restored to by us either.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(errno) => Err(errno),
    };
    read.map_err(|errno| cannot("cannot read the mark", directory, errno))
}

fn read(directory: &OwnedFd) -> Sys<Option<RestoreMark>> {
    let open = || rustix::fs::openat(directory, RESTORE_MARK, FILE, Mode::empty());
    let file = match patiently(open) {
        Ok(file) => Some(file),
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
        // It is there, and that is what counts.
        Err(Errno::ACCESS) => None,
        Err(errno) => return Err(errno),
    };
    let meta = match &file {
        Some(file) => rustix::fs::fstat(file)?,
        None => rustix::fs::statat(directory, RESTORE_MARK, AtFlags::SYMLINK_NOFOLLOW)?,
    };
    if !rustix::fs::FileType::from_raw_mode(meta.st_mode).is_file() {
        return Ok(None);
    }
    let mut text = Vec::with_capacity(1024);
    while let Some(file) = &file
        && text.len() < MOST
    {
        text.reserve(1024);
        let offset = text.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut text), offset) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    text.truncate(MOST);
    Ok(Some(RestoreMark {
        text,
        user: meta.st_uid,
        directory_user: rustix::fs::fstat(directory)?.st_uid,
    }))
}

impl Shared {
    /// Puts a mark that says `text` into the root, in the place of an earlier
    /// one; on disk when this returns, unless nothing is to be synced.
    pub(crate) fn write_restore_mark(&self, text: &[u8]) -> Result<()> {
        let written = self.root.directory(b"").and_then(|root| {
            let mark =
                Temporary::create(root.try_clone().map_err(|error| io_errno(&error))?, None)?;
            write_all(&mark, text)?;
            if self.options.durability != Durability::None {
                sync_if_possible(mark.file())?;
            }
            mark.rename_over(&root, RESTORE_MARK)?;
            self.sync_root(&root)
        });
        written.map_err(|errno| cannot("cannot write the mark", self.root.path(), errno))
    }

    /// Removes the mark, if there is one.
    pub(crate) fn remove_restore_mark(&self) -> Result<()> {
        if !self.is_there()? {
            return Ok(());
        }
        let removed = self.root.directory(b"").and_then(|root| {
            match Meta::at(&root, RESTORE_MARK.as_bytes()) {
                Ok(meta) if meta.is_file() => {}
                Ok(_) | Err(Errno::NOENT) => return Ok(()),
                Err(errno) => return Err(errno),
            }
            match rustix::fs::unlinkat(&root, RESTORE_MARK, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => self.sync_root(&root),
                Err(errno) => Err(errno),
            }
        });
        removed.map_err(|errno| cannot("cannot remove the mark", self.root.path(), errno))
    }

    fn sync_root(&self, root: &OwnedFd) -> Sys<()> {
        if self.options.durability == Durability::None {
            return Ok(());
        }
        sync_if_possible(root)
    }
}

fn write_all(mark: &Temporary, mut text: &[u8]) -> Sys<()> {
    while !text.is_empty() {
        match rustix::io::write(mark.file(), text) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => text = &text[written..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn io_errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn cannot(what: &str, directory: &Path, errno: Errno) -> sync_core::StoreError {
    let shown = printable(&directory.join(RESTORE_MARK).to_string_lossy());
    match errno {
        Errno::ROFS | Errno::ACCESS | Errno::PERM => {
            refused(ErrorKind::Denied, format!("{what} '{shown}'"))
                .with_source(std::io::Error::from(errno))
        }
        errno => failed(format!("{what} '{shown}'"), errno),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::options::FsOptions;

    fn shared(dir: &Path) -> Shared {
        let shared = Shared::new(dir, FsOptions::default());
        assert!(shared.is_there().unwrap());
        shared
    }

    #[test]
    fn a_mark_is_written_read_replaced_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let shared = shared(dir.path());
        assert_eq!(restore_mark(dir.path()).unwrap(), None);
        shared.write_restore_mark(b"first").unwrap();
        shared.write_restore_mark(b"second").unwrap();
        let found = restore_mark(dir.path()).unwrap().unwrap();
        assert_eq!(found.text, b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        shared.remove_restore_mark().unwrap();
        shared.remove_restore_mark().unwrap();
        assert_eq!(restore_mark(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_link_is_no_mark_and_is_never_written_through() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = other.path().join("target");
        fs::write(&target, "mine").unwrap();
        let mark = dir.path().join(RESTORE_MARK);
        symlink(&target, &mark).unwrap();
        let shared = shared(dir.path());
        assert_eq!(restore_mark(dir.path()).unwrap(), None);
        shared.remove_restore_mark().unwrap();
        assert!(mark.is_symlink(), "what is not ours is left alone");
        shared.write_restore_mark(b"text").unwrap();
        assert!(!mark.is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"mine");
    }

    #[test]
    fn a_long_mark_does_not_fill_the_memory() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(RESTORE_MARK), vec![b'x'; 1 << 20]).unwrap();
        let found = restore_mark(dir.path()).unwrap().unwrap();
        assert_eq!(found.text.len(), MOST);
    }
}
