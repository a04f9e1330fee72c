//! The files that a write fills before they get their name.
//!
//! Their names, `.s3mirror-<16 hexadecimal digits>.tmp`, are never listed and
//! never accepted as the last segment of a key. A writer holds a lock on its
//! temporary, so that a sweep can tell what a killed run left behind from what
//! another run, on this directory by another way, is still writing.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use sync_core::{Result, StoreError};

use crate::beneath::{Root, Sys};
use crate::error::failed;
use crate::meta::Meta;

const PREFIX: &[u8] = b".s3mirror-";
const SUFFIX: &[u8] = b".tmp";
const DIGITS: usize = 16;

/// Whether `leaf` is a name that only our temporaries have.
pub(crate) fn is_temporary(leaf: &[u8]) -> bool {
    leaf.strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .is_some_and(|digits| {
            digits.len() == DIGITS
                && digits
                    .iter()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
}

/// A file without a final name. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Temporary {
    dir: OwnedFd,
    name: String,
    file: OwnedFd,
    exists: AtomicBool,
}

impl Temporary {
    /// Makes one in `dir`, with the permissions of `old`, the file that it is
    /// going to replace.
    pub(crate) fn create(dir: OwnedFd, old: Option<Meta>) -> Sys<Self> {
        // Never more open than the file it replaces, not even for a moment.
        let first = old.map_or(0o666, |old| old.mode & 0o600);
        let (name, file) = create_file(dir.as_fd(), Mode::from_bits_truncate(first as _))?;
        let temporary = Self {
            dir,
            name,
            file,
            exists: AtomicBool::new(true),
        };
        // A file system without locks only makes the sweep less careful.
        let _ = rustix::fs::flock(&temporary.file, FlockOperation::NonBlockingLockExclusive);
        if let Some(old) = old {
            let kept = Mode::from_bits_truncate((old.mode & 0o777) as _);
            rustix::fs::fchmod(&temporary.file, kept)?;
        }
        Ok(temporary)
    }

    /// The open file.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Moves it to `leaf` in `dir`; `replace` says whether something may be
    /// there.
    pub(crate) fn rename(&self, dir: impl AsFd, leaf: &[u8], replace: bool) -> Sys<()> {
        let done = if replace {
            rustix::fs::renameat(&self.dir, &*self.name, dir, leaf)
        } else {
            rename_noreplace(&self.dir, self.name.as_bytes(), &dir, leaf)
        };
        if done.is_ok() {
            self.exists.store(false, Ordering::Release);
        }
        done
    }

    /// Removes it, unless it has been renamed.
    pub(crate) fn discard(&self) {
        if self.exists.swap(false, Ordering::AcqRel) {
            // What cannot be removed now is swept by a later run.
            let _ = rustix::fs::unlinkat(&self.dir, &*self.name, AtFlags::empty());
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.discard();
    }
}

fn create_file(dir: BorrowedFd<'_>, mode: Mode) -> Sys<(String, OwnedFd)> {
    const ATTEMPTS: usize = 16;
    let flags = OFlags::RDWR
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);
    for _ in 0..ATTEMPTS {
        let name = format!(".s3mirror-{:016x}.tmp", random());
        match rustix::fs::openat(dir, &*name, flags, mode) {
            Ok(file) => return Ok((name, file)),
            Err(Errno::EXIST | Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

/// The standard library seeds its hashers from the system's random numbers.
fn random() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    hasher.finish()
}

/// Moves `name` in `from` to `leaf` in `dir`, where nothing must be.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(crate) fn rename_noreplace(
    from: impl AsFd,
    name: &[u8],
    dir: impl AsFd,
    leaf: &[u8],
) -> Sys<()> {
    use rustix::fs::RenameFlags;
    match rustix::fs::renameat_with(&from, name, &dir, leaf, RenameFlags::NOREPLACE) {
        // The file system cannot: what the caller saw just before must do.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::renameat(from, name, dir, leaf)
        }
        result => result,
    }
}

/// Moves `name` in `from` to `leaf` in `dir`; what the caller saw there just
/// before must do.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(crate) fn rename_noreplace(
    from: impl AsFd,
    name: &[u8],
    dir: impl AsFd,
    leaf: &[u8],
) -> Sys<()> {
    rustix::fs::renameat(from, name, dir, leaf)
}

/// Lets `leaf` in `one` and in `other` change places, in one step.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(crate) fn exchange(one: impl AsFd, other: impl AsFd, leaf: &[u8]) -> Sys<()> {
    use rustix::fs::RenameFlags;
    rustix::fs::renameat_with(one, leaf, other, leaf, RenameFlags::EXCHANGE)
}

/// There is no such call.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(crate) fn exchange(_: impl AsFd, _: impl AsFd, _: &[u8]) -> Sys<()> {
    Err(Errno::NOSYS)
}

/// Removes the temporary at `path` if nobody is writing it; says whether.
pub(crate) fn sweep(root: &Root, path: &str) -> Result<bool> {
    let error = |errno| -> StoreError {
        let shown = sync_core::printable(path);
        failed(format!("cannot remove the left-over '{shown}'"), errno)
    };
    let (dir, leaf) = match root.parent(path.as_bytes()) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        Err(errno) => return Err(error(errno)),
    };
    match Meta::at(&dir, leaf) {
        Ok(meta) if meta.is_file() && is_temporary(leaf) => {}
        Ok(_) | Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(error(errno)),
    }
    if is_being_written(&dir, leaf) {
        return Ok(false);
    }
    match rustix::fs::unlinkat(&dir, leaf, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(error(errno)),
    }
}

fn is_being_written(dir: &OwnedFd, leaf: &[u8]) -> bool {
    let flags = OFlags::RDONLY
        .union(OFlags::NOFOLLOW)
        .union(OFlags::NONBLOCK)
        .union(OFlags::CLOEXEC);
    rustix::fs::openat(dir, leaf, flags, Mode::empty()).is_ok_and(|file| {
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_pattern_is_ours() {
        assert!(is_temporary(b".s3mirror-0123456789abcdef.tmp"));
        for name in [
            ".s3mirror-0123456789ABCDEF.tmp",
            ".s3mirror-0123456789abcde.tmp",
            ".s3mirror-0123456789abcdef0.tmp",
            ".s3mirror-0123456789abcdef.tmp~",
            "s3mirror-0123456789abcdef.tmp",
            ".s3mirror-.tmp",
            ".s3mirror-notes-for-me-.tmp",
        ] {
            assert!(!is_temporary(name.as_bytes()), "{name}");
        }
    }
}
