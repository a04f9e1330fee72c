//! How the walk and the threads ahead of it call a directory.

/// A directory that the walk is in, or that was opened ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(super) u64);
