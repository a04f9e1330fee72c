//! The options of a directory.

/// How a directory is listed and written.
///
/// ```
/// use sync_fs::{FsOptions, SymlinkMode};
///
/// let options = FsOptions {
///     symlinks: SymlinkMode::Skip,
///     ..FsOptions::default()
/// };
/// assert_eq!(options.symlinks, SymlinkMode::Skip);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FsOptions {
    /// How a listing handles symbolic links.
    pub symlinks: SymlinkMode,
    /// When a written file is on disk.
    pub durability: Durability,
    /// Whether a listing checks of every file that it may be read, and reports
    /// one that may not as unreadable instead of as an entry. Meant for a source;
    /// it costs a system call for each file of another owner, none for root.
    pub check_access: bool,
    /// Whether a file that reports no size is read to its end, where the file
    /// system may be wrong about it. Meant for what is read: a source, and both
    /// sides of a comparison.
    pub measure: bool,
    /// Whether a file counts as unchanged though its inode number is another
    /// one. Where numbers are not stable that is also detected.
    pub ignore_inode: bool,
    /// Whether a file counts as unchanged though its change time is another
    /// one. Where these are not stable that is also detected.
    pub ignore_ctime: bool,
}

/// How a listing handles symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SymlinkMode {
    /// A link to a regular file below the root is listed as that file, under
    /// the link's own name; every other link is skipped.
    #[default]
    Inside,
    /// Every link is skipped.
    Skip,
}

/// When a written file is on disk.
///
/// Whatever is chosen, a file that is seen under its name is whole as long as
/// the machine keeps running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A commit returns once the file and its name are on disk; commits that
    /// wait at the same time share the syncs.
    #[default]
    Batch,
    /// As `Batch`, but each commit syncs for itself.
    Each,
    /// Nothing is synced: after a power cut a file may be empty or missing.
    None,
}
