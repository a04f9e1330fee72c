//! Files that report a size of 0 and have content: below `/proc`, and on some
//! FUSE and network file systems.
//!
//! On the usual file systems a read never gives more than the reported size, so
//! the size 0 is trusted. Elsewhere it is opened and read to its end, which
//! for a file that is really empty is one read.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;

use crate::sys::errno::Sys;
#[cfg(target_os = "linux")]
use crate::sys::file_system;
use crate::sys::meta::Meta;

/// Most bytes that are read to find a size. Some of these files never end.
pub(crate) const MAX: u64 = 64 << 20;

/// Bytes a read.
const STEP: usize = 128 << 10;

/// Why a file is reported as unreadable.
pub(crate) const TOO_LONG: &str = "it reports a size of 0 bytes, but has more than 64 MiB";

/// Which file system was seen last, and whether its sizes are exact.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    known: Option<(u64, bool)>,
}

impl Sizes {
    /// Whether the size of `meta`, in the directory `dir`, has to be measured.
    pub(crate) fn is_doubtful(&mut self, dir: impl AsFd, meta: &Meta) -> bool {
        if meta.size > 0 || !meta.is_file() {
            return false;
        }
        match self.known {
            Some((device, is_exact)) if device == meta.device => return !is_exact,
            _ => {}
        }
        // A single file may be mounted over another one: its own file system
        // is not that of its directory.
        let is_exact =
            Meta::of(&dir).is_ok_and(|of_dir| of_dir.device == meta.device) && are_exact(&dir);
        self.known = Some((meta.device, is_exact));
        !is_exact
    }
}

/// Whether reads on the file system of `file` end at the reported size: in
/// these, the kernel itself sees to that.
#[cfg(target_os = "linux")]
pub(crate) fn are_exact(file: impl AsFd) -> bool {
    const EXACT: [u64; 11] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683e, // Btrfs
        file_system::TMPFS,
        0x2fc1_2fc1, // ZFS
        0xf2f5_2010, // F2FS
        0xca45_1a4e, // bcachefs
        0x4d44,      // FAT
        0x6969,      // NFS
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB 2 and 3
    ];
    file_system::kind(file).is_some_and(|kind| EXACT.contains(&kind))
}

/// Elsewhere no such file is known.
#[cfg(not(target_os = "linux"))]
pub(crate) fn are_exact(_: impl AsFd) -> bool {
    true
}

/// How many bytes can be read from `file`; none if there are more than
/// [`MAX`].
pub(crate) fn measure(file: &OwnedFd) -> Sys<Option<u64>> {
    let mut buffer = Vec::with_capacity(STEP);
    let mut size = 0;
    while size <= MAX {
        buffer.clear();
        match rustix::io::pread(file, rustix::buffer::spare_capacity(&mut buffer), size) {
            Ok(0) => return Ok(Some(size)),
            Ok(read) => size += read as u64,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(None)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn open(path: &str) -> OwnedFd {
        std::fs::File::open(path).unwrap().into()
    }

    #[test]
    fn only_the_kernel_of_the_usual_file_systems_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let meta = |path: &str| Meta::of(open(path)).unwrap();
        let proc = meta("/proc/self/status");
        assert_eq!(proc.size, 0);
        let mut sizes = Sizes::default();
        assert!(sizes.is_doubtful(open("/proc/self"), &proc));
        assert!(!sizes.is_doubtful(open("/proc"), &meta("/proc")), "no file");
        let is_exact = are_exact(open(dir.path().to_str().unwrap()));
        let empty = meta(empty.to_str().unwrap());
        let dir = open(dir.path().to_str().unwrap());
        assert_eq!(sizes.is_doubtful(dir, &empty), !is_exact);
        // As a file of /proc that is mounted over one elsewhere.
        let root = open("/");
        assert!(Sizes::default().is_doubtful(root, &proc));
    }

    #[test]
    fn a_file_without_a_size_is_read_to_its_end_and_one_without_an_end_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for size in [0, 1, STEP as u64, MAX] {
            std::fs::File::create(&path).unwrap().set_len(size).unwrap();
            assert_eq!(measure(&open(path.to_str().unwrap())), Ok(Some(size)));
        }
        assert_eq!(measure(&open("/dev/zero")), Ok(None));
    }
}
