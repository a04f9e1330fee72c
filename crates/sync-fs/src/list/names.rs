//! The names in one directory, in the order of the keys that they lead to.
//!
//! A directory is sorted as `name/`, because that is how the keys below it
//! continue: `a-b`, `a.txt`, `a/x`. The names stand one after another in one
//! buffer, with eight bytes beside each: a directory of a million files takes
//! about 20 MiB, and no more than one such list a level is ever held.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::sys::errno::Sys;
use crate::sys::meta::Meta;

/// The sorted names of one directory.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: Vec<u8>,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    start: u32,
    len: u16,
    kind: FileType,
}

impl Names {
    /// Reads the directory `dir`; `buffer` is scratch space.
    ///
    /// If the system fails midway, or there are more than `most` names, those up to
    /// there come with the error.
    pub(crate) fn read(dir: &OwnedFd, buffer: &mut Vec<u8>, most: usize) -> (Self, Option<Errno>) {
        let mut names = Self::default();
        let error = each_name(dir, buffer, |name, kind| {
            if names.items.len() == most {
                return Err(Errno::TOOBIG);
            }
            names.add(dir, name, kind)
        });
        names.sort();
        (names, error.err())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The name at `index`, and its kind.
    pub(crate) fn get(&self, index: usize) -> Option<(&[u8], FileType)> {
        let name = self.sorted_as(index)?;
        let kind = self.items[index].kind;
        Some((name.strip_suffix(b"/").unwrap_or(name), kind))
    }

    /// The name at `index` as it is sorted: that of a directory with its slash.
    pub(crate) fn sorted_as(&self, index: usize) -> Option<&[u8]> {
        Some(&self.text[self.items.get(index)?.range()])
    }

    fn add(&mut self, dir: &OwnedFd, name: &[u8], kind: FileType) -> Sys<()> {
        let kind = match kind {
            // Some file systems do not say; the order depends on it.
            FileType::Unknown => match Meta::at(dir, name) {
                Ok(meta) => meta.kind,
                Err(Errno::NOENT) => return Ok(()),
                Err(_) => FileType::RegularFile,
            },
            kind => kind,
        };
        let start = u32::try_from(self.text.len()).map_err(|_| Errno::NOMEM)?;
        self.text.extend_from_slice(name);
        if kind == FileType::Directory {
            self.text.push(b'/');
        }
        let len =
            u16::try_from(self.text.len() - start as usize).map_err(|_| Errno::NAMETOOLONG)?;
        self.items.push(Item { start, len, kind });
        Ok(())
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.items
            .sort_unstable_by(|a, b| text[a.range()].cmp(&text[b.range()]));
        // Some file systems show a name twice while the directory changes.
        self.items
            .dedup_by(|a, b| text[a.range()] == text[b.range()]);
    }
}

impl Item {
    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.len)
    }
}

/// Calls `found` for each name in `dir` but `.` and `..`.
///
/// `dir` must be freshly opened: reading begins where its handle stands.
#[cfg(target_os = "linux")]
pub(crate) fn each_name(
    dir: impl AsFd,
    buffer: &mut Vec<u8>,
    mut found: impl FnMut(&[u8], FileType) -> Sys<()>,
) -> Sys<()> {
    /// Enough for about a thousand names a call.
    const BUFFER: usize = 32 * 1024;

    buffer.clear();
    buffer.reserve(BUFFER);
    let mut names = rustix::fs::RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = names.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno),
        };
        match entry.file_name().to_bytes() {
            b"." | b".." => {}
            name => found(name, entry.file_type())?,
        }
    }
    Ok(())
}

/// Calls `found` for each name in `dir` but `.` and `..`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn each_name(
    dir: impl AsFd,
    _buffer: &mut Vec<u8>,
    mut found: impl FnMut(&[u8], FileType) -> Sys<()>,
) -> Sys<()> {
    for entry in rustix::fs::Dir::read_from(dir)? {
        let entry = entry?;
        match entry.file_name().to_bytes() {
            b"." | b".." => {}
            name => found(name, entry.file_type())?,
        }
    }
    Ok(())
}
