//! File systems that take nothing more: full, over a quota or mounted
//! read-only. After the first such failure nothing is fetched for that file
//! system; others, mounted below the root, go on.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::fs::StatVfsMountFlags;
use sync_core::{ErrorKind, Key, Result, StoreError};

use crate::error::{READ_ONLY, refused};
use crate::sys::meta::Meta;
use crate::sys::mount::mount;
use crate::sys::path::split;
use crate::sys::root::Root;

/// Device and number of the mount.
type Place = (u64, u64);

/// Why which file system takes nothing more.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<Place, String>>);

impl Refusals {
    /// Notes it if the root is mounted read-only: no write has to find out.
    pub(crate) fn look_at(&self, root: &Root) {
        let Ok(dir) = root.directory(b"") else { return };
        let stat = rustix::fs::fstatvfs(&dir);
        if stat.is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY)) {
            self.insert(&dir, READ_ONLY);
        }
    }

    /// Notes it if `error`, of a write under `key`, says so.
    pub(crate) fn note(&self, root: &Root, key: &Key, error: &StoreError) {
        if error.kind() == ErrorKind::Unwritable
            && let Some(dir) = nearest(root, key)
        {
            self.insert(&dir, error.hint().unwrap_or_default());
        }
    }

    /// Fails with `Unwritable` if the file of `key` would be on such a one.
    pub(crate) fn check(&self, root: &Root, key: &Key) -> Result<()> {
        if self.lock().is_empty() {
            return Ok(());
        }
        let place = nearest(root, key).and_then(|dir| place(&dir));
        match place.and_then(|place| self.lock().get(&place).cloned()) {
            None => Ok(()),
            Some(why) => {
                let what = format!("nothing can be written to the file system of '{key}'");
                Err(refused(ErrorKind::Unwritable, what).with_hint(why))
            }
        }
    }

    fn insert(&self, dir: &OwnedFd, why: &str) {
        if let Some(place) = place(dir) {
            self.lock().entry(place).or_insert_with(|| why.to_owned());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Place, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(dir: &OwnedFd) -> Option<Place> {
    Some((Meta::of(dir).ok()?.device, mount(dir)))
}

/// The directory of `key`, or the nearest one above it that is there.
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
