//! What a new file replaces, and how that is moved into the trash.

use std::os::fd::OwnedFd;

use crate::sys::meta::Meta;

/// The file that a new file replaces, and how it is kept.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// Nothing that the new file replaces.
    Nothing,
    /// This file; it has a second name in the trash already.
    Linked(Meta, OwnedFd),
    /// This file; hard links are not supported, so the names are exchanged.
    Unlinked(Meta, OwnedFd),
}
