//! Confinement: the only place where a path of more than one segment is
//! resolved.
//!
//! Everything starts at one handle on the root. Linux' `openat2` refuses to
//! leave the root and to follow any link on the way, in the kernel and
//! therefore without a race; where it is missing, each segment is opened by
//! itself with `O_NOFOLLOW`. All further work is done on a leaf name relative
//! to the directory handle that this module gave.
//!
//! Handles are not cached: resolving afresh costs about a microsecond, and no
//! handle is ever old enough to name a directory that was moved away long ago.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::sys::precision::Precision;

#[cfg(target_os = "linux")]
use rustix::fs::ResolveFlags;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::options::Durability;

/// Result of a system call.
pub(crate) type Sys<T> = Result<T, Errno>;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// `O_NONBLOCK` keeps a FIFO that took the place of a file from blocking.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Never out of the root, and through no link.
#[cfg(target_os = "linux")]
const CONFINED: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// Longest path given to the kernel at once; its own limit is 4,096 bytes.
const LONGEST_PATH: usize = 4000;

/// The root directory.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    opened: OnceLock<Opened>,
}

#[derive(Debug)]
struct Opened {
    handle: OwnedFd,
    /// The path without links, to recognise absolute links that lead inside.
    real: PathBuf,
    precision: Precision,
}

impl Root {
    /// A root that is not opened yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            opened: OnceLock::new(),
        }
    }

    /// A root by its handle; `path` is what people call it.
    pub(crate) fn opened(path: PathBuf, handle: OwnedFd) -> Self {
        let (real, precision) = (path.clone(), Precision::of(&handle));
        let opened = Opened {
            handle,
            real,
            precision,
        };
        Self {
            path,
            opened: OnceLock::from(opened),
        }
    }

    /// The path as it was given.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the root, once; a link at its own name is followed.
    pub(crate) fn open(&self) -> Sys<()> {
        if self.opened.get().is_some() {
            return Ok(());
        }
        let handle = rustix::fs::openat(CWD, &self.path, DIRECTORY, Mode::empty())?;
        let real = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let precision = Precision::of(&handle);
        // If two threads open it at once, the handle of the first is kept.
        let _ = self.opened.set(Opened {
            handle,
            real,
            precision,
        });
        Ok(())
    }

    /// How exact the times of its file system are.
    pub(crate) fn precision(&self) -> Precision {
        let opened = self.opened.get();
        opened.map_or(Precision::UNKNOWN, |opened| opened.precision)
    }

    /// Whether the root has been opened.
    pub(crate) fn is_open(&self) -> bool {
        self.opened.get().is_some()
    }

    /// Makes the root and its parents where they are missing, and opens it.
    pub(crate) fn create(&self, durability: Durability) -> std::io::Result<()> {
        if self.is_open() {
            return Ok(());
        }
        let missing: Vec<&Path> = self
            .path
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        std::fs::create_dir_all(&self.path)?;
        let missing = missing.into_iter();
        for made in missing.filter(|_| durability != Durability::None) {
            // Its name is on disk when the directory above it is.
            let above = made.parent().filter(|path| !path.as_os_str().is_empty());
            // One that may be written but not read cannot be synced.
            if let Ok(above) = std::fs::File::open(above.unwrap_or(Path::new("."))) {
                crate::sys::fsync::sync_if_possible(above)?;
            }
        }
        Ok(self.open()?)
    }

    /// What remains of the absolute path `target` below the root.
    pub(crate) fn strip<'a>(&self, target: &'a [u8]) -> Option<&'a [u8]> {
        let real = &self.opened.get()?.real;
        let rest = Path::new(OsStr::from_bytes(target))
            .strip_prefix(real)
            .ok()?;
        Some(rest.as_os_str().as_bytes())
    }

    /// Puts the root's whole file system on disk; returns its device.
    #[cfg(target_os = "linux")]
    pub(crate) fn sync_file_system(&self) -> Sys<u64> {
        let root = self.handle()?;
        rustix::fs::syncfs(root)?;
        Ok(crate::sys::meta::Meta::of(root)?.device)
    }

    /// There is no such call.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn sync_file_system(&self) -> Sys<u64> {
        Err(Errno::NOSYS)
    }

    fn handle(&self) -> Sys<BorrowedFd<'_>> {
        self.opened
            .get()
            .map(|opened| opened.handle.as_fd())
            .ok_or(Errno::NOENT)
    }

    /// Opens the directory `path`; the root itself when it is empty.
    pub(crate) fn directory(&self, path: &[u8]) -> Sys<OwnedFd> {
        open(self.handle()?, path, DIRECTORY)
    }

    /// Opens `path` for reading, whatever it is.
    pub(crate) fn file(&self, path: &[u8]) -> Sys<OwnedFd> {
        open(self.handle()?, path, FILE)
    }

    /// As [`Root::file`], but fails rather than to wait for the disk.
    #[cfg(target_os = "linux")]
    pub(crate) fn file_at_hand(&self, path: &[u8]) -> Sys<OwnedFd> {
        rustix::fs::openat2(
            self.handle()?,
            path,
            FILE,
            Mode::empty(),
            CONFINED.union(ResolveFlags::CACHED),
        )
    }

    /// Opens the directory of `path` and names the leaf in it.
    pub(crate) fn parent<'a>(&self, path: &'a [u8]) -> Sys<(OwnedFd, &'a [u8])> {
        let (parent, leaf) = split(path);
        Ok((self.directory(parent)?, leaf))
    }
}

/// How long a thread waits for a handle, when the process has no more.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `open` opens. Where the process or the system has no more handles, it
/// waits for others to be closed: connections and files come and go.
pub(crate) fn patiently<T>(mut open: impl FnMut() -> Sys<T>) -> Sys<T> {
    let mut since = None;
    loop {
        match open() {
            Err(errno @ (Errno::MFILE | Errno::NFILE)) => {
                if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(errno);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// Opens `segment`, a directory right below `dir`.
pub(crate) fn child(dir: impl AsFd, segment: &[u8]) -> Sys<OwnedFd> {
    // One segment needs no openat2: there is no way to be led astray on.
    let flags = DIRECTORY.union(OFlags::NOFOLLOW);
    patiently(|| rustix::fs::openat(&dir, segment, flags, Mode::empty()))
}

/// Removes the directory `leaf` if it is empty.
pub(crate) fn remove_directory(dir: impl AsFd, leaf: &[u8]) -> Sys<()> {
    rustix::fs::unlinkat(dir, leaf, AtFlags::REMOVEDIR)
}

/// A path's directory (empty for the root) and its last segment.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// The segments of `path`, each with where it begins.
pub(crate) fn segments(path: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    path.split(|&b| b == b'/')
        .map(move |segment| {
            let at = start;
            start += segment.len() + 1;
            (at, segment)
        })
        .filter(|(_, segment)| !segment.is_empty())
}

fn open(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    patiently(|| open_at_once(root, path, flags))
}

fn open_at_once(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    if path.is_empty() {
        return rustix::fs::openat(root, c".", flags, Mode::empty());
    }
    if path.len() <= LONGEST_PATH {
        return open_short(root, path, flags);
    }
    let cut = path[..LONGEST_PATH]
        .iter()
        .rposition(|&b| b == b'/')
        .ok_or(Errno::NAMETOOLONG)?;
    let next = open_short(root, &path[..cut], DIRECTORY)?;
    open(next.as_fd(), &path[cut + 1..], flags)
}

#[cfg(target_os = "linux")]
fn open_short(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    use std::sync::atomic::{AtomicBool, Ordering};

    static MISSING: AtomicBool = AtomicBool::new(false);
    /// The kernel asks to try again when a rename anywhere disturbed it.
    const ATTEMPTS: usize = 64;

    if MISSING.load(Ordering::Relaxed) {
        return open_stepwise(root, path, flags);
    }
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), CONFINED) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::NOSYS) => {
                MISSING.store(true, Ordering::Relaxed);
                return open_stepwise(root, path, flags);
            }
            // Some sandboxes answer a call that they do not know with this.
            Err(Errno::PERM) => return open_stepwise(root, path, flags),
            result => return result,
        }
    }
    open_stepwise(root, path, flags)
}

#[cfg(not(target_os = "linux"))]
fn open_short(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    open_stepwise(root, path, flags)
}

/// The portable way: one segment at a time, none of them a link.
fn open_stepwise(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Sys<OwnedFd> {
    let (parents, leaf) = split(path);
    let mut current = None;
    for (_, segment) in segments(parents) {
        refuse_dots(segment)?;
        let dir = current.as_ref().map_or(root, OwnedFd::as_fd);
        current = Some(child(dir, segment)?);
    }
    refuse_dots(leaf)?;
    let dir = current.as_ref().map_or(root, OwnedFd::as_fd);
    rustix::fs::openat(dir, leaf, flags.union(OFlags::NOFOLLOW), Mode::empty())
}

fn refuse_dots(segment: &[u8]) -> Sys<()> {
    match segment {
        b"" | b"." | b".." => Err(Errno::INVAL),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
