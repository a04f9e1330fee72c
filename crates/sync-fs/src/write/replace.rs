//! Installing a finished temporary under its final name: the last check of what
//! is there, and the rename.
//!
//! Directories are resolved again here, however long the transfer took, so a
//! file always arrives at the path of its key at this moment. What is replaced is
//! what the planner saw, or something that is no entry: a link, FIFO, socket or
//! device is replaced by the rename itself, without being opened or followed.

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Expected, NewEntry, Result};

use super::empty_tree::remove_empty_tree;
use super::expected::{appeared, as_expected, expect, expect_link};
use super::parents::{NewDirectories, Parent, blocked, parent};
use super::temporary::Temporary;
use super::temporary::outcome::Outcome;
use crate::change_detection::ChangeDetector;
use crate::error::{changed, failed};
use crate::sys::meta::Meta;
use crate::sys::path::split;
use crate::sys::root::Root;
use crate::trash::Trash;
use crate::trash::replaced::Replaced;

/// Gives `temporary` the name `entry.key`, if what is there is `expected`.
pub(crate) fn install(
    (root, detector): (&Root, &ChangeDetector),
    new_directories: &NewDirectories,
    temporary: &Temporary,
    entry: &NewEntry,
    expected: &Expected,
    keep: Option<(&Trash, &Replaced)>,
) -> Result<()> {
    let key = &entry.key;
    let path = key.as_str().as_bytes();
    let dir = match parent(root, new_directories, key)? {
        Parent::Ready(dir) => dir,
        Parent::Blocked(_, obstacle) => return Err(blocked(key, &obstacle)),
    };
    let leaf = split(path).1;
    let occupied = match Meta::at(&dir, leaf) {
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(failed(format!("cannot examine '{key}'"), errno)),
        Ok(meta) => match meta.kind {
            FileType::Directory => {
                remove_empty_tree(root, key)?;
                None
            }
            _ if let Some((trash, replaced)) = keep => match replaced {
                // Since then nothing may have touched it.
                Replaced::Linked(old, _) if detector.is_same(old, &meta) => Some(meta),
                Replaced::Linked(..) => return Err(changed(key)),
                Replaced::Unlinked(old, kept) if detector.is_same(old, &meta) => {
                    return trash.swap(key, temporary, &dir, old, kept);
                }
                Replaced::Unlinked(..) => return Err(changed(key)),
                Replaced::Nothing => return Err(appeared(key)),
            },
            FileType::RegularFile => {
                expect((root, detector), &meta, entry, expected)?;
                Some(meta)
            }
            FileType::Symlink => {
                expect_link(detector, &meta, entry, expected)?;
                Some(meta)
            }
            _ => Some(meta),
        },
    };
    let installed = match occupied {
        Some(old) => temporary.replace(&dir, leaf, &old, detector),
        None => temporary.rename(&dir, leaf).map(|()| Outcome::Done),
    };
    match installed {
        Ok(outcome) => as_expected(key, outcome),
        Err(Errno::EXIST) => Err(appeared(key)),
        Err(Errno::XDEV) => Err(changed(key).with_hint("another file system was mounted there")),
        Err(errno) => Err(failed(
            format!("cannot rename the temporary file to '{key}'"),
            errno,
        )),
    }
}
