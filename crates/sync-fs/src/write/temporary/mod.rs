//! The temporary file that a write fills before it gets its final name, and the
//! temporary name of a file that is being removed.
//!
//! Both are called `.s3mirror-<24 hexadecimal digits>.tmp`. A name is no proof,
//! so the digits hold two marks (`marks`): one of the file itself, one of the
//! file that it replaces or that is being removed. What bears such a name
//! without one of these marks is a user's file like any other.
//!
//! A writer holds a lock on its temporary, so that a sweep can distinguish
//! what a killed run has left from what another run, on this directory by another
//! path, is still writing.

mod marks;
pub(crate) mod outcome;
pub(crate) mod remove;
pub(crate) mod sweep;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use crate::change_detection::ChangeDetector;
use crate::sys::errno::{Sys, is_missing_call, patiently};
use crate::sys::meta::Meta;
use crate::sys::rename::{exchange, rename_noreplace, rename_unseen};
use crate::write::shortfalls::Shortfall;

use marks::Marks;
use outcome::Outcome;

/// A file without a final name. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Temporary {
    dir: OwnedFd,
    name: String,
    file: OwnedFd,
    /// The file that it is going to replace, as it was seen first.
    old: Option<Meta>,
    /// Whether there is a file of ours under its name.
    exists: AtomicBool,
}

impl Temporary {
    /// Makes one in `dir`, which is going to replace `old`. Nobody may open it
    /// who may not open that.
    pub(crate) fn create(dir: OwnedFd, old: Option<Meta>) -> Sys<Self> {
        // Never more open than the file it replaces, not even for a moment.
        let first = old.map_or(0o666, |old| old.mode & 0o600);
        let (marks, file) = create_file(dir.as_fd(), Mode::from_bits_truncate(first as _))?;
        let mut temporary = Self {
            dir,
            name: marks.name(),
            file,
            old,
            exists: AtomicBool::new(true),
        };
        // A file system without locks only makes the sweep less careful.
        let _ = rustix::fs::flock(&temporary.file, FlockOperation::NonBlockingLockExclusive);
        let marked = marks.of(&Meta::of(&temporary.file)?, old.as_ref()).name();
        // Without its marks it would only not be swept.
        if rename_noreplace(
            &temporary.dir,
            temporary.name.as_bytes(),
            &temporary.dir,
            marked.as_bytes(),
        )
        .is_ok()
        {
            temporary.name = marked;
        }
        Ok(temporary)
    }

    /// Gives it owner, group and permissions of the file that it replaces, as
    /// far as the system allows; returns what it does not.
    pub(crate) fn inherit(&self) -> Sys<Option<Shortfall>> {
        let Some(old) = self.old else { return Ok(None) };
        let own = Meta::of(&self.file)?;
        let owner = (own.owner != old.owner).then(|| Uid::from_raw(old.owner));
        let group = (own.group != old.group).then(|| Gid::from_raw(old.group));
        if (owner.is_some() || group.is_some())
            && rustix::fs::fchown(&self.file, owner, group).is_err()
            && owner.is_some()
            && group.is_some()
        {
            // To give a file away takes more than to give it to a group.
            let _ = rustix::fs::fchown(&self.file, None, group);
        }
        let kept = Mode::from_bits_truncate((old.mode & 0o777) as _);
        let refused = rustix::fs::fchmod(&self.file, kept).is_err();
        if !refused && owner.is_none() {
            return Ok(None);
        }
        let own = Meta::of(&self.file)?;
        if own.owner != old.owner && locks_out_owner(&own, &old) {
            return Ok(Some(Shortfall::Owner));
        }
        let is_kept = own.mode & 0o777 == old.mode & 0o777;
        Ok((!is_kept).then_some(Shortfall::Permissions))
    }

    /// The open file.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Moves it to `leaf` in `dir`, where nothing must be.
    pub(crate) fn rename(&self, dir: impl AsFd, leaf: &[u8]) -> Sys<()> {
        let done = rename_noreplace(&self.dir, self.name.as_bytes(), &dir, leaf);
        if done.is_ok() {
            self.exists.store(false, Ordering::Release);
        }
        done
    }

    /// The same, though nobody looked before; `None` where the file system
    /// cannot see to it that nothing is replaced.
    pub(crate) fn rename_unseen(&self, dir: impl AsFd, leaf: &[u8]) -> Option<Sys<()>> {
        let done = rename_unseen(&self.dir, self.name.as_bytes(), &dir, leaf)?;
        if done.is_ok() {
            self.exists.store(false, Ordering::Release);
        }
        Some(done)
    }

    /// Moves it to `leaf` in `dir`, whatever is there: a name of our own.
    pub(crate) fn rename_over(&self, dir: impl AsFd, leaf: &str) -> Sys<()> {
        rustix::fs::renameat(&self.dir, self.name.as_bytes(), dir, leaf)?;
        self.exists.store(false, Ordering::Release);
        Ok(())
    }

    /// Puts it in the place of `old`, which the caller has just seen at `leaf`
    /// in `dir`.
    ///
    /// Both change places, so that it can be seen what really stood there: what
    /// came between the look and this call is put back. Where the file system
    /// cannot exchange names, the look must do.
    pub(crate) fn replace(
        &self,
        dir: &OwnedFd,
        leaf: &[u8],
        old: &Meta,
        detector: &ChangeDetector,
    ) -> Sys<Outcome> {
        let own = Meta::of(&self.file)?;
        let name = self.name.as_bytes();
        match exchange((&self.dir, name), (dir, leaf)) {
            Ok(()) => {}
            Err(errno) if is_missing_call(errno) => {
                rustix::fs::renameat(&self.dir, name, dir, leaf)?;
                self.exists.store(false, Ordering::Release);
                return Ok(Outcome::Done);
            }
            // It has been removed since.
            Err(Errno::NOENT) => return self.rename(dir, leaf).map(|()| Outcome::Done),
            Err(errno) => return Err(errno),
        }
        // Whatever has our name now, it is not ours.
        self.exists.store(false, Ordering::Release);
        let is = |known: &Meta| detector.is_at(&self.dir, name, known);
        if is(old) {
            // What cannot be removed now is swept by a later run.
            let _ = rustix::fs::unlinkat(&self.dir, name, AtFlags::empty());
            return Ok(Outcome::Done);
        }
        let is_back = match exchange((&self.dir, name), (dir, leaf)) {
            Ok(()) if is(&own) => {
                self.exists.store(true, Ordering::Release);
                true
            }
            // Ours has been removed, or replaced, within this moment.
            Err(Errno::NOENT) => rename_noreplace(&self.dir, name, dir, leaf).is_ok(),
            Ok(()) | Err(_) => false,
        };
        Ok(if is_back {
            Outcome::Changed
        } else {
            Outcome::Moved(self.name.clone())
        })
    }

    /// Removes it, unless it has been renamed.
    pub(crate) fn discard(&self) {
        if self.exists.swap(false, Ordering::AcqRel) {
            // What cannot be removed now is swept by a later run.
            let _ = rustix::fs::unlinkat(&self.dir, &*self.name, AtFlags::empty());
        }
    }
}

/// Whether the owner of `old` could read that, and cannot read `own` with the same
/// permissions: neither as everybody, nor as a member of the group.
fn locks_out_owner(own: &Meta, old: &Meta) -> bool {
    let by_group = old.mode & 0o040 != 0 && own.group == old.group;
    old.mode & 0o400 != 0 && old.mode & 0o004 == 0 && !by_group
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.discard();
    }
}

/// Makes an empty file whose name has no marks yet.
fn create_file(dir: BorrowedFd<'_>, mode: Mode) -> Sys<(Marks, OwnedFd)> {
    const ATTEMPTS: usize = 16;
    let flags = OFlags::RDWR
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    for _ in 0..ATTEMPTS {
        let marks = Marks::fresh();
        let name = marks.name();
        match patiently(|| rustix::fs::openat(dir, &*name, flags, mode)) {
            Ok(file) => return Ok((marks, file)),
            Err(Errno::EXIST | Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

#[cfg(test)]
mod tests;
