//! Reading a range of a file, which must be the listed version before and
//! after.
//!
//! The file is opened confined and without waiting (a FIFO in its place does
//! not block), must be regular and equal to the entry in size, mtime and
//! revision, and must still be the same when the bytes have been read.

pub(crate) mod cached;

use std::ops::Range;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use rustix::io::Errno;
use sync_core::{Entry, ErrorKind, Result, StoreError};

use crate::directory::Directory;
use crate::error::{changed, failed, refused};
use crate::options::SymlinkMode;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::root::Root;
use crate::sys::symlink::{self, Target};

/// A buffer for the bytes of `range`.
///
/// It is allocated before the hop to a thread that may block: memory that many
/// threads allocate and another one frees stays in as many pools of the
/// allocator, and they would hold about as much again as is in use.
pub(crate) fn buffer(entry: &Entry, range: &Range<u64>) -> Result<Vec<u8>> {
    if range.start > range.end || range.end > entry.size {
        let (start, end, size) = (range.start, range.end, entry.size);
        return Err(refused(
            ErrorKind::Other,
            format!(
                "cannot read bytes {start}..{end} of '{}', which has {size}",
                entry.key
            ),
        ));
    }
    let mut buffer = Vec::new();
    // One more byte than there is: a file may have more than it reports.
    let more = u64::from(range.end == entry.size);
    let made = usize::try_from(range.end - range.start + more)
        .is_ok_and(|wanted| buffer.try_reserve_exact(wanted).is_ok());
    if made {
        Ok(buffer)
    } else {
        Err(cannot_read(entry, Errno::NOMEM))
    }
}

/// The bytes of `range` of the version that `entry` describes, read into
/// `buffer`.
pub(crate) fn read(
    directory: &Directory,
    entry: &Entry,
    range: &Range<u64>,
    buffer: Vec<u8>,
) -> Result<Bytes> {
    let is_end = range.end == entry.size;
    read_by(directory, entry, |file| {
        read_exactly(file, range, is_end, buffer)
    })
}

/// The bytes of `range` of the file of `entry`, which may have grown since, read
/// into `buffer`.
pub(crate) fn read_grown(
    directory: &Directory,
    entry: &Entry,
    range: &Range<u64>,
    buffer: Vec<u8>,
) -> Result<Bytes> {
    let file = open(directory, entry)?;
    let look = || {
        let meta = Meta::of(&file).map_err(|errno| cannot_read(entry, errno))?;
        if directory.detector.may_have_grown(entry, &meta) {
            Ok(meta.size)
        } else {
            Err(changed(&entry.key))
        }
    };
    let before = look()?;
    let found = read_exactly(&file, range, false, buffer);
    let found = found.map_err(|errno| cannot_read(entry, errno))?;
    match found {
        Found::All(bytes) if look()? >= before => Ok(Bytes::from(bytes)),
        _ => Err(changed(&entry.key)),
    }
}

/// What `bytes_of` reads from the version that `entry` describes, if it is
/// that version all the while.
fn read_by(
    directory: &Directory,
    entry: &Entry,
    bytes_of: impl FnOnce(&OwnedFd) -> Sys<Found>,
) -> Result<Bytes> {
    let (file, before) = open_version(directory, entry)?;
    // Until then, a change while it is read might leave no trace.
    std::thread::sleep(directory.root.precision().until_settled(&before));
    let found = bytes_of(&file).map_err(|errno| cannot_read(entry, errno))?;
    confirm(directory, &file, &before, entry)?;
    match found {
        Found::All(bytes) => Ok(Bytes::from(bytes)),
        // Its size was measured, so it was another one a moment ago.
        _ if before.size != entry.size => Err(changed(&entry.key)),
        Found::Less(end) => Err(wrong_size(entry, &format!("only {end} can be read"))),
        Found::More => Err(wrong_size(entry, "has more content")),
    }
}

/// Opens the version that `entry` describes.
fn open_version(directory: &Directory, entry: &Entry) -> Result<(OwnedFd, Meta)> {
    let file = open(directory, entry)?;
    let meta = Meta::of(&file).map_err(|errno| cannot_read(entry, errno))?;
    // One that reports no size was listed with the size that a read gave.
    let measured = directory.options.measure && meta.size == 0;
    let path = entry.key.as_str().as_bytes();
    let is_version = |meta: &Meta| directory.detector.is_version_rechecked(path, meta, entry);
    if is_version(&meta) || measured && is_version(&meta.with_size(entry.size)) {
        Ok((file, meta))
    } else {
        Err(changed(&entry.key))
    }
}

/// Fails with `Changed` unless `file` is still as it was `before`.
fn confirm(directory: &Directory, file: &OwnedFd, before: &Meta, entry: &Entry) -> Result<()> {
    let after = Meta::of(file).map_err(|errno| cannot_read(entry, errno))?;
    let path = entry.key.as_str().as_bytes();
    if directory.detector.is_same_rechecked(path, before, &after) {
        Ok(())
    } else {
        Err(changed(&entry.key))
    }
}

/// The reported size is wrong, though the file has not changed.
fn wrong_size(entry: &Entry, what: &str) -> StoreError {
    let (key, size) = (&entry.key, entry.size);
    refused(
        ErrorKind::Unsupported,
        format!("cannot read '{key}': it reports a size of {size} bytes, but {what}"),
    )
    .with_hint("its file system does not know its size: exclude it, or copy it elsewhere first")
}

fn cannot_read(entry: &Entry, errno: Errno) -> StoreError {
    failed(format!("cannot read '{}'", entry.key), errno)
}

fn open(directory: &Directory, entry: &Entry) -> Result<OwnedFd> {
    let path = entry.key.as_str().as_bytes();
    match directory.root.file(path) {
        Ok(file) => Ok(file),
        Err(Errno::LOOP) if directory.options.symlinks == SymlinkMode::Inside => {
            open_target(&directory.root, path)
                .map_err(|errno| failed(format!("cannot open '{}'", entry.key), errno))?
                .ok_or_else(|| changed(&entry.key))
        }
        // A link, a socket, or a file where a directory was.
        Err(Errno::LOOP | Errno::NXIO | Errno::NOTDIR) => Err(changed(&entry.key)),
        Err(errno) => Err(failed(format!("cannot open '{}'", entry.key), errno)),
    }
}

/// Opens the file that the link at `path` names. Only a link as the last
/// segment is followed: a listing does not look behind others either.
fn open_target(root: &Root, path: &[u8]) -> Sys<Option<OwnedFd>> {
    if root.parent(path).is_err() {
        return Ok(None);
    }
    match symlink::resolve(root, path)? {
        Target::File(named) => root.file(&named.real).map(Some),
        Target::Other(..) => Ok(None),
    }
}

/// The result of reading a range.
enum Found {
    /// All of it, and nothing behind it where there was room for that.
    All(Vec<u8>),
    /// The file ends here, before the range does.
    Less(u64),
    /// There is more than there was to be.
    More,
}

/// The bytes of `range`, read into `bytes`. If `is_end`, that has room for one
/// more, and there must not be any.
fn read_exactly(
    file: &OwnedFd,
    range: &Range<u64>,
    is_end: bool,
    mut bytes: Vec<u8>,
) -> Sys<Found> {
    let wanted = usize::try_from(range.end - range.start).map_err(|_| Errno::NOMEM)?;
    while bytes.len() < wanted {
        let offset = range.start + bytes.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut bytes), offset) {
            Ok(0) => return Ok(Found::Less(offset)),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    if is_end && bytes.len() > wanted {
        return Ok(Found::More);
    }
    bytes.truncate(wanted);
    Ok(Found::All(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, FileTimes};

    use sync_core::Key;

    use super::*;
    use crate::options::FsOptions;

    #[test]
    fn a_file_that_is_longer_or_shorter_than_it_says_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "123456").unwrap();
        let file = OwnedFd::from(File::open(&path).unwrap());
        let read = |range: Range<u64>, is_end| {
            let buffer = usize::try_from(range.end - range.start).unwrap() + 1;
            read_exactly(&file, &range, is_end, Vec::with_capacity(buffer)).unwrap()
        };
        assert!(matches!(read(0..6, true), Found::All(bytes) if bytes == b"123456"));
        assert!(matches!(read(2..4, false), Found::All(bytes) if bytes == b"34"));
        assert!(matches!(read(2..4, true), Found::More));
        assert!(matches!(read(2..9, true), Found::Less(6)));
    }

    #[test]
    fn a_change_while_it_is_read_is_noticed_though_size_and_time_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "before").unwrap();
        let directory = Directory::new(dir.path(), FsOptions::default());
        assert!(directory.exists().unwrap());
        let entry = directory.stat(&Key::new("a").unwrap()).unwrap().unwrap();

        let whole = |file: &OwnedFd| read_exactly(file, &(0..6), true, Vec::with_capacity(7));
        assert_eq!(read_by(&directory, &entry, whole).unwrap(), "before");
        let error = read_by(&directory, &entry, |file| {
            let bytes = whole(file);
            let time = path.metadata().unwrap().modified().unwrap();
            fs::write(&path, "after.").unwrap();
            let changed = File::options().write(true).open(&path).unwrap();
            changed
                .set_times(FileTimes::new().set_modified(time))
                .unwrap();
            bytes
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Changed);
        assert!(open_version(&directory, &entry).is_err());
    }
}
