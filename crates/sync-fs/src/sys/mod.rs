//! What this crate asks of the operating system.

pub(crate) mod batch_sync;
pub(crate) mod case;
pub(crate) mod confined;
pub(crate) mod entry;
pub(crate) mod errno;
pub(crate) mod file_system;
pub(crate) mod fsync;
pub(crate) mod handles;
pub(crate) mod identity;
pub(crate) mod last_directory;
pub(crate) mod meta;
pub(crate) mod mount;
pub(crate) mod path;
pub(crate) mod precision;
pub(crate) mod rename;
pub(crate) mod root;
pub(crate) mod size;
pub(crate) mod symlink;
pub(crate) mod times;
