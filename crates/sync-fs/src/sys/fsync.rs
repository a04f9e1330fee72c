//! Putting one file or directory on disk.

use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::sys::errno::Sys;

/// Whether `errno` means that there is no such call on this file system. Real
/// failures, as EIO, are others.
pub(crate) fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

/// Puts one file's data and times, or one directory's names, on disk.
///
/// # Errors
/// One for which [`is_missing`] holds where the file system cannot.
pub(crate) fn sync_file(file: impl AsFd) -> Sys<()> {
    match sync_one(&file) {
        // Perhaps it can as a whole.
        Err(errno) if is_missing(errno) => match sync_all(file) {
            Err(all) if is_missing(all) || all == Errno::PERM => Err(errno),
            result => result,
        },
        result => result,
    }
}

/// As [`sync_file`], but a file system without sync is no error.
pub(crate) fn sync_if_possible(file: impl AsFd) -> Sys<()> {
    match sync_file(file) {
        Err(errno) if is_missing(errno) => Ok(()),
        result => result,
    }
}

#[cfg(target_os = "linux")]
fn sync_all(file: impl AsFd) -> Sys<()> {
    rustix::fs::syncfs(file)
}

/// There is no such call.
#[cfg(not(target_os = "linux"))]
fn sync_all(_: impl AsFd) -> Sys<()> {
    Err(Errno::NOSYS)
}

#[cfg(not(target_vendor = "apple"))]
fn sync_one(file: impl AsFd) -> Sys<()> {
    rustix::fs::fsync(file)
}

#[cfg(target_vendor = "apple")]
fn sync_one(file: impl AsFd) -> Sys<()> {
    // Plain fsync leaves the data in the drive's cache there.
    rustix::fs::fcntl_fullfsync(&file).or_else(|_| rustix::fs::fsync(&file))
}
