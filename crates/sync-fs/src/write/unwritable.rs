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

/// The file systems that accept no more writes, each with the reason.
#[derive(Debug, Default)]
pub(crate) struct UnwritableFileSystems(Mutex<BTreeMap<MountId, Option<Hint>>>);

impl UnwritableFileSystems {
    /// Records it if the root is mounted read-only: no write has to find out.
    pub(crate) fn check_mount(&self, root: &Root) {
        let Ok(dir) = root.directory(b"") else { return };
        let stat = rustix::fs::fstatvfs(&dir);
        if stat.is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY)) {
            self.insert(&dir, Some(READ_ONLY.into()));
        }
    }

    /// Records it if `error`, of a write under `key`, has that reason.
    pub(crate) fn note(&self, root: &Root, key: &Key, error: &StoreError) {
        if error.kind() == ErrorKind::Unwritable
            && let Some(dir) = nearest(root, key)
        {
            self.insert(&dir, error.hint().cloned());
        }
    }

    /// Fails with `Unwritable` if the file of `key` would be on one of them.
    pub(crate) fn check(&self, root: &Root, key: &Key) -> Result<()> {
        if self.lock().is_empty() {
            return Ok(());
        }
        let id = nearest(root, key).and_then(|dir| mount_id(&dir));
        match id.and_then(|id| self.lock().get(&id).cloned()) {
            None => Ok(()),
            Some(why) => {
                let what = format!("nothing can be written to the file system of '{key}'");
                let error = refused(ErrorKind::Unwritable, what);
                Err(match why {
                    Some(why) => error.with_hint(why),
                    None => error,
                })
            }
        }
    }

    fn insert(&self, dir: &OwnedFd, why: Option<Hint>) {
        if let Some(id) = mount_id(dir) {
            self.lock().entry(id).or_insert(why);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<MountId, Option<Hint>>> {
        self.0.lock()
    }
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
