//! One directory of a walk: what is left of its names, and its handle.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::list::names::Names;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::root::Root;

/// A directory on the way from the root to the current item.
#[derive(Debug)]
pub(crate) struct Level {
    pub(super) handle: Option<OwnedFd>,
    /// Device and inode, to know the directory again.
    pub(super) identity: (u64, u64),
    pub(super) names: Names,
    /// How much of the path names this directory, with the slash.
    pub(super) prefix: usize,
}

impl Level {
    /// Opens the handle again if it was closed and is still needed; `path` is
    /// that of this directory.
    pub(super) fn reopen(&mut self, root: &Root, path: &str) -> Sys<()> {
        if self.handle.is_some() || self.names.is_done() {
            return Ok(());
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let open = || -> Sys<_> {
            let again = root.directory(path.as_bytes())?;
            let meta = Meta::of(&again)?;
            Ok((again, (meta.device, meta.inode)))
        };
        let (again, identity) = open()?;
        // Where inode numbers don't last, another look shows another one.
        if identity != self.identity && open()?.1 == identity {
            return Err(Errno::STALE);
        }
        self.handle = Some(again);
        Ok(())
    }
}
