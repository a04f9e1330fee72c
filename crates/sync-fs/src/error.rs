//! Errors of the system as errors of a store: their kind, and a hint.

use std::path::Path;

use rustix::io::Errno;
use sync_core::{ErrorKind, StoreError, text::printable};

/// An error of the system; `what` names the operation and its object, as in
/// "cannot open 'a/b'".
pub(crate) fn failed(what: impl Into<String>, errno: Errno) -> StoreError {
    let error = StoreError::new(kind(errno), what).with_source(std::io::Error::from(errno));
    match hint(errno) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// An error of `kind` without a cause in the system.
pub(crate) fn refused(kind: ErrorKind, what: impl Into<String>) -> StoreError {
    StoreError::new(kind, what)
}

/// The file named `name` is not the version that was seen before.
pub(crate) fn changed(name: impl std::fmt::Display) -> StoreError {
    refused(
        ErrorKind::Changed,
        format!("'{name}' changed since it was listed"),
    )
}

/// The root could not be opened.
pub(crate) fn cannot_open(root: &Path, errno: Errno) -> StoreError {
    let shown = printable(&root.to_string_lossy());
    match errno {
        Errno::NOENT => refused(
            ErrorKind::RootMissing,
            format!("the directory '{shown}' does not exist"),
        ),
        Errno::NOTDIR => refused(
            ErrorKind::RootMissing,
            format!("'{shown}' is not a directory"),
        ),
        errno => failed(format!("cannot open the directory '{shown}'"), errno),
    }
}

/// The hint for a file system that is mounted read-only.
pub(crate) const READ_ONLY: &str = "the file system is mounted read-only";

fn kind(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOENT => ErrorKind::NotFound,
        Errno::ACCESS | Errno::PERM => ErrorKind::Denied,
        Errno::NOSPC | Errno::DQUOT | Errno::ROFS => ErrorKind::Unwritable,
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NOTEMPTY => ErrorKind::Blocked,
        // It concerns one file: others are smaller.
        Errno::FBIG | Errno::NAMETOOLONG | Errno::ILSEQ | Errno::NOSYS | Errno::OPNOTSUPP => {
            ErrorKind::Unsupported
        }
        Errno::TIMEDOUT => ErrorKind::Timeout,
        _ => ErrorKind::Other,
    }
}

fn hint(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::ACCESS => "change its permissions or run as a user who has them",
        // Also root gets it, of a file with the attribute.
        Errno::PERM => {
            "change its permissions or run as a user who has them; if it or its directory is \
             immutable or append-only (`lsattr`), change that by `chattr -i` or `chattr -a`"
        }
        Errno::ROFS => READ_ONLY,
        Errno::NOSPC => "free some space and run again",
        Errno::DQUOT => "the disk quota is used up: free some space and run again",
        Errno::FBIG => "the file system or the limit on file sizes (ulimit -f) does not allow it",
        Errno::LOOP => "the path contains a symbolic link, which is not followed",
        Errno::MFILE | Errno::NFILE => {
            "raise the limit of open files (ulimit -n) or lower the concurrency"
        }
        Errno::IO => "the disk reports a failure: check it, and the kernel's log",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_may_not_do_either_has_another_hint() {
        let hint = |errno| {
            failed("cannot write 'a'", errno)
                .hint()
                .unwrap()
                .to_string()
        };
        assert!(!hint(Errno::ACCESS).contains("lsattr"));
        assert!(hint(Errno::PERM).contains("immutable"));
        for errno in [Errno::ACCESS, Errno::PERM] {
            let told = "change its permissions or run as a user who has them";
            assert!(hint(errno).starts_with(told));
        }
    }
}
