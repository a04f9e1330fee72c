//! Refuses a second run on the same directory or bucket from this machine.
//!
//! A lock is an empty file outside the tree, held by the kernel (`flock`), so
//! it is free again whenever its process ends. The file itself stays: removing
//! it would let two runs lock two files of one name.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sync_core::Crc64;

use crate::options::SyncArgs;

/// The locks of a run, released when dropped.
pub(crate) struct Locks {
    _held: Vec<File>,
}

/// Why a run may not begin.
pub(crate) enum LockError {
    /// Another run works on this place.
    Held(String),
    /// The lock cannot be made.
    Io(PathBuf, io::Error),
}

impl Locks {
    /// Locks the directory and the bucket that `args` name.
    pub(crate) fn acquire(args: &SyncArgs) -> Result<Self, LockError> {
        let home = lock_directory();
        fs::create_dir_all(&home).map_err(|e| LockError::Io(home.clone(), e))?;
        let directory = directory_identity(&args.places.dir);
        let endpoint = args.server.endpoint_url.as_deref().unwrap_or_default();
        let bucket = args.places.bucket.to_string();
        let places = [
            (
                format!("directory {}", directory.display()),
                directory.as_os_str().as_encoded_bytes().to_vec(),
            ),
            (
                format!("bucket {bucket}"),
                format!("{endpoint} {bucket}").into_bytes(),
            ),
        ];
        let mut held = Vec::with_capacity(places.len());
        for (name, identity) in places {
            held.push(lock(&home, name, &identity)?);
        }
        Ok(Self { _held: held })
    }
}

fn lock(home: &Path, name: String, identity: &[u8]) -> Result<File, LockError> {
    let path = home.join(format!("{}.lock", Crc64::of(identity)));
    let failed = |e| LockError::Io(path.clone(), e);
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

/// The directory by its real path. One that a restore has yet to make has none
/// but that of its parent.
fn directory_identity(dir: &Path) -> PathBuf {
    let parent = || Some(dir.parent()?.canonicalize().ok()?.join(dir.file_name()?));
    dir.canonicalize()
        .ok()
        .or_else(parent)
        .unwrap_or_else(|| dir.to_owned())
}

/// The same for a shell and for cron, so not below `XDG_RUNTIME_DIR`.
fn lock_directory() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = variable("XDG_STATE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(variable("HOME")?).join(".local/state"));
    let state = state.or_else(home).unwrap_or_else(std::env::temp_dir);
    state.join("s3mirror/locks")
}
