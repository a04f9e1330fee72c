//! One directory of a walk: what is left of its names, and its handle.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use crate::list::ahead::{Ahead, Id};
use crate::list::look::Opened;
use crate::list::names::Names;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::root::Root;

/// A directory on the way from the root to the current item.
#[derive(Debug)]
pub(crate) struct Level {
    pub(super) handle: Option<Arc<OwnedFd>>,
    /// Device and inode, to know the directory again; none as long as it has always
    /// been open.
    identity: Option<(u64, u64)>,
    pub(super) names: Arc<Names>,
    /// The first name that the walk has not come to.
    pub(super) next: usize,
    /// How much of the path names this directory, with the slash.
    pub(super) prefix: usize,
    /// As what the threads ahead know it.
    pub(super) ahead: Option<Id>,
}

impl Level {
    pub(super) fn new(opened: Opened, prefix: usize) -> Self {
        Self {
            handle: Some(opened.handle),
            identity: None,
            names: opened.names,
            next: 0,
            prefix,
            ahead: opened.ahead,
        }
    }

    /// Lets the threads ahead look at this directory; `path` is its own.
    pub(super) fn join(&mut self, ahead: &Ahead, path: &str) {
        if self.ahead.is_none()
            && !self.is_done()
            && let Some(handle) = &self.handle
        {
            self.ahead = Some(ahead.enter(path, handle, &self.names, self.next));
        }
    }

    /// Whether the walk has come to all names.
    pub(super) fn is_done(&self) -> bool {
        self.next == self.names.len()
    }

    /// Closes the handle until the walk comes back.
    pub(super) fn close(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.identity = identity(&handle).ok();
        }
    }

    /// Opens the handle again if it was closed and is still needed; `path` is
    /// that of this directory.
    pub(super) fn reopen(&mut self, root: &Root, path: &str) -> Sys<()> {
        if self.is_done() {
            return Ok(());
        }
        self.open_again(root, path)
    }

    /// Opens the handle again if it was closed; `path` is that of this directory.
    pub(super) fn open_again(&mut self, root: &Root, path: &str) -> Sys<()> {
        if self.handle.is_some() {
            return Ok(());
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let open = || -> Sys<_> {
            let again = root.directory(path.as_bytes())?;
            let identity = identity(&again)?;
            Ok((again, identity))
        };
        let (again, identity) = open()?;
        // Where inode numbers don't last, another look shows another one.
        if Some(identity) != self.identity && open()?.1 == identity {
            return Err(Errno::STALE);
        }
        self.handle = Some(Arc::new(again));
        Ok(())
    }
}

fn identity(dir: &OwnedFd) -> Sys<(u64, u64)> {
    let meta = Meta::of(dir)?;
    Ok((meta.device, meta.inode))
}
