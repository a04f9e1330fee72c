//! Moving one file into the trash.
//!
//! A file that is deleted: one rename. A file that is overwritten: a hard link
//! first, then (when the link is on disk) the rename of the new file, which
//! takes the old name away. Between the two the old file has both names, so a
//! kill at any moment loses nothing, and its final name never lacks a file.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use sync_core::{ErrorKind, Expected, Key, NewEntry, Result, StoreError};

use super::Trash;
use super::replaced::Replaced;
use crate::error::{changed, failed, refused};
use crate::sys::meta::Meta;
use crate::sys::path::split;
use crate::sys::rename::{exchange, rename_noreplace};
use crate::sys::root::Root;
use crate::write::expected::expect;
use crate::write::temporary::Temporary;

/// The hint where a file cannot be moved back.
const IN_TRASH: &str = "it changed again meanwhile: one of its versions is in the trash";

impl Trash {
    /// Gives what `entry` is going to replace a second name in the trash, if
    /// it is `expected`.
    pub(crate) fn link(
        &self,
        root: &Root,
        entry: &NewEntry,
        expected: &Expected,
    ) -> Result<Replaced> {
        let key = &entry.key;
        let path = key.as_str().as_bytes();
        let found = root
            .parent(path)
            .and_then(|(dir, leaf)| Ok((Meta::at(&dir, leaf)?, dir, leaf)));
        let (meta, dir, leaf) = match found {
            Ok(found) => found,
            // There is nothing, or `install` reports what blocks the path.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Replaced::Nothing),
            Err(errno) => return Err(failed(format!("cannot examine '{key}'"), errno)),
        };
        match meta.kind {
            FileType::Directory => return Ok(Replaced::Nothing),
            FileType::RegularFile => expect(&self.detector, &meta, entry, expected)?,
            _ => {}
        }
        let kept = self.directory_of(key)?;
        match rustix::fs::linkat(&dir, leaf, &kept, leaf, AtFlags::empty()) {
            Ok(()) => {}
            // No links on this file system, too many of this file, or none to
            // a file of somebody else (fs.protected_hardlinks).
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::INVAL) => {
                return Ok(Replaced::Unlinked(meta, kept));
            }
            Err(errno) => return Err(cannot(key, errno)),
        }
        self.note(key);
        // The link is of the moment's file. A second name changes nothing but
        // the time of the last change.
        match Meta::at(&kept, leaf) {
            Ok(linked) if self.detector.is_still(&linked, &kept, leaf, &meta) => {
                Ok(Replaced::Linked(linked, kept))
            }
            found => {
                self.drop_link(key, &kept);
                Err(found.map_or_else(|errno| cannot(key, errno), |_| changed(key)))
            }
        }
    }

    /// Takes the second name away again: the file keeps its own.
    pub(crate) fn drop_link(&self, key: &Key, kept: &OwnedFd) {
        let leaf = split(key.as_str().as_bytes()).1;
        let _ = rustix::fs::unlinkat(kept, leaf, AtFlags::empty());
        self.forget();
    }

    /// Puts `temporary` in the place of `old`, which is at `leaf` in `dir`, and
    /// `old` into the trash, in one step.
    pub(crate) fn swap(
        &self,
        key: &Key,
        temporary: &Temporary,
        dir: &OwnedFd,
        old: &Meta,
        kept: &OwnedFd,
    ) -> Result<()> {
        let leaf = split(key.as_str().as_bytes()).1;
        // The new file waits where the old one is going to be.
        let waiting = temporary.rename(kept, leaf);
        waiting.map_err(|errno| cannot(key, errno))?;
        let own = Meta::of(temporary.file()).map_err(|errno| cannot(key, errno))?;
        let withdraw = || {
            let _ = rustix::fs::unlinkat(kept, leaf, AtFlags::empty());
        };
        if let Err(errno) = exchange((kept, leaf), (dir, leaf)) {
            withdraw();
            return Err(cannot(key, errno).with_hint(
                "its file system supports neither hard links nor the exchange of two names",
            ));
        }
        match Meta::at(kept, leaf) {
            Ok(found) if self.detector.is_still(&found, kept, leaf, old) => {
                self.note(key);
                Ok(())
            }
            _ => {
                // It changed in the last moment. The second exchange must
                // return the new file, or that has been replaced already.
                let is_back = exchange((kept, leaf), (dir, leaf)).is_ok();
                if is_back && self.detector.is_at(kept, leaf, &own) {
                    withdraw();
                    return Err(changed(key));
                }
                self.note(key);
                Err(changed(key).with_hint(IN_TRASH))
            }
        }
    }

    /// Moves `leaf` in `dir`, which is `old`, into the trash.
    pub(crate) fn take(&self, key: &Key, dir: &OwnedFd, old: &Meta) -> Result<()> {
        let leaf = split(key.as_str().as_bytes()).1;
        let kept = self.directory_of(key)?;
        if Meta::at(&kept, leaf).is_ok() {
            return Err(cannot(key, Errno::EXIST));
        }
        match rename_noreplace(dir, leaf, &kept, leaf) {
            Ok(()) => {}
            // Removed already; unless it is the trash that is missing.
            Err(Errno::NOENT) if Meta::at(dir, leaf).err() == Some(Errno::NOENT) => {
                return Ok(());
            }
            Err(errno) => return Err(cannot(key, errno)),
        }
        match Meta::at(&kept, leaf) {
            Ok(found) if !self.detector.is_still(&found, &kept, leaf, old) => {
                // Somebody has put another one there in the last moment.
                if rename_noreplace(&kept, leaf, dir, leaf).is_ok() {
                    return Err(changed(key));
                }
                self.note(key);
                Err(changed(key).with_hint(IN_TRASH))
            }
            _ => {
                self.note(key);
                Ok(())
            }
        }
    }
}

fn cannot(key: &Key, errno: Errno) -> StoreError {
    match errno {
        Errno::EXIST => refused(
            ErrorKind::Blocked,
            format!("cannot keep '{key}' in the trash: a file of that name exists there already"),
        ),
        Errno::XDEV => refused(
            ErrorKind::Other,
            format!("cannot keep '{key}' in the trash: it is on another file system"),
        ),
        errno => failed(format!("cannot keep '{key}' in the trash"), errno),
    }
}
