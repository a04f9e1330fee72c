//! The attributes of one file.

use std::os::fd::AsFd;

use chrono::{DateTime, Utc};
use rustix::fs::{AtFlags, FileType, Stat};
use sync_core::entry::Revision;

use crate::sys::errno::Sys;
use crate::sys::identity::{Identity, Place};
use crate::sys::times;

/// The attributes of one file.
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

    /// What distinguishes this version of the file from another one of the same
    /// size and mtime, below a root that is on the device `home`, if that is known.
    pub(crate) fn identity(&self, home: Option<u64>) -> Identity {
        Identity {
            place: match home {
                Some(home) if home == self.device => Place::Home,
                Some(_) => Place::Mounted,
                None => Place::Unknown,
            },
            inode: self.inode,
            changed: self.changed,
        }
    }

    /// When anything of it was last changed, in seconds and nanoseconds.
    pub(crate) fn changed(&self) -> (i64, u32) {
        self.changed
    }

    /// The mark of this version; see [`Identity`].
    pub(crate) fn revision(&self, home: Option<u64>) -> Revision {
        self.identity(home).revision()
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

#[cfg(test)]
impl Meta {
    /// The same, as if its file system had this number.
    pub(crate) fn on_device(self, device: u64) -> Self {
        Self { device, ..self }
    }

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
