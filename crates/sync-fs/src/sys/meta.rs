//! What the system says of one file, and the entry made of it.

use std::os::fd::AsFd;

use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, FileType, Stat};
use sync_core::{Entry, Key, Revision};

use crate::sys::precision::Precision;
use crate::sys::root::Sys;
use crate::sys::times;

/// What the system says of one file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meta {
    pub(crate) kind: FileType,
    pub(crate) mode: u32,
    pub(crate) owner: u32,
    pub(crate) group: u32,
    pub(crate) size: u64,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    changed: (i64, u32),
}

impl Meta {
    /// Of `leaf` in `dir`; of a link, not of what it names.
    pub(crate) fn at(dir: impl AsFd, leaf: &[u8]) -> Sys<Self> {
        Ok(Self::new(&rustix::fs::statat(
            dir,
            leaf,
            AtFlags::SYMLINK_NOFOLLOW,
        )?))
    }

    /// Of an open file.
    pub(crate) fn of(file: impl AsFd) -> Sys<Self> {
        Ok(Self::new(&rustix::fs::fstat(file)?))
    }

    // The types of these fields differ from platform to platform.
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_lossless,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation
    )]
    fn new(stat: &Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode as _),
            mode: stat.st_mode as u32,
            owner: stat.st_uid as u32,
            group: stat.st_gid as u32,
            size: stat.st_size as u64,
            modified: times::from_system(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        }
    }

    /// The same with another size, which was found by reading.
    pub(crate) fn with_size(self, size: u64) -> Self {
        Self { size, ..self }
    }

    /// Whether it is a regular file.
    pub(crate) fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    /// What tells this version of the file from another one of the same size
    /// and mtime.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            inode: self.inode,
            changed: self.changed,
        }
    }

    /// The entry of this file under `key`.
    pub(crate) fn entry(&self, key: Key, precision: Precision) -> Entry {
        let mut entry = Entry::new(key, self.size, self.modified).with_revision(self.revision());
        entry.coarse = precision.of_file(self);
        entry
    }

    /// When anything of it was last changed, in seconds and nanoseconds.
    pub(crate) fn changed(&self) -> (i64, u32) {
        self.changed
    }

    /// The mark of this version; see [`Identity`].
    pub(crate) fn revision(&self) -> Revision {
        self.identity().revision()
    }
}

/// What tells two versions of a file of the same size and mtime apart.
///
/// A write that leaves size and mtime as they were still moves the change
/// time, which no call can set. The number of the device is no part of it: it
/// changes when a file system is mounted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) inode: u64,
    /// Time of the last change of anything: seconds and nanoseconds.
    pub(crate) changed: (i64, u32),
}

impl Identity {
    /// Inode and change time in hexadecimal.
    fn revision(self) -> Revision {
        let mut text = Hex::default();
        text.push(self.inode);
        text.push(self.changed.0.cast_unsigned());
        text.push(self.changed.1.into());
        Revision::new(text.as_str())
    }

    /// What `revision` says. In plans of earlier versions the device comes
    /// first.
    pub(crate) fn read(revision: &Revision) -> Option<Self> {
        let mut numbers = revision.as_str().rsplitn(4, '.');
        let mut next = || u64::from_str_radix(numbers.next()?, 16).ok();
        let (nanos, seconds, inode) = (next()?, next()?, next()?);
        Some(Self {
            inode,
            changed: (seconds.cast_signed(), u32::try_from(nanos).ok()?),
        })
    }
}

/// What a file of another kind is called in messages.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "a special file",
    }
}

/// Numbers in hexadecimal, joined by dots. A listing makes a million of these:
/// `format!` would be the dearest part of it.
struct Hex {
    text: [u8; 4 * 17],
    len: usize,
}

impl Default for Hex {
    fn default() -> Self {
        Self {
            text: [0; 4 * 17],
            len: 0,
        }
    }
}

impl Hex {
    fn push(&mut self, number: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        if self.len > 0 {
            self.text[self.len] = b'.';
            self.len += 1;
        }
        let digits = (64 - number.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            self.text[self.len] = DIGITS[(number >> (4 * digit)) as usize & 15];
            self.len += 1;
        }
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

#[cfg(test)]
impl Meta {
    /// A file with these times, in seconds and half seconds.
    pub(crate) fn dated(device: u64, modified: (i64, i64), changed: (i64, i64)) -> Self {
        let nanos = |half: i64| u32::try_from(half * 500_000_000).unwrap();
        Self {
            kind: FileType::RegularFile,
            mode: 0,
            owner: 0,
            group: 0,
            size: 0,
            modified: times::from_system(modified.0, nanos(modified.1)),
            device,
            inode: 0,
            changed: (changed.0, nanos(changed.1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_from_revisions_of_old_and_new_plans() {
        for identity in [
            Identity {
                inode: 0,
                changed: (0, 0),
            },
            Identity {
                inode: u64::MAX,
                changed: (-1, 999_999_999),
            },
        ] {
            let revision = identity.revision();
            assert_eq!(Identity::read(&revision), Some(identity));
            let old = Revision::new(format!("fe00.{}", revision.as_str()));
            assert_eq!(Identity::read(&old), Some(identity));
        }
        for wrong in ["", "1.2", "1.2.g", "1.2.100000000"] {
            assert_eq!(Identity::read(&Revision::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn hex_is_what_format_writes() {
        let numbers = [0, 15, 16, u64::MAX];
        let mut hex = Hex::default();
        for number in numbers {
            hex.push(number);
        }
        assert_eq!(hex.as_str(), "0.f.10.ffffffffffffffff");
    }
}
