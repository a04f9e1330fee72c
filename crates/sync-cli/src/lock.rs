//! Refuses a second run on the same directory or bucket from this machine.
//!
//! A lock is an empty file outside the tree, held by the kernel (`flock`), so
//! it is free again whenever its process ends. The file itself stays: removing
//! it would let two runs lock two files of one name.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;

use crate::options::SyncArgs;
use crate::state;

/// The locks of a run, released when dropped.
pub(crate) struct Locks {
    _held: Vec<File>,
}

/// Why a run may not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another run works on this place.
    #[error("another run works on the {0}")]
    Held(String),
    /// The lock cannot be made.
    #[error("cannot lock '{}'", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

impl Locks {
    /// Locks the directory and the bucket that `args` name.
    pub(crate) fn acquire(args: &SyncArgs) -> Result<Self, LockError> {
        let directory = state::directory_identity(&args.places.dir);
        let places = [
            (
                format!("directory {}", directory.display()),
                directory.as_os_str().as_encoded_bytes().to_vec(),
            ),
            (
                format!("bucket {}", args.places.bucket),
                state::bucket_identity(args),
            ),
        ];
        let mut held = Vec::with_capacity(places.len());
        for (name, identity) in places {
            held.push(lock(name, &identity)?);
        }
        Ok(Self { _held: held })
    }
}

fn lock(name: String, identity: &[u8]) -> Result<File, LockError> {
    let path = state::file("locks", identity, "lock");
    let failed = |e| LockError::Io(path.clone(), e);
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .map_err(failed)?;
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Held(name)),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
