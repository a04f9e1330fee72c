//! Refusals that no retry changes, although they have the status of a transient failure;
//! and answers that are too long.
//!
//! Servers over a file system answer 500 where the name of an object is a directory, or
//! lies below a file. Ten attempts would take a minute.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use crate::error::cause_chain::find;
use crate::http::answer_limits::TooLong;

/// The messages of file systems where a file is in the way (errno(3): ENOTDIR),
const BLOCKED_BY_FILE: [&str; 1] = ["not a directory"];

/// or a directory (EISDIR, ENOTEMPTY).
const BLOCKED_BY_DIRECTORY: [&str; 2] = ["is a directory", "directory not empty"];

/// The same for names that are too long (ENAMETOOLONG), and that of LMDB for keys above
/// its limit of 511 bytes.
const TOO_LONG: [&str; 2] = ["name too long", "mdb_bad_valsize"];

/// Forbids retries that cannot succeed.
#[derive(Debug)]
pub(crate) struct Permanent;

impl ClassifyRetry for Permanent {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        // The next answer would be as long.
        let error = context.output_or_error().and_then(Result::err);
        if error.is_some_and(|error| find::<TooLong>(error).is_some()) {
            return RetryAction::RetryForbidden;
        }
        let body = context
            .response()
            .filter(|response| response.status().is_server_error())
            .and_then(|response| std::str::from_utf8(response.body().bytes()?).ok());
        match body {
            Some(body) if is_blocked(body) || is_too_long(body) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Permanent"
    }
}

/// Whether a message says that a directory or a file is in the way.
pub(crate) fn is_blocked(message: &str) -> bool {
    says(message, &BLOCKED_BY_FILE) || is_blocked_by_directory(message)
}

/// Whether a message says that a directory is in the way.
pub(crate) fn is_blocked_by_directory(message: &str) -> bool {
    says(message, &BLOCKED_BY_DIRECTORY)
}

/// Whether a message says that a name is too long.
pub(crate) fn is_too_long(message: &str) -> bool {
    says(message, &TOO_LONG)
}

fn says(message: &str, phrases: &[&str]) -> bool {
    let message = message.to_ascii_lowercase();
    phrases.iter().any(|phrase| message.contains(phrase))
}
