//! The errors of reading and writing a restore mark.

use std::path::Path;

use rustix::io::Errno;
use sync_core::{ErrorKind, text::printable};

use super::name::RESTORE_MARK;
use crate::error::{failed, refused};

/// "`what` 'DIRECTORY/MARK'", with the cause.
pub(super) fn cannot(what: &str, directory: &Path, errno: Errno) -> sync_core::StoreError {
    let shown = printable(&directory.join(RESTORE_MARK).to_string_lossy());
    match errno {
        Errno::ROFS | Errno::ACCESS | Errno::PERM => {
            refused(ErrorKind::Denied, format!("{what} '{shown}'"))
                .with_source(std::io::Error::from(errno))
        }
        errno => failed(format!("{what} '{shown}'"), errno),
    }
}
