//! Files in the kernel's caches, read and examined without a hop to another
//! thread.
//!
//! The hop costs more than the reading of a small file. So the caller's own
//! thread tries first, in a way that fails rather than waits: the path must
//! resolve from the cache of names (`RESOLVE_CACHED`) and the bytes must be in
//! the page cache (`RWF_NOWAIT`). In every other case the caller uses the
//! blocking path, which also reports errors.

use std::ops::Range;

use bytes::Bytes;
use sync_core::{Entry, Key};

use crate::directory::Directory;
#[cfg(target_os = "linux")]
use crate::sys::meta::Meta;

/// Largest range that is tried, in bytes: to copy it takes some ten
/// microseconds, for which other work may wait.
#[cfg(target_os = "linux")]
const MAX: u64 = 64 << 10;

/// The bytes of `range` of the version that `entry` describes; `None` if they
/// are not cached, or not of that version.
#[cfg(target_os = "linux")]
pub(crate) fn read(directory: &Directory, entry: &Entry, range: &Range<u64>) -> Option<Bytes> {
    let wanted = range.end.checked_sub(range.start)?;
    if wanted > MAX {
        return None;
    }
    let path = entry.key.as_str().as_bytes();
    let file = directory.root.cached_file(path).ok()?;
    let before = Meta::of(&file).ok()?;
    let precision = directory.root.precision();
    if !directory.detector.is_version(&before, entry) || !precision.until_settled(&before).is_zero()
    {
        return None;
    }
    let wanted = usize::try_from(wanted).ok()?;
    // One more byte: there must be none behind the end.
    let more = usize::from(range.end == entry.size);
    let mut bytes = vec![0; wanted + more];
    let mut into = [std::io::IoSliceMut::new(&mut bytes)];
    let flags = rustix::io::ReadWriteFlags::NOWAIT;
    let got = rustix::io::preadv2(&file, &mut into, range.start, flags).ok()?;
    let after = Meta::of(&file).ok()?;
    bytes.truncate(wanted);
    (got == wanted && directory.detector.is_same(&after, &before)).then(|| Bytes::from(bytes))
}

/// The regular file of `key`; `None` if it is not cached, or no regular file.
#[cfg(target_os = "linux")]
pub(crate) fn stat(directory: &Directory, key: &Key) -> Option<Entry> {
    let path = key.as_str().as_bytes();
    let file = directory.root.cached_file(path).ok()?;
    let meta = Meta::of(&file).ok()?;
    let is_known = meta.is_file() && !(directory.options.measure && meta.size == 0);
    is_known.then(|| meta.entry(key.clone(), directory.root.precision()))
}

/// Other systems have no such calls.
#[cfg(not(target_os = "linux"))]
pub(crate) fn stat(_: &Directory, _: &Key) -> Option<Entry> {
    None
}

/// Other systems have no such calls.
#[cfg(not(target_os = "linux"))]
pub(crate) fn read(_: &Directory, _: &Entry, _: &Range<u64>) -> Option<Bytes> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs;

    use super::*;
    use crate::options::FsOptions;

    #[test]
    fn only_the_version_described_is_read_and_nothing_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/a"), "hello").unwrap();
        std::os::unix::fs::symlink("d", dir.path().join("link")).unwrap();
        let directory = Directory::new(dir.path(), FsOptions::default());
        assert!(directory.exists().unwrap());
        let entry = directory.stat(&Key::new("d/a").unwrap()).unwrap().unwrap();
        let read_cached = |entry: &Entry, range| read(&directory, entry, &range);
        // A file that was written a moment ago may be changed without a trace.
        std::thread::sleep(crate::sys::precision::TICK.to_std().unwrap());

        assert_eq!(read_cached(&entry, 0..5).as_deref(), Some(&b"hello"[..]));
        assert_eq!(read_cached(&entry, 1..3).as_deref(), Some(&b"el"[..]));
        assert_eq!(read_cached(&entry, 3..9), None, "beyond its end");
        let mut other = entry.clone();
        other.key = Key::new("link/a").unwrap();
        assert_eq!(read_cached(&other, 0..5), None, "behind a link");
        assert_eq!(stat(&directory, &entry.key), Some(entry.clone()));
        assert_eq!(stat(&directory, &other.key), None, "behind a link");
        assert_eq!(stat(&directory, &Key::new("d").unwrap()), None, "no file");
        fs::write(dir.path().join("d/a"), "HELLO").unwrap();
        assert_eq!(read_cached(&entry, 0..5), None, "another version");
    }
}
