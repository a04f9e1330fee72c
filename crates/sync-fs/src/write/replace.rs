//! Installing a finished temporary under its final name: the last check of what
//! is there, and the rename.
//!
//! Directories are resolved again here, once for a group, however long the
//! transfer took, so a file arrives at the path of its key at this moment. What is replaced is
//! what the planner saw, or something that is no entry: a link, FIFO, socket or
//! device is replaced by the rename itself, without being opened or followed.

use std::os::fd::OwnedFd;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{Expected, Key, Result, StoreError};

use super::commit_queue::Ready;
use super::empty_tree::remove_empty_tree;
use super::expected::{appeared, as_expected, expect, expect_link};
use super::parents::{Parent, blocked, parent};
use super::temporary::outcome::Outcome;
use crate::directory::Directory;
use crate::error::{changed, failed};
use crate::sys::last_directory::LastDirectory;
use crate::sys::meta::Meta;
use crate::sys::path::split;
use crate::trash::Trash;
use crate::trash::replaced::Replaced;

/// Gives the file that is `ready` its name, if what is there is what it expects.
pub(super) fn install(
    directory: &Directory,
    last: &mut LastDirectory,
    ready: &Ready,
    keep: Option<(&Trash, &Replaced)>,
) -> Result<()> {
    let (key, temporary) = (&ready.entry.key, &*ready.temporary);
    let (parent, leaf) = split(key.as_str().as_bytes());
    let dir = last.get(parent, || open_parent(directory, key))?;
    let is_expected = ready.expected != Expected::Absent
        || keep.is_some_and(|(_, replaced)| !matches!(replaced, Replaced::Nothing));
    // Where nothing is expected, the rename itself says whether that is so.
    let unseen = (!is_expected).then(|| temporary.rename_unseen(dir, leaf));
    let installed = match unseen.flatten() {
        None | Some(Err(Errno::EXIST)) => return replace(directory, dir, ready, keep),
        Some(installed) => installed,
    };
    installed.map_err(|errno| cannot_rename(key, errno))
}

/// The directory of `key` at this moment.
fn open_parent(directory: &Directory, key: &Key) -> Result<OwnedFd> {
    match parent(&directory.root, &directory.new_directories, key)? {
        Parent::Ready(dir) => Ok(dir),
        Parent::Blocked(_, obstacle) => Err(blocked(key, &obstacle)),
    }
}

/// The same, after a look at what is there.
fn replace(
    directory: &Directory,
    dir: &OwnedFd,
    ready: &Ready,
    keep: Option<(&Trash, &Replaced)>,
) -> Result<()> {
    let (root, detector) = (&*directory.root, &*directory.detector);
    let (entry, temporary, expected) = (&ready.entry, &*ready.temporary, &ready.expected);
    let key = &entry.key;
    let leaf = split(key.as_str().as_bytes()).1;
    let occupied = match Meta::at(dir, leaf) {
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
                    return trash.swap(key, temporary, dir, old, kept);
                }
                Replaced::Unlinked(..) => return Err(changed(key)),
                Replaced::Nothing => return Err(appeared(key)),
            },
            FileType::RegularFile => {
                expect(detector, &meta, entry, expected)?;
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
        Some(old) => temporary.replace(dir, leaf, &old, detector),
        None => temporary.rename(dir, leaf).map(|()| Outcome::Done),
    };
    match installed {
        Ok(outcome) => as_expected(key, outcome),
        Err(errno) => Err(cannot_rename(key, errno)),
    }
}

fn cannot_rename(key: &Key, errno: Errno) -> StoreError {
    match errno {
        Errno::EXIST => appeared(key),
        Errno::XDEV => changed(key).with_hint("another file system was mounted there"),
        errno => failed(
            format!("cannot rename the temporary file to '{key}'"),
            errno,
        ),
    }
}
