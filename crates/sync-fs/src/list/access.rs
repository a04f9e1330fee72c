//! Whether files may be read, checked without opening them.

use std::os::fd::OwnedFd;

use rustix::fs::{Access, AtFlags};
use rustix::io::Errno;

use crate::sys::errno::Sys;
use crate::sys::meta::Meta;

/// The user whose access counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User(u32);

impl User {
    /// The user of this process; none for root, whom no permission stops.
    pub(crate) fn current() -> Option<Self> {
        let user = rustix::process::geteuid();
        (!user.is_root()).then(|| Self(user.as_raw()))
    }

    /// Fails with `ACCESS` if the file may not be read.
    ///
    /// Its owner's own bits decide for the owner, with or without an access
    /// list, so the usual case costs nothing; for anyone else the kernel
    /// decides.
    pub(crate) fn check(self, dir: &OwnedFd, name: &[u8], meta: &Meta) -> Sys<()> {
        if meta.owner != self.0 {
            return rustix::fs::accessat(dir, name, Access::READ_OK, AtFlags::EACCESS);
        }
        if meta.mode & 0o400 == 0 {
            return Err(Errno::ACCESS);
        }
        Ok(())
    }
}
