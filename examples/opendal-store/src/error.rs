//! The errors of `opendal` in the words of the core.

use opendal::ErrorKind as Cause;
use sync_core::{ErrorKind, Key, StoreError};

/// What an error of `opendal` is to the core.
pub(crate) fn kind(error: &opendal::Error) -> ErrorKind {
    match error.kind() {
        Cause::NotFound => ErrorKind::NotFound,
        Cause::PermissionDenied => ErrorKind::Denied,
        Cause::ConditionNotMatch | Cause::AlreadyExists => ErrorKind::Changed,
        Cause::NotADirectory | Cause::IsADirectory => ErrorKind::Blocked,
        Cause::RateLimited => ErrorKind::Throttled,
        Cause::Unsupported => ErrorKind::Unsupported,
        _ if error.is_temporary() => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

/// Whether `error` says that there is no entry: a file may stand where a
/// directory would have to be.
pub(crate) fn is_absent(error: &opendal::Error) -> bool {
    matches!(
        error.kind(),
        Cause::NotFound | Cause::NotADirectory | Cause::IsADirectory
    )
}

/// The error of an operation on `key`.
pub(crate) fn failed(operation: &str, key: &Key, error: opendal::Error) -> StoreError {
    StoreError::new(kind(&error), format!("cannot {operation} '{key}'")).with_source(error)
}

/// Another version is under `key`.
pub(crate) fn changed(key: &Key) -> StoreError {
    let message = format!("'{key}' has changed since it was listed");
    StoreError::new(ErrorKind::Changed, message)
}

/// What was to be written is not what was announced.
pub(crate) fn corrupt(key: &Key, why: &str) -> StoreError {
    let message = format!("cannot write '{key}'");
    StoreError::new(ErrorKind::Corrupt, message).with_source(why)
}
