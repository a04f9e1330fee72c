//! What a new file replaces, and how it comes into the trash.

use std::os::fd::OwnedFd;

use crate::sys::meta::Meta;

/// What stands at the place of a new file and is kept.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// Nothing that the new file replaces.
    Nothing,
    /// This; it has its second name in the trash already.
    Linked(Meta, OwnedFd),
    /// This; it cannot have two names here, so it changes places.
    Unlinked(Meta, OwnedFd),
}
