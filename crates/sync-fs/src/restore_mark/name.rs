//! The name of a restore mark.

/// The name of the file.
pub const RESTORE_MARK: &str = ".s3mirror-unfinished-restore";

/// Whether `leaf` is the name of a mark.
pub(crate) fn is_mark(leaf: &[u8]) -> bool {
    leaf == RESTORE_MARK.as_bytes()
}
