//! Writing and removing the mark of an unfinished restore.

use std::os::fd::OwnedFd;

use rustix::fs::AtFlags;
use rustix::io::Errno;
use sync_core::Result;

use super::error::cannot;
use super::name::RESTORE_MARK;
use crate::directory::Directory;
use crate::options::Durability;
use crate::sys::errno::Sys;
use crate::sys::fsync::sync_if_possible;
use crate::sys::meta::Meta;
use crate::write::temporary::Temporary;

impl Directory {
    /// Writes a mark with the content `text` into the root, replacing an earlier
    /// one; on disk when this returns, unless nothing is to be synced.
    pub(crate) fn write_restore_mark(&self, text: &[u8]) -> Result<()> {
        let written = self.root.directory(b"").and_then(|root| {
            let mark =
                Temporary::create(root.try_clone().map_err(|error| io_errno(&error))?, None)?;
            write_all(&mark, text)?;
            if self.options.durability != Durability::None {
                sync_if_possible(mark.file())?;
            }
            mark.rename_over(&root, RESTORE_MARK)?;
            self.sync_root(&root)
        });
        written.map_err(|errno| cannot("cannot write the mark", self.root.path(), errno))
    }

    /// Removes the mark, if there is one.
    pub(crate) fn remove_restore_mark(&self) -> Result<()> {
        if !self.exists()? {
            return Ok(());
        }
        let removed = self.root.directory(b"").and_then(|root| {
            match Meta::at(&root, RESTORE_MARK.as_bytes()) {
                Ok(meta) if meta.is_file() => {}
                Ok(_) | Err(Errno::NOENT) => return Ok(()),
                Err(errno) => return Err(errno),
            }
            match rustix::fs::unlinkat(&root, RESTORE_MARK, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => self.sync_root(&root),
                Err(errno) => Err(errno),
            }
        });
        removed.map_err(|errno| cannot("cannot remove the mark", self.root.path(), errno))
    }

    fn sync_root(&self, root: &OwnedFd) -> Sys<()> {
        if self.options.durability == Durability::None {
            return Ok(());
        }
        sync_if_possible(root)
    }
}

fn write_all(mark: &Temporary, mut text: &[u8]) -> Sys<()> {
    while !text.is_empty() {
        match rustix::io::write(mark.file(), text) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => text = &text[written..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn io_errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::options::FsOptions;
    use crate::restore_mark::restore_mark;

    fn directory(dir: &Path) -> Directory {
        let directory = Directory::new(dir, FsOptions::default());
        assert!(directory.exists().unwrap());
        directory
    }

    #[test]
    fn a_mark_is_written_read_replaced_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let directory = directory(dir.path());
        assert_eq!(restore_mark(dir.path()).unwrap(), None);
        directory.write_restore_mark(b"first").unwrap();
        directory.write_restore_mark(b"second").unwrap();
        let found = restore_mark(dir.path()).unwrap().unwrap();
        assert_eq!(found.text, b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        directory.remove_restore_mark().unwrap();
        directory.remove_restore_mark().unwrap();
        assert_eq!(restore_mark(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_link_is_no_mark_and_is_never_written_through() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = other.path().join("target");
        fs::write(&target, "mine").unwrap();
        let mark = dir.path().join(RESTORE_MARK);
        symlink(&target, &mark).unwrap();
        let directory = directory(dir.path());
        assert_eq!(restore_mark(dir.path()).unwrap(), None);
        directory.remove_restore_mark().unwrap();
        assert!(mark.is_symlink(), "what is not ours is left alone");
        directory.write_restore_mark(b"text").unwrap();
        assert!(!mark.is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"mine");
    }
}
