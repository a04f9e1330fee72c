//! What kind of file system a file is on.

use std::os::fd::AsFd;

/// The type of tmpfs, as `fstatfs` reports it.
pub(crate) const TMPFS: u64 = 0x0102_1994;

/// The type of the file system that `file` is on, as the system numbers it; none
/// where that cannot be asked.
#[cfg(target_os = "linux")]
pub(crate) fn kind(file: impl AsFd) -> Option<u64> {
    let found = rustix::fs::fstatfs(file).ok()?;
    // The type of this field differs from one architecture to another, some have a sign.
    #[allow(
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        clippy::cast_possible_truncation
    )]
    Some(u64::from(found.f_type as u32))
}

/// Elsewhere it is not asked.
#[cfg(not(target_os = "linux"))]
pub(crate) fn kind(_: impl AsFd) -> Option<u64> {
    None
}

/// Whether `file` is in memory.
pub(crate) fn is_memory(file: impl AsFd) -> bool {
    kind(file) == Some(TMPFS)
}
