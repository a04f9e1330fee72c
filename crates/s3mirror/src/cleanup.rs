//! Locks a directory for work without a bucket.

use std::path::Path;

use crate::error::Result;
use crate::machine_state::lock;
use crate::observer::Observer;
use crate::state::lock::Locks;
use crate::state::registry::RunEntry;
use crate::state::{StateDir, Tree};

/// A directory on which no other run works, until this is dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    _locks: Locks,
}

impl DirectoryLock {
    /// Locks `directory` for `command`, which other runs will name.
    ///
    /// # Errors
    /// [`Error::Locked`](crate::Error::Locked) if another run works there.
    pub fn acquire(
        command: &str,
        directory: &Path,
        state_dir: Option<&Path>,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let entry = RunEntry {
            writes_directory: true,
            ..RunEntry::new(command, Tree::of(directory), None)
        };
        let locks = lock(&entry, &StateDir::find(state_dir), observer)?;
        Ok(Self { _locks: locks })
    }
}
