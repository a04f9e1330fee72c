//! Giving a finished temporary its name: the last look at what is there, and
//! the rename.
//!
//! Directories are resolved again here, however long the transfer took, so a
//! file always arrives where its key says at this moment. What is replaced is
//! what the planner saw, or something that is no entry: a link, FIFO, socket or
//! device is replaced by the rename itself, without being opened or followed.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FileType, Mode};
use rustix::io::Errno;
use sync_core::{Entry, ErrorKind, Expected, Key, Result, StoreError, printable};

use crate::change_detection::Trust;
use crate::error::{changed, failed, refused};
use crate::list::names::each_name;
use crate::sys::meta::{Meta, kind_name};
use crate::sys::root::{Root, Sys, child, remove_directory, segments, split};
use crate::trash::Trash;
use crate::trash::keep::Replaced;
use crate::write::temporary::{Outcome, Temporary};

/// The directories in which a directory was made that no sync has covered yet.
///
/// One set for all writers: a file may be committed into a directory that
/// another writer, still busy, has made.
#[derive(Debug, Default)]
pub(crate) struct Grown(Mutex<BTreeSet<Vec<u8>>>);

impl Grown {
    /// Takes the set; who takes it must sync what it names.
    pub(crate) fn take(&self) -> BTreeSet<Vec<u8>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back a directory whose sync failed.
    pub(crate) fn put_back(&self, path: Vec<u8>) {
        let mut grown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        grown.insert(path);
    }

    /// Makes `leaf` in `dir`, the directory at `path`. Under the lock, so that
    /// whoever sees the new directory also finds it in the set.
    fn make(&self, dir: &OwnedFd, path: &[u8], leaf: &[u8]) -> Sys<()> {
        let mut grown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match rustix::fs::mkdirat(dir, leaf, Mode::from_bits_truncate(0o777)) {
            Ok(()) => {
                grown.insert(path.to_vec());
                Ok(())
            }
            Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// Where a file can be made.
#[derive(Debug)]
pub(crate) enum Parent {
    /// In its own directory.
    Ready(OwnedFd),
    /// Not there yet: a file is in the way. The nearest directory above it.
    Blocked(OwnedFd, Obstacle),
}

/// Something that is no directory where the path needs one.
#[derive(Debug)]
pub(crate) struct Obstacle {
    /// How much of the path names it, in bytes.
    pub(crate) len: usize,
    /// What it is.
    pub(crate) kind: FileType,
}

/// Opens the directory of `key`, and makes it where it is missing.
pub(crate) fn parent(root: &Root, grown: &Grown, key: &Key) -> Result<Parent> {
    let cannot = |errno| failed(format!("cannot open the directory of '{key}'"), errno);
    let path = split(key.as_str().as_bytes()).0;
    match root.directory(path) {
        Ok(dir) => return Ok(Parent::Ready(dir)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
        Err(errno) => return Err(cannot(errno)),
    }
    let mut current = root.directory(b"").map_err(cannot)?;
    for (start, segment) in segments(path) {
        let here = path[..start].strip_suffix(b"/").unwrap_or_default();
        match open_or_make(&current, here, segment, grown) {
            Ok(next) => current = next,
            Err(Errno::NOTDIR | Errno::LOOP) => {
                let kind = Meta::at(&current, segment).map_err(cannot)?.kind;
                let obstacle = Obstacle {
                    len: start + segment.len(),
                    kind,
                };
                return match kind {
                    FileType::RegularFile => Ok(Parent::Blocked(current, obstacle)),
                    _ => Err(blocked(key, &obstacle)),
                };
            }
            Err(errno) => {
                return Err(failed(
                    format!("cannot make the directory of '{key}'"),
                    errno,
                ));
            }
        }
    }
    Ok(Parent::Ready(current))
}

fn open_or_make(dir: &OwnedFd, path: &[u8], segment: &[u8], grown: &Grown) -> Sys<OwnedFd> {
    match child(dir, segment) {
        Err(Errno::NOENT) => {
            grown.make(dir, path, segment)?;
            child(dir, segment)
        }
        result => result,
    }
}

/// Gives `temporary` the name `entry.key`, if what is there is `expected`.
pub(crate) fn place(
    (root, trust): (&Root, &Trust),
    grown: &Grown,
    temporary: &Temporary,
    entry: &Entry,
    expected: &Expected,
    keep: Option<(&Trash, &Replaced)>,
) -> Result<()> {
    let key = &entry.key;
    let path = key.as_str().as_bytes();
    let dir = match parent(root, grown, key)? {
        Parent::Ready(dir) => dir,
        Parent::Blocked(_, obstacle) => return Err(blocked(key, &obstacle)),
    };
    let leaf = split(path).1;
    let occupied = match Meta::at(&dir, leaf) {
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(failed(format!("cannot examine '{key}'"), errno)),
        Ok(meta) => match meta.kind {
            FileType::Directory => {
                give_way(root, key)?;
                None
            }
            _ if let Some((trash, replaced)) = keep => match replaced {
                // Since then nothing may have touched it.
                Replaced::Linked(old, _) if trust.is_same(old, &meta) => Some(meta),
                Replaced::Linked(..) => return Err(changed(key)),
                Replaced::Unlinked(old, kept) if trust.is_same(old, &meta) => {
                    return trash.swap(key, temporary, &dir, old, kept);
                }
                Replaced::Unlinked(..) => return Err(changed(key)),
                Replaced::Nothing => return Err(appeared(key)),
            },
            FileType::RegularFile => {
                expect((root, trust), &meta, entry, expected)?;
                Some(meta)
            }
            FileType::Symlink => {
                expect_link(trust, &meta, entry, expected)?;
                Some(meta)
            }
            _ => Some(meta),
        },
    };
    let placed = match occupied {
        Some(old) => temporary.replace(&dir, leaf, &old, trust),
        None => temporary.rename(&dir, leaf).map(|()| Outcome::Done),
    };
    match placed {
        Ok(outcome) => as_expected(key, outcome),
        Err(Errno::EXIST) => Err(appeared(key)),
        Err(Errno::XDEV) => Err(changed(key).with_hint("another file system was mounted there")),
        Err(errno) => Err(failed(format!("cannot give '{key}' its name"), errno)),
    }
}

/// Whether `found`, a regular file, is what the planner saw.
pub(crate) fn expect(
    (root, trust): (&Root, &Trust),
    found: &Meta,
    entry: &Entry,
    expected: &Expected,
) -> Result<()> {
    let path = entry.key.as_str().as_bytes();
    match expected {
        Expected::Absent => Err(appeared(&entry.key)),
        Expected::Version(seen) if trust.is_version_after_all(root, path, found, seen) => Ok(()),
        Expected::Version(_) => Err(changed(&entry.key)),
    }
}

/// Whether `found`, a link, is what the planner saw, if it saw a link. One that
/// was skipped is replaced, whatever it names.
fn expect_link(trust: &Trust, found: &Meta, entry: &Entry, expected: &Expected) -> Result<()> {
    match expected {
        Expected::Version(Entry {
            link: Some(link), ..
        }) if !trust.is_marked(found, &link.mark) => Err(changed(&entry.key)),
        _ => Ok(()),
    }
}

/// The error of a file that was another one in the last moment.
pub(crate) fn as_expected(key: &Key, outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Changed => Err(changed(key)),
        Outcome::Moved(name) => Err(changed(key).with_hint(format!(
            "it changed again meanwhile: one of its versions is beside it, as '{name}'"
        ))),
    }
}

fn appeared(key: &Key) -> StoreError {
    refused(
        ErrorKind::Changed,
        format!("'{key}' is there, though it was not when it was listed"),
    )
}

/// The error of a path on which something else than a directory stands.
pub(crate) fn blocked(key: &Key, obstacle: &Obstacle) -> StoreError {
    let name = printable(key.as_str().get(..obstacle.len).unwrap_or(key.as_str()));
    let kind = kind_name(obstacle.kind);
    refused(
        ErrorKind::Blocked,
        format!("cannot write '{key}': '{name}' is {kind} and not a directory"),
    )
    .with_hint(format!("remove '{name}' and run again"))
}

/// Removes the directory at `key` if it holds nothing but empty directories.
fn give_way(root: &Root, key: &Key) -> Result<()> {
    let cannot = |errno| match errno {
        Errno::NOTEMPTY | Errno::EXIST => refused(
            ErrorKind::Blocked,
            format!("cannot write '{key}': a directory of that name is not empty"),
        ),
        errno => failed(format!("cannot remove the empty directory '{key}'"), errno),
    };
    let tree = only_directories(root, key.as_str().as_bytes()).map_err(cannot)?;
    // Each was found after its parent, so the last goes first.
    for path in tree.iter().rev() {
        match root
            .parent(path)
            .and_then(|(dir, leaf)| remove_directory(&dir, leaf))
        {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(cannot(errno)),
        }
    }
    Ok(())
}

/// The directory at `path` and all below it, each after its parent.
/// `NOTEMPTY` if there is anything else among them.
fn only_directories(root: &Root, path: &[u8]) -> Sys<Vec<Vec<u8>>> {
    let mut found = vec![path.to_vec()];
    let mut buffer = Vec::new();
    let mut next = 0;
    while let Some(current) = found.get(next).cloned() {
        next += 1;
        let dir = root.directory(&current)?;
        each_name(&dir, &mut buffer, |name, kind| {
            let is_directory = match kind {
                FileType::Unknown => Meta::at(&dir, name)?.kind == FileType::Directory,
                kind => kind == FileType::Directory,
            };
            if !is_directory {
                return Err(Errno::NOTEMPTY);
            }
            found.push([&current, &b"/"[..], name].concat());
            Ok(())
        })?;
    }
    Ok(found)
}
