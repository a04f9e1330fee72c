//! Reading the mark of an unfinished restore.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use sync_core::Result;

use super::error::cannot;
use super::name::RESTORE_MARK;
use crate::sys::errno::{Sys, patiently};

/// Longest mark that is read, in bytes.
const MAX: usize = 64 << 10;

const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A mark that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreMark {
    /// Its content; at most 64 KiB.
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
        && text.len() < MAX
    {
        text.reserve(1024);
        let offset = text.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut text), offset) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    text.truncate(MAX);
    Ok(Some(RestoreMark {
        text,
        user: meta.st_uid,
        directory_user: rustix::fs::fstat(directory)?.st_uid,
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_long_mark_does_not_fill_the_memory() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(RESTORE_MARK), vec![b'x'; 1 << 20]).unwrap();
        let found = restore_mark(dir.path()).unwrap().unwrap();
        assert_eq!(found.text.len(), MAX);
    }
}
