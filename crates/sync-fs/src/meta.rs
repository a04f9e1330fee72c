//! What the system says of one file, and the entry made of it.

use std::os::fd::AsFd;

use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, FileType, Stat};
use sync_core::{Entry, Key, Revision};

use crate::beneath::Sys;
use crate::times;

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

    /// Whether both are the very same file, in the very same state.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.device == other.device
            && self.inode == other.inode
            && self.size == other.size
            && self.modified == other.modified
            && self.changed == other.changed
    }

    /// Whether both are the same file, as far as a second name or another
    /// place changes nothing.
    pub(crate) fn is_same_content(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.device == other.device
            && self.inode == other.inode
            && self.size == other.size
            && self.modified == other.modified
    }

    /// Whether this is a regular file and the version that `entry` describes.
    pub(crate) fn is_version(&self, entry: &Entry) -> bool {
        self.is_file()
            && self.size == entry.size
            && self.modified == entry.modified
            && entry
                .revision
                .as_ref()
                .is_none_or(|seen| *seen == self.revision())
    }

    /// The entry of this file under `key`.
    pub(crate) fn entry(&self, key: Key) -> Entry {
        Entry::new(key, self.size, self.modified).with_revision(self.revision())
    }

    /// Device, inode and time of the last change of anything, in hexadecimal.
    ///
    /// A write that leaves size and mtime as they were still moves the change
    /// time, which no call can set.
    pub(crate) fn revision(&self) -> Revision {
        let mut text = Hex::default();
        text.push(self.device);
        text.push(self.inode);
        text.push(self.changed.0.cast_unsigned());
        text.push(self.changed.1.into());
        Revision::new(text.as_str())
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
mod tests {
    use super::*;

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
