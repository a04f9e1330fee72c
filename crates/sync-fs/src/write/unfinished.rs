//! A file that is being written: its parts, and what is checked and set before
//! it is committed.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use parking_lot::{Mutex, RwLock};
use rustix::io::Errno;
use sync_core::{
    ErrorKind, Expected, NewEntry, Result, StoreError,
    checksum::{Crc64, Crc64Hasher},
};

use super::commit_queue::Ready;
use super::parents::{self, Parent};
use super::shortfalls::{Shortfall, Shortfalls};
use super::temporary::Temporary;
use crate::directory::Directory;
use crate::error::{failed, refused};
use crate::sys::errno::Sys;
use crate::sys::file_system;
use crate::sys::meta::Meta;
use crate::sys::path::split;
use crate::sys::times;

/// Most pieces that one call of the system takes (`UIO_MAXIOV`).
const MAX_PIECES: usize = 1024;

/// The coarsest times of a file system that is in use (FAT).
const COARSEST: TimeDelta = TimeDelta::seconds(2);

/// A temporary and which of its bytes are written.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) temporary: Arc<Temporary>,
    pub(super) entry: NewEntry,
    /// Length and sum of each part, by offset.
    parts: Mutex<BTreeMap<u64, (u64, Crc64)>>,
    /// Set once no more bytes are taken. A part whose future was dropped
    /// continues in its thread; it must not touch the file, and so its mtime,
    /// after this.
    is_sealed: RwLock<bool>,
}

/// How much room a file system has for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// The file may not fit.
    Scarce,
    /// So much is free that it will most likely get its space.
    Ample,
    /// The same in a file system in memory. To take space there is to allocate all
    /// pages, which doubles the work of writing them.
    AmpleMemory,
}

/// A part that is being written.
#[derive(Debug)]
pub(super) struct Part {
    offset: u64,
    /// How many bytes of it are written.
    len: u64,
    sum: Crc64Hasher,
}

impl Unfinished {
    /// Makes the temporary for `entry`, which is going to replace `expected`.
    pub(super) fn create(
        directory: &Directory,
        entry: NewEntry,
        expected: &Expected,
    ) -> Result<Self> {
        directory.create_root()?;
        let key = &entry.key;
        let cannot = |errno| failed(format!("cannot create a file for '{key}'"), errno);
        let (dir, old) = match parents::parent(&directory.root, &directory.new_directories, key)? {
            Parent::Ready(dir) => {
                // A file that is not expected is not replaced.
                let may_be = *expected != Expected::Absent;
                let old = may_be.then(|| Meta::at(&dir, split(key.as_str().as_bytes()).1));
                let old = old.and_then(Result::ok).filter(Meta::is_file);
                (dir, old)
            }
            // The file that blocks the path is removed before the commit, or the
            // commit fails.
            Parent::Blocked(nearest, _) => (nearest, None),
        };
        let temporary = Temporary::create(dir, old).map_err(cannot)?;
        Ok(Self {
            temporary: Arc::new(temporary),
            entry,
            parts: Mutex::default(),
            is_sealed: RwLock::new(false),
        })
    }

    /// Takes the disk space for the whole file, where the file system can.
    #[cfg(target_os = "linux")]
    pub(super) fn reserve(&self) -> Sys<()> {
        if self.entry.size == 0 {
            return Ok(());
        }
        let none = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(self.temporary.file(), none, 0, self.entry.size) {
            Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(errno),
            // A file system that cannot take space beforehand (NFS 3, sshfs).
            Err(_) if self.exceeds_file_system() => Err(Errno::NOSPC),
            _ => Ok(()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn reserve(&self) -> Sys<()> {
        Ok(())
    }

    /// How much room its file system has for it.
    pub(super) fn space(&self) -> Space {
        let file = self.temporary.file();
        let is_ample = rustix::fs::fstatvfs(file).is_ok_and(|system| {
            let free = system.f_bavail.saturating_mul(system.f_frsize);
            free / 4 > self.entry.size
        });
        match is_ample {
            false => Space::Scarce,
            true if file_system::is_memory(file) => Space::AmpleMemory,
            true => Space::Ample,
        }
    }

    /// Whether the file is larger than all of its file system. Free space is no
    /// measure: a file with holes, or one that is compressed, takes less.
    #[cfg(target_os = "linux")]
    fn exceeds_file_system(&self) -> bool {
        rustix::fs::fstatvfs(self.temporary.file()).is_ok_and(|system| {
            let all = system.f_blocks.saturating_mul(system.f_frsize);
            all > 0 && self.entry.size > all
        })
    }

    /// Begins a part at `offset`.
    pub(super) fn part(offset: u64) -> Part {
        Part {
            offset,
            len: 0,
            sum: Crc64Hasher::default(),
        }
    }

    /// Adds `pieces` to the end of `part`.
    pub(super) fn write(&self, part: &mut Part, pieces: &[Bytes]) -> Result<()> {
        let key = &self.entry.key;
        let len: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let start = part.offset.checked_add(part.len);
        let end = start.and_then(|start| start.checked_add(len));
        let (Some(start), true) = (start, end.is_some_and(|end| end <= self.entry.size)) else {
            return Err(self.corrupt("a part lies beyond the end"));
        };
        let sealed = self.is_sealed.read();
        if *sealed {
            return Err(refused(
                ErrorKind::Stopped,
                format!("cannot write '{key}': it is being committed"),
            ));
        }
        for piece in pieces {
            part.sum.update(piece);
        }
        let mut pieces: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        self.write_all(start, &mut pieces)
            .map_err(|errno| self.cannot_write(errno))?;
        part.len += len;
        Ok(())
    }

    /// Ends `part`; returns its sum.
    pub(super) fn end(&self, part: Part) -> Crc64 {
        let sum = part.sum.finish();
        self.parts.lock().insert(part.offset, (part.len, sum));
        sum
    }

    fn write_all(&self, mut offset: u64, mut pieces: &mut [IoSlice<'_>]) -> Result<(), Errno> {
        // The first ones may be empty.
        IoSlice::advance_slices(&mut pieces, 0);
        while !pieces.is_empty() {
            let file = self.temporary.file();
            let written = match &*pieces {
                [piece] => rustix::io::pwrite(file, piece, offset),
                pieces => {
                    rustix::io::pwritev(file, &pieces[..pieces.len().min(MAX_PIECES)], offset)
                }
            };
            match written {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => {
                    IoSlice::advance_slices(&mut pieces, written);
                    offset += written as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Checks that the file is complete and sets its owner, permissions and
    /// time.
    pub(super) fn finish(
        &self,
        shortfalls: &Shortfalls,
        checksum: Crc64,
        expected: Expected,
    ) -> Result<Ready> {
        *self.is_sealed.write() = true;
        let finished = self
            .check(checksum)
            .and_then(|()| self.set_attributes(shortfalls));
        if let Err(error) = finished {
            self.temporary.discard();
            return Err(error);
        }
        Ok(Ready {
            temporary: Arc::clone(&self.temporary),
            entry: self.entry.clone(),
            expected,
        })
    }

    /// Checks that the parts are the whole file, without gap or overlap, and
    /// match its checksum.
    fn check(&self, checksum: Crc64) -> Result<()> {
        let parts = self.parts.lock();
        let (mut end, mut sum) = (0, Crc64::EMPTY);
        for (&offset, &(len, part)) in parts.iter() {
            if offset != end {
                return Err(self.corrupt("its parts have gaps or overlaps"));
            }
            end += len;
            sum = sum.then(part, len);
        }
        if end != self.entry.size {
            return Err(self.corrupt("its length is not the one that was announced"));
        }
        if sum != checksum {
            return Err(self.corrupt("it does not match its checksum"));
        }
        Ok(())
    }

    /// Sets owner, permissions and time. What the file system does not allow is
    /// recorded and no error: the content matters most in a restore.
    fn set_attributes(&self, shortfalls: &Shortfalls) -> Result<()> {
        let (file, key) = (self.temporary.file(), self.entry.key.as_str());
        let cannot = |errno| self.cannot_write(errno);
        if let Some(shortfall) = self.temporary.inherit().map_err(cannot)? {
            shortfalls.add(shortfall, key);
        }
        let set = rustix::fs::futimens(file, &times::to_system(self.entry.modified));
        match set {
            Ok(()) => {}
            Err(Errno::PERM | Errno::ACCESS | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL) => {
                shortfalls.add(Shortfall::Time, key);
            }
            Err(errno) => {
                return Err(failed(format!("cannot set the time of '{key}'"), errno));
            }
        }
        let meta = Meta::of(file).map_err(cannot)?;
        if meta.size != self.entry.size {
            return Err(self.corrupt("its length on disk is wrong"));
        }
        // Some say that they have set it, and have not.
        if set.is_ok() && (meta.modified - self.entry.modified).abs() > COARSEST {
            shortfalls.add(Shortfall::Time, key);
        }
        Ok(())
    }

    fn corrupt(&self, why: &str) -> StoreError {
        let key = &self.entry.key;
        refused(ErrorKind::Corrupt, format!("cannot write '{key}': {why}"))
    }

    pub(super) fn cannot_write(&self, errno: Errno) -> StoreError {
        failed(format!("cannot write '{}'", self.entry.key), errno)
    }
}
