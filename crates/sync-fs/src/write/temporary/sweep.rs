//! The temporaries that a killed run has left: recognised, and removed.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sync_core::{Result, StoreError};

use super::marks::Marks;
use crate::error::failed;
use crate::list::names::each_name;
use crate::sys::meta::Meta;
use crate::sys::root::Root;

/// Whether `leaf` has the form of a temporary's name; that is no proof.
pub(crate) fn has_our_form(leaf: &[u8]) -> bool {
    Marks::read(leaf).is_some()
}

/// Whether the file `leaf`, with these attributes, is one that a write or a
/// removal of ours has left, or is still working on.
pub(crate) fn is_left_over(leaf: &[u8], meta: &Meta) -> bool {
    meta.is_file() && Marks::read(leaf).is_some_and(|marks| marks.prove(meta))
}

/// The paths of the files directly in `directory` that are called as a temporary is.
pub(crate) fn called_so(root: &Root, directory: &str) -> Result<Vec<String>> {
    let error = |errno| -> StoreError {
        let shown = sync_core::text::printable(directory);
        failed(format!("cannot look for left-overs in '{shown}'"), errno)
    };
    let opened = match root.directory(directory.as_bytes()) {
        Ok(opened) => opened,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Vec::new()),
        Err(errno) => return Err(error(errno)),
    };
    let slash = if directory.is_empty() { "" } else { "/" };
    let mut paths = Vec::new();
    let read = each_name(&opened, &mut Vec::new(), |name, _| {
        if has_our_form(name)
            && let Ok(leaf) = str::from_utf8(name)
        {
            paths.push(format!("{directory}{slash}{leaf}"));
        }
        Ok(())
    });
    read.map_err(error)?;
    Ok(paths)
}

/// Removes the left-over at `path` if it is one, and no run is writing it;
/// returns whether.
pub(crate) fn sweep(root: &Root, path: &str) -> Result<bool> {
    let error = |errno| -> StoreError {
        let shown = sync_core::text::printable(path);
        failed(format!("cannot remove the left-over '{shown}'"), errno)
    };
    let (dir, leaf) = match root.parent(path.as_bytes()) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        Err(errno) => return Err(error(errno)),
    };
    match Meta::at(&dir, leaf) {
        Ok(meta) if is_left_over(leaf, &meta) => {}
        Ok(_) | Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(error(errno)),
    }
    if is_being_written(&dir, leaf) {
        return Ok(false);
    }
    match rustix::fs::unlinkat(&dir, leaf, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(error(errno)),
    }
}

/// Whether another run holds the lock of the file `leaf`.
pub(crate) fn is_being_written(dir: &OwnedFd, leaf: &[u8]) -> bool {
    let flags = OFlags::RDONLY
        .union(OFlags::NOFOLLOW)
        .union(OFlags::NONBLOCK)
        .union(OFlags::CLOEXEC);
    rustix::fs::openat(dir, leaf, flags, Mode::empty()).is_ok_and(|file| {
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
    })
}
