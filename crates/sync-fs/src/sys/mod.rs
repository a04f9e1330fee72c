//! What this crate asks of the operating system.

pub(crate) mod case;
pub(crate) mod fsync;
pub(crate) mod meta;
pub(crate) mod precision;
pub(crate) mod root;
pub(crate) mod size;
pub(crate) mod symlink;
pub(crate) mod times;
