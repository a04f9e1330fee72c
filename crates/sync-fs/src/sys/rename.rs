//! Renames that replace nothing, and the exchange of two names.

use std::os::fd::{AsFd, OwnedFd};

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use crate::sys::errno::Sys;
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
use crate::sys::errno::is_missing_call;

/// Moves `name` in `from` to `leaf` in `dir`, where nothing must be. Where the
/// file system cannot see to that, what the caller saw just before must do.
pub(crate) fn rename_noreplace(
    from: impl AsFd,
    name: &[u8],
    dir: impl AsFd,
    leaf: &[u8],
) -> Sys<()> {
    rename_unseen(&from, name, &dir, leaf)
        .unwrap_or_else(|| rustix::fs::renameat(from, name, dir, leaf))
}

/// Moves `name` in `from` to `leaf` in `dir`, where nothing must be: `EXIST` if
/// there is, though nobody looked before. `None` where the file system cannot
/// see to that.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(crate) fn rename_unseen(
    from: impl AsFd,
    name: &[u8],
    dir: impl AsFd,
    leaf: &[u8],
) -> Option<Sys<()>> {
    match rustix::fs::renameat_with(&from, name, &dir, leaf, RenameFlags::NOREPLACE) {
        Err(errno) if is_missing_call(errno) => {}
        result => return Some(result),
    }
    // A second name is never given over another file either.
    match rustix::fs::linkat(&from, name, &dir, leaf, AtFlags::empty()) {
        Ok(()) => Some(rustix::fs::unlinkat(from, name, AtFlags::empty())),
        Err(errno @ (Errno::EXIST | Errno::NOENT | Errno::XDEV)) => Some(Err(errno)),
        Err(_) => None,
    }
}

/// `None`: this system has no call for it.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(crate) fn rename_unseen(_: impl AsFd, _: &[u8], _: impl AsFd, _: &[u8]) -> Option<Sys<()>> {
    None
}

/// A name in a directory.
type Place<'a> = (&'a OwnedFd, &'a [u8]);

/// Lets what is at `one` and at `other` change places, in one step.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(crate) fn exchange(one: Place<'_>, other: Place<'_>) -> Sys<()> {
    rustix::fs::renameat_with(one.0, one.1, other.0, other.1, RenameFlags::EXCHANGE)
}

/// `None`: this system has no call for it.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(crate) fn exchange(_: Place<'_>, _: Place<'_>) -> Sys<()> {
    Err(Errno::NOSYS)
}
