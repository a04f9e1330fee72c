//! File systems that accept no more writes: full, over a quota or mounted
//! read-only. After the first such failure nothing is fetched for that file
//! system; writes to others, mounted below the root, continue.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use parking_lot::{Mutex, MutexGuard};
use rustix::fs::StatVfsMountFlags;
use sync_core::{ErrorKind, Key, Result, StoreError, hint::Hint};

use crate::error::{READ_ONLY, refused};
use crate::sys::meta::Meta;
use crate::sys::mount::mount;
use crate::sys::path::split;
use crate::sys::root::Root;

/// Device and number of the mount.
type MountId = (u64, u64);

/// The hint for a file system whose inodes are used up: it may have much space.
const NO_INODES: &str = "the file system has no inode left (`df -i`), whatever space is free: remove \
                         some files and run again";

/// The file systems that accept no more writes, each with the reason.
#[derive(Debug, Default)]
pub(crate) struct UnwritableFileSystems(Mutex<BTreeMap<MountId, Why>>);

/// Why nothing is written to a file system.
#[derive(Debug, Clone)]
enum Why {
    /// It is mounted read-only.
    ReadOnly,
    /// A write to it has failed, with this hint. Others might not fail, but are not tried.
    Failed(Option<Hint>),
}

impl UnwritableFileSystems {
    /// Records it if the root is mounted read-only: no write has to find out.
    pub(crate) fn check_mount(&self, root: &Root) {
        let Ok(dir) = root.directory(b"") else { return };
        let stat = rustix::fs::fstatvfs(&dir);
        if stat.is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY)) {
            self.insert(&dir, Why::ReadOnly);
        }
    }

    /// Records it if `error`, of a write under `key`, has that reason. Returns the error; if
    /// it is not space that is used up, it says so.
    pub(crate) fn note(&self, root: &Root, key: &Key, error: StoreError) -> StoreError {
        if error.kind() != ErrorKind::Unwritable {
            return error;
        }
        let Some(dir) = nearest(root, key) else {
            return error;
        };
        let error = if lacks_inodes(&dir) {
            error.with_hint(NO_INODES)
        } else {
            error
        };
        self.insert(&dir, Why::Failed(error.hint().cloned()));
        error
    }

    /// Fails with `Unwritable` if the file of `key` would be on one of them.
    pub(crate) fn check(&self, root: &Root, key: &Key) -> Result<()> {
        if self.lock().is_empty() {
            return Ok(());
        }
        let id = nearest(root, key).and_then(|dir| mount_id(&dir));
        match id.and_then(|id| self.lock().get(&id).cloned()) {
            None => Ok(()),
            Some(why) => Err(why.of(key)),
        }
    }

    fn insert(&self, dir: &OwnedFd, why: Why) {
        if let Some(id) = mount_id(dir) {
            self.lock().entry(id).or_insert(why);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<MountId, Why>> {
        self.0.lock()
    }
}

impl Why {
    /// The error of a write under `key` that is not tried.
    fn of(self, key: &Key) -> StoreError {
        let refused = |what| refused(ErrorKind::Unwritable, what);
        match self {
            Self::ReadOnly => {
                let what = format!("nothing can be written to the file system of '{key}'");
                refused(what).with_hint(READ_ONLY)
            }
            Self::Failed(hint) => {
                let error = refused(format!(
                    "not tried, because a write to the file system of '{key}' has failed"
                ));
                match hint {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                }
            }
        }
    }
}

/// Whether a file system that is mounted for writing takes no further file. Some count no
/// inodes.
fn lacks_inodes(dir: &OwnedFd) -> bool {
    rustix::fs::fstatvfs(dir).is_ok_and(|stat| {
        let is_read_only = stat.f_flag.contains(StatVfsMountFlags::RDONLY);
        stat.f_files > 0 && stat.f_favail == 0 && !is_read_only
    })
}

fn mount_id(dir: &OwnedFd) -> Option<MountId> {
    Some((Meta::of(dir).ok()?.device, mount(dir)))
}

/// The directory of `key`, or its nearest ancestor that exists.
fn nearest(root: &Root, key: &Key) -> Option<OwnedFd> {
    let mut path = split(key.as_str().as_bytes()).0;
    loop {
        match root.directory(path) {
            Ok(dir) => return Some(dir),
            Err(_) if path.is_empty() => return None,
            Err(_) => path = split(path).0,
        }
    }
}
