//! The listing of a directory: all of it, a range of its keys, or the keys of a list.
//!
//! Where metadata calls wait, as on NFS, further threads look ahead of the walk (`ahead`);
//! where they are quick, there are none. The walk finds out by itself (`pace`).

mod access;
mod ahead;
mod keys;
mod level;
mod look;
pub(crate) mod names;
mod one_level;
pub(crate) mod own_files;
mod pace;
mod walk;
mod walk_stream;

use std::sync::Arc;

use futures::stream::BoxStream;
use sync_core::{KeyRange, Listed, Result, Selection};

use crate::directory::Directory;

pub(crate) use one_level::level_of;
use walk_stream::{Scope, walked};

/// Lists what of the directory is in `range`, and in the key list of `selection`.
pub(crate) fn list(
    directory: Arc<Directory>,
    selection: Arc<Selection>,
    range: KeyRange,
) -> BoxStream<'static, Result<Listed>> {
    match selection.keys().cloned() {
        Some(keys) => keys::list(directory, selection, &keys, range),
        None => walked(directory, selection, Scope::Range(range)),
    }
}
