//! The root directory: everything is resolved from one handle on it.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{CWD, Mode};
use rustix::io::Errno;

use crate::options::Durability;
use crate::sys::confined::{self, DIRECTORY};
use crate::sys::errno::Sys;
use crate::sys::fsync::sync_if_possible;
#[cfg(target_os = "linux")]
use crate::sys::meta::Meta;
use crate::sys::path::split;
use crate::sys::precision::Precision;

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
                sync_if_possible(above)?;
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
        Ok(Meta::of(root)?.device)
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
        confined::directory(self.handle()?, path)
    }

    /// Opens `path` for reading, whatever it is.
    pub(crate) fn file(&self, path: &[u8]) -> Sys<OwnedFd> {
        confined::file(self.handle()?, path)
    }

    /// As [`Root::file`], but fails rather than to wait for the disk.
    #[cfg(target_os = "linux")]
    pub(crate) fn cached_file(&self, path: &[u8]) -> Sys<OwnedFd> {
        confined::file_cached(self.handle()?, path)
    }

    /// Opens the directory of `path` and names the leaf in it.
    pub(crate) fn parent<'a>(&self, path: &'a [u8]) -> Sys<(OwnedFd, &'a [u8])> {
        let (parent, leaf) = split(path);
        Ok((self.directory(parent)?, leaf))
    }
}

#[cfg(test)]
impl Root {
    /// The same, as if its file system had this number.
    pub(crate) fn on_device(mut self, device: u64) -> Self {
        if let Some(opened) = self.opened.get_mut() {
            opened.precision = opened.precision.on_device(device);
        }
        self
    }
}
