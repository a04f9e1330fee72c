//! The run directory: who may use it, and how its files get their names so that
//! the first of several processes wins, on NFS and Lustre too.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt as _, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_core::{checksum::Crc64, json::append_json};
use tempfile::NamedTempFile;

use super::error::{ClusterError, Result};
use crate::state::{Relation, Tree, private};

/// The file that makes a directory that of a run.
pub(crate) const RUN: &str = "run.json";

/// The longest file of a run that is read whole, in bytes: a thousand plans and shards take less
/// than a mebibyte.
const LONGEST: u64 = 64 << 20;

/// A directory that belongs to this user alone.
#[derive(Debug, Clone)]
pub(crate) struct RunDirectory {
    path: PathBuf,
}

/// What a file holds, and the sum of its bytes.
pub(crate) struct Content<T> {
    pub(crate) value: T,
    pub(crate) crc64: String,
}

impl RunDirectory {
    /// Makes the directory, which must not exist.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = path.to_owned();
                return Err(ClusterError::Exists { path });
            }
            Err(error) => return Err(cannot_write(path, error)),
        }
        Self::open(path)
    }

    /// The directory at `path`, if nobody else can write to it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |error| cannot_read(path, error);
        let real = path.canonicalize().map_err(failed)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits() as _)
            .open(&real);
        let meta = opened.and_then(|file| file.metadata()).map_err(failed)?;
        let (user, mode) = (meta.uid(), meta.mode() & 0o777);
        let why = if user != private::user() {
            format!(
                "it belongs to user {user}, not to this user ({})",
                private::user()
            )
        } else if mode & 0o077 != 0 {
            format!("others may use it (its mode is {mode:o}, not 700)")
        } else {
            return Ok(Self { path: real });
        };
        let path = path.to_owned();
        Err(ClusterError::Untrusted { path, why })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Fails if it is inside `directory`.
    pub(crate) fn is_outside(&self, directory: &Path) -> Result<()> {
        is_outside(&self.path, directory)
    }

    pub(crate) fn make(&self, name: &str) -> Result<()> {
        let path = self.join(name);
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| cannot_write(&path, error))
    }

    /// Makes the directory `name` if it is missing, though it was made when the run was split.
    /// Whether it was.
    pub(crate) fn make_again(&self, name: &str) -> Result<bool> {
        let path = self.join(name);
        let make = |recursive| {
            let mut builder = DirBuilder::new();
            builder.mode(0o700).recursive(recursive).create(&path)
        };
        let made = match make(false) {
            // Where the run itself is gone, or its file system is not mounted, it is not made.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.has(RUN) => make(true),
            made => made,
        };
        match made {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(cannot_write(&path, error)),
        }
    }

    /// The content of the file `name`; none if there is no such file.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<Content<T>>> {
        let path = self.join(name);
        let text = match with_new_names(&path, |path| private::read_whole(path, LONGEST)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot_read(&path, error)),
        };
        match serde_json::from_slice(&text) {
            Ok(value) => Ok(Some(Content {
                value,
                crc64: Crc64::of(&text).to_string(),
            })),
            Err(error) => Err(ClusterError::Foreign {
                path,
                why: sync_core::text::printable(&error.to_string()),
            }),
        }
    }

    /// Whether there is a file `name`. It is opened: what is known of names may be
    /// old on NFS.
    pub(crate) fn has(&self, name: &str) -> bool {
        exists(&self.join(name))
    }

    /// Writes the file `name`, complete or not at all, unless there is one: the first
    /// wins. Whether this was the first, and the sum of its bytes.
    pub(crate) fn publish(&self, name: &str, value: &impl Serialize) -> Result<Option<String>> {
        let path = self.join(name);
        let published = publish(&path, value);
        published.map_err(|error| cannot_write(&path, error))
    }

    /// The same, where the sum of its bytes is of no use.
    pub(crate) fn claim(&self, name: &str, value: &impl Serialize) -> Result<bool> {
        Ok(self.publish(name, value)?.is_some())
    }

    /// Writes the file `name` in place of an earlier one: into the same file, because a
    /// client of NFS may take a name for that of the old file for a minute.
    pub(crate) fn replace(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let text = text_of(value)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(self.join(name))?;
        file.write_all_at(&text, 0)?;
        file.set_len(text.len() as u64)
    }

    /// Removes the file `name`, if there is one.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The bytes of the file `name`; none where it cannot be read.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let read = private::read(&self.join(name));
        read.map(|(_, text)| text).unwrap_or_default()
    }

    /// The names of the files in the directory `name`, as far as they can be read.
    pub(crate) fn names(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.join(name)).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.collect()
    }

    /// Gives the file `from` the name `to`: of several processes that try, one does.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.join(from), self.join(to))
    }
}

/// Fails if `path`, which need not exist, is inside `directory`.
pub(crate) fn is_outside(path: &Path, directory: &Path) -> Result<()> {
    match Tree::of(directory).relation(&Tree::of(path)) {
        Some(Relation::Same | Relation::Below) => Err(ClusterError::Inside {
            path: path.to_owned(),
            directory: directory.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Whether there is a file at `path`; it is opened.
pub(crate) fn exists(path: &Path) -> bool {
    with_new_names(path, |path| File::open(path)).is_ok()
}

/// Opens what is at `path`, and again if there is nothing. A client of NFS may take a name
/// for a missing one for a minute after it was made elsewhere; to open the directory makes it
/// ask the server.
fn with_new_names<T>(path: &Path, mut open: impl FnMut(&Path) -> io::Result<T>) -> io::Result<T> {
    match (open(path), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            let _asked = File::open(parent)?;
            open(path)
        }
        (opened, _) => opened,
    }
}

fn publish(path: &Path, value: &impl Serialize) -> io::Result<Option<String>> {
    let file = temporary(path, value)?;
    file.as_file().sync_all()?;
    if !link(&file, path)? {
        return Ok(None);
    }
    Ok(Some(Crc64::of(&text_of(value)?).to_string()))
}

/// Gives `file`, which is on disk, the name `path`, unless something has it: the first wins.
/// Whether this was the first.
pub(crate) fn link(file: &NamedTempFile, path: &Path) -> io::Result<bool> {
    if let Err(error) = fs::hard_link(file.path(), path) {
        // The answer of a server may have been lost, and the link was made.
        if file.as_file().metadata()?.nlink() < 2 {
            return match error.kind() {
                io::ErrorKind::AlreadyExists => Ok(false),
                _ => Err(error),
            };
        }
    }
    if let Some(parent) = path.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(true)
}

/// An empty file beside `path`; removed when dropped.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let parent = path.parent().unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".new-").tempfile_in(parent)
}

/// A file beside `path` with the value; removed when dropped.
fn temporary(path: &Path, value: &impl Serialize) -> io::Result<NamedTempFile> {
    let mut file = beside(path)?;
    file.write_all(&text_of(value)?)?;
    Ok(file)
}

fn text_of(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    append_json(&mut text, value)?;
    text.push(b'\n');
    Ok(text)
}

pub(crate) fn cannot_read(path: &Path, error: io::Error) -> ClusterError {
    ClusterError::Read {
        path: path.to_owned(),
        error,
    }
}

pub(crate) fn cannot_write(path: &Path, error: io::Error) -> ClusterError {
    ClusterError::Write {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of a thousand plans and shards.
    #[test]
    fn long_files_are_read_whole() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("run");
        let directory = RunDirectory::create(&path).unwrap();
        let parts: Vec<_> = (0..50_000).map(|part| format!("part {part}")).collect();
        directory.publish("sealed.json", &parts).unwrap();
        let found = directory.read::<Vec<String>>("sealed.json").unwrap();
        assert_eq!(found.unwrap().value, parts);
    }

    /// A disk that is full, as far as one process can tell: it must not look to others as if
    /// somebody had begun.
    #[test]
    fn what_cannot_be_written_whole_gets_no_name() {
        let top = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&top.path().join("run")).unwrap();
        assert!(directory.claim("began.1", &NoRoom).is_err());
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(directory.claim("began.1", &1).unwrap());
        assert!(!directory.claim("began.1", &1).unwrap());
    }

    struct NoRoom;

    impl Serialize for NoRoom {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no room"))
        }
    }

    /// As on NFS, where another machine has made the file.
    #[test]
    fn a_name_that_was_not_there_is_looked_up_once_more() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("done");
        let mut looks = 0;
        let found = with_new_names(&path, |path| {
            looks += 1;
            let found = File::open(path);
            fs::write(path, "").unwrap();
            found
        });
        assert!(found.is_ok() && exists(&path));
        assert_eq!(looks, 2);
        let missing = top.path().join("none/done");
        let missing = with_new_names(&missing, |path| File::open(path));
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
