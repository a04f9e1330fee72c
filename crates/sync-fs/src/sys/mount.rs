//! Which mount a file is on.

use std::os::fd::AsFd;

/// The number of the mount; 0 where the system does not report it.
#[cfg(target_os = "linux")]
pub(crate) fn mount(file: impl AsFd) -> u64 {
    use rustix::fs::{AtFlags, StatxFlags};
    let asked = rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID);
    asked.map_or(0, |answer| answer.stx_mnt_id)
}

/// There is no such number.
#[cfg(not(target_os = "linux"))]
pub(crate) fn mount(_: impl AsFd) -> u64 {
    0
}
