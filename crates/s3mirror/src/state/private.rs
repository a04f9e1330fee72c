//! Files and directories in places where others may write too: the owner is
//! checked on the open handle, and no link is ever followed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Longest file that is read here, in bytes.
const MOST: u64 = 256 << 10;

/// The permission to write of all but the owner.
const OTHERS_WRITE: u32 = 0o022;

/// Who may write to a directory of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It belongs to this user, and nobody else may write there.
    Own,
    /// The user has named it, so it may be shared: a mounted volume often
    /// belongs to root and a group.
    Named,
}

/// The user of this process.
pub(crate) fn user() -> u32 {
    geteuid().as_raw()
}

/// Makes `path` with `mode` if it is missing, but not its parents, and checks
/// it.
pub(crate) fn make_directory(path: &Path, mode: u32, trust: Trust) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    check_directory(path, trust)
}

/// Whether `path` is a directory that can be trusted. A link in its place is
/// followed only where the user has named it.
pub(crate) fn check_directory(path: &Path, trust: Trust) -> io::Result<()> {
    let mut flags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::CLOEXEC);
    if trust == Trust::Own {
        flags = flags.union(OFlags::NOFOLLOW);
    }
    let handle = match rustix::fs::openat(rustix::fs::CWD, path, flags, Mode::empty()) {
        Ok(handle) => File::from(handle),
        Err(Errno::LOOP | Errno::NOTDIR) => return Err(io::Error::other("not a directory")),
        Err(errno) => return Err(errno.into()),
    };
    if trust == Trust::Named {
        return Ok(());
    }
    let meta = handle.metadata()?;
    if meta.uid() != user() {
        return Err(io::Error::other(format!(
            "it belongs to user {}, not to this user ({})",
            meta.uid(),
            user()
        )));
    }
    if meta.mode() & OTHERS_WRITE != 0 {
        // Made under a lax umask; it is ours, so we may close it.
        let closed = Mode::from_bits_truncate((meta.mode() & 0o777 & !OTHERS_WRITE) as _);
        rustix::fs::fchmod(handle.as_fd(), closed)?;
    }
    Ok(())
}

/// Whether files can be made in `path`.
pub(crate) fn is_writable(path: &Path) -> io::Result<()> {
    let access = rustix::fs::Access::WRITE_OK.union(rustix::fs::Access::EXEC_OK);
    Ok(rustix::fs::accessat(
        rustix::fs::CWD,
        path,
        access,
        rustix::fs::AtFlags::EACCESS,
    )?)
}

/// The content of the regular file `path`, which is neither a link nor a pipe,
/// and the open file, for a lock. At most 256 KiB.
pub(crate) fn read(path: &Path) -> io::Result<(File, Vec<u8>)> {
    let file = open(path)?;
    let mut text = Vec::new();
    (&file).take(MOST).read_to_end(&mut text)?;
    Ok((file, text))
}

/// The content of the regular file `path`, as [`read`] does; an error if it is longer than
/// `most` bytes.
pub(crate) fn read_whole(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(text)
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as _)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// A new file in `directory`, locked, that gets its name only when it is
/// complete.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    unfinished: PathBuf,
    is_locked: bool,
}

impl NewFile {
    /// Makes the file.
    pub(crate) fn create(directory: &Path, mode: u32) -> io::Result<Self> {
        let unfinished = directory.join(passing_name());
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .custom_flags(OFlags::NOFOLLOW.bits() as _)
            .open(&unfinished)?;
        let is_locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        Ok(Self {
            file,
            unfinished,
            is_locked,
        })
    }

    /// Whether this file system has locks.
    pub(crate) fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Writes `text` and gives the file its name, in place of an earlier one.
    pub(crate) fn finish(mut self, text: &[u8], name: &str, sync: bool) -> io::Result<File> {
        let written = self.file.write_all(text).and_then(|()| {
            if sync {
                sync_if_possible(&self.file)?;
            }
            let path = self.unfinished.with_file_name(name);
            fs::rename(&self.unfinished, &path)?;
            if let Some(directory) = path.parent().filter(|_| sync) {
                sync_if_possible(&File::open(directory)?)?;
            }
            Ok(())
        });
        match written {
            Ok(()) => Ok(self.file),
            Err(error) => {
                let _ = fs::remove_file(&self.unfinished);
                Err(error)
            }
        }
    }
}

/// A name for a file that exists for a moment, or as long as its run. It has
/// the form of a temporary of `sync_fs`, so that no backup lists it while it is
/// locked: a home is often backed up with the state in it.
pub(crate) fn passing_name() -> String {
    let (process, random) = (std::process::id(), fastrand());
    format!("{PREFIX}{process:08x}{random:08x}00000000{SUFFIX}")
}

/// Whether a file has such a name.
pub(crate) fn is_passing_name(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

const PREFIX: &str = ".s3mirror-";
const SUFFIX: &str = ".tmp";

/// Removes the partial files of killed runs in `directory`. Without locks they
/// cannot be distinguished from files that are being written.
pub(crate) fn sweep(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(is_passing_name) {
            continue;
        }
        let path = entry.path();
        let is_free = read(&path).is_ok_and(|(file, _)| {
            rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        });
        if is_free {
            let _ = fs::remove_file(path);
        }
    }
}

/// The standard library seeds its hashers from the system's random numbers.
pub(crate) fn fastrand() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    (hasher.finish() >> 16) as u32
}

/// Syncs `file` to disk, where its file system supports that.
fn sync_if_possible(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_and_what_others_may_write_are_no_directory_of_ours() {
        let top = tempfile::tempdir().unwrap();
        let (real, link) = (top.path().join("real"), top.path().join("link"));
        make_directory(&real, 0o700, Trust::Own).unwrap();
        symlink(&real, &link).unwrap();
        assert!(make_directory(&link, 0o700, Trust::Own).is_err());
        make_directory(&link, 0o700, Trust::Named).unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o777)).unwrap();
        make_directory(&real, 0o700, Trust::Own).unwrap();
        assert_eq!(real.metadata().unwrap().mode() & 0o777, 0o755);
        fs::write(top.path().join("file"), "").unwrap();
        assert!(make_directory(&top.path().join("file"), 0o700, Trust::Own).is_err());
    }

    #[test]
    fn a_link_or_a_pipe_is_not_read() {
        let top = tempfile::tempdir().unwrap();
        let (real, link, pipe) = (
            top.path().join("real"),
            top.path().join("link"),
            top.path().join("pipe"),
        );
        fs::write(&real, "text").unwrap();
        symlink(&real, &link).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert_eq!(read(&real).unwrap().1, b"text");
        assert!(read(&link).is_err());
        assert!(read(&pipe).is_err());
    }

    #[test]
    fn what_a_killed_run_left_half_written_is_swept_and_nothing_else() {
        let top = tempfile::tempdir().unwrap();
        let being_written = NewFile::create(top.path(), 0o600).unwrap();
        fs::write(top.path().join(passing_name()), "{").unwrap();
        fs::write(top.path().join("a.json"), "{}").unwrap();
        sweep(top.path());
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 2);
        being_written.finish(b"whole", "b.json", false).unwrap();
    }

    #[test]
    fn a_new_file_has_its_name_once_it_is_whole() {
        let top = tempfile::tempdir().unwrap();
        let file = NewFile::create(top.path(), 0o600).unwrap();
        assert!(!top.path().join("a.json").exists());
        file.finish(b"whole", "a.json", true).unwrap();
        assert_eq!(fs::read(top.path().join("a.json")).unwrap(), b"whole");
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
    }
}
