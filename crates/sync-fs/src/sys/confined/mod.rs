//! Confinement: the only place where a path of more than one segment is
//! resolved.
//!
//! Linux' `openat2` refuses to leave the root and to follow any link on the
//! way, in the kernel and therefore without a race; where it is missing, each
//! segment is opened by itself with `O_NOFOLLOW`. All further work is done on a
//! leaf name relative to the directory handle that this module returned.
//!
//! Handles are not cached for longer than a batch ([`last_directory`](super::last_directory)):
//! none is ever old enough to name a directory that was moved away long ago.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[cfg(target_os = "linux")]
use rustix::fs::ResolveFlags;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::sys::errno::{Sys, patiently};
use crate::sys::path::{segments, split};

/// How a directory is opened.
pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// `O_NONBLOCK` keeps a FIFO that took the place of a file from blocking.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Never out of the root, and through no link.
#[cfg(target_os = "linux")]
const CONFINED: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// Longest path given to the kernel at once; its own limit is 4,096 bytes.
const LONGEST_PATH: usize = 4000;

/// Opens the directory `path` below `root`; `root` itself when it is empty.
pub(crate) fn directory(root: BorrowedFd<'_>, path: &[u8]) -> Sys<OwnedFd> {
    open(root, path, DIRECTORY)
}

/// Opens `path` below `root` for reading, whatever it is.
pub(crate) fn file(root: BorrowedFd<'_>, path: &[u8]) -> Sys<OwnedFd> {
    open(root, path, FILE)
}

/// As [`file`], but fails rather than to wait for the disk.
#[cfg(target_os = "linux")]
pub(crate) fn file_cached(root: BorrowedFd<'_>, path: &[u8]) -> Sys<OwnedFd> {
    let resolve = CONFINED.union(ResolveFlags::CACHED);
    rustix::fs::openat2(root, path, FILE, Mode::empty(), resolve)
}

/// Opens `segment`, a directory right below `dir`.
pub(crate) fn child(dir: impl AsFd, segment: &[u8]) -> Sys<OwnedFd> {
    // One segment needs no openat2: there is no way to be led astray on.
    let flags = DIRECTORY.union(OFlags::NOFOLLOW);
    patiently(|| rustix::fs::openat(&dir, segment, flags, Mode::empty()))
}

/// Removes the directory `leaf` if it is empty.
pub(crate) fn remove_directory(dir: impl AsFd, leaf: &[u8]) -> Sys<()> {
    rustix::fs::unlinkat(dir, leaf, AtFlags::REMOVEDIR)
}

fn open(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    patiently(|| open_at_once(root, path, flags))
}

fn open_at_once(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    if path.is_empty() {
        return rustix::fs::openat(root, c".", flags, Mode::empty());
    }
    if path.len() <= LONGEST_PATH {
        return open_short(root, path, flags);
    }
    let cut = path[..LONGEST_PATH]
        .iter()
        .rposition(|&b| b == b'/')
        .ok_or(Errno::NAMETOOLONG)?;
    let next = open_short(root, &path[..cut], DIRECTORY)?;
    open(next.as_fd(), &path[cut + 1..], flags)
}

#[cfg(target_os = "linux")]
fn open_short(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    use std::sync::atomic::{AtomicBool, Ordering};

    static MISSING: AtomicBool = AtomicBool::new(false);
    /// The kernel asks to try again when a rename anywhere disturbed it.
    const ATTEMPTS: usize = 64;

    if MISSING.load(Ordering::Relaxed) {
        return open_stepwise(root, path, flags);
    }
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), CONFINED) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::NOSYS) => {
                MISSING.store(true, Ordering::Relaxed);
                return open_stepwise(root, path, flags);
            }
            // Some sandboxes answer a call that they do not know with this.
            Err(Errno::PERM) => return open_stepwise(root, path, flags),
            result => return result,
        }
    }
    open_stepwise(root, path, flags)
}

#[cfg(not(target_os = "linux"))]
fn open_short(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    open_stepwise(root, path, flags)
}

/// The portable way: one segment at a time, none of them a link.
fn open_stepwise(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    let (parents, leaf) = split(path);
    let mut current = None;
    for (_, segment) in segments(parents) {
        refuse_dots(segment)?;
        let dir = current.as_ref().map_or(root, OwnedFd::as_fd);
        current = Some(child(dir, segment)?);
    }
    refuse_dots(leaf)?;
    let dir = current.as_ref().map_or(root, OwnedFd::as_fd);
    rustix::fs::openat(dir, leaf, flags.union(OFlags::NOFOLLOW), Mode::empty())
}

fn refuse_dots(segment: &[u8]) -> Sys<()> {
    match segment {
        b"" | b"." | b".." => Err(Errno::INVAL),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
