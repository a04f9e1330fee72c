//! The end of a command whose places could not be opened.

use s3mirror::Error;

use crate::{Console, Exit, hints};

/// Reports why they could not be opened. The exit status is that of wrong usage, of a file
/// that cannot be used or of a refusal, where it is one of these.
pub(super) fn not_opened(error: Error, console: &mut Console) -> anyhow::Result<Exit> {
    let exit = match error {
        Error::Selection(ref wrong) if wrong.is_of_files() => Exit::Input,
        Error::Selection(_) => Exit::Usage,
        Error::Locked(_) => Exit::Refused,
        error => return Err(hints::explained(error)),
    };
    console.error(hints::error(&error));
    Ok(exit)
}
