//! The error of a store: a kind to act on, a text and a cause to read.

use std::error::Error as StdError;
use std::fmt;

use crate::hint::Hint;

/// What went wrong, in the words of the core: callers match on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The entry is not there.
    NotFound,
    /// The entry is not the version that was expected, or is there though it
    /// should not be.
    Changed,
    /// Another request about the same entry was under way, and still was after the
    /// retries: nothing is known to have changed.
    Conflict,
    /// The root directory or the bucket is missing or of the wrong kind.
    RootMissing,
    /// Permission denied.
    Denied,
    /// No credentials, or they are wrong or expired.
    Credentials,
    /// The bucket lives in another region.
    WrongRegion,
    /// The object is in an archive and must be brought back first.
    Archived,
    /// The server asked to slow down, and still did after the retries.
    Throttled,
    /// No answer in time.
    Timeout,
    /// Network failure or an error on the server's side.
    Unavailable,
    /// Nothing has succeeded for so long that going on makes no sense.
    Outage,
    /// A checksum or a length does not match.
    Corrupt,
    /// What was written of the entry by now was removed by somebody else, before
    /// it was committed.
    Aborted,
    /// Something that is no file is in the way of the path.
    Blocked,
    /// No space, quota or file-size limit.
    NoSpace,
    /// The file system takes nothing more: it is full, over a quota or mounted
    /// read-only. Another one, mounted below, may.
    Unwritable,
    /// The server or file system cannot do this.
    Unsupported,
    /// The listing was not in ascending key order.
    Disordered,
    /// The listing named a key twice.
    Duplicate,
    /// Work was stopped on request.
    Stopped,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Whether the cause is one that ends by itself, so that another attempt may succeed.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::Throttled | Self::Timeout | Self::Unavailable | Self::Outage
        )
    }

    /// Whether every further action would fail alike, so that going on makes
    /// no sense.
    #[must_use]
    pub fn stops_run(self) -> bool {
        matches!(
            self,
            Self::RootMissing
                | Self::Credentials
                | Self::WrongRegion
                | Self::NoSpace
                | Self::Outage
                | Self::Stopped
        )
    }
}

/// An error of a [`Store`](crate::store::Store).
///
/// Shown, it says what was tried on what, why it failed, and what to do.
#[derive(Debug)]
pub struct StoreError {
    // Small, because each item of a listing is moved as what is larger: an entry
    // or an error.
    kind: ErrorKind,
    message: String,
    hint: Option<Box<Hint>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Result of a store's operation.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    /// An error of `kind`; `message` names the operation and its object, as in
    /// "cannot open 'a/b'".
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    /// The same error with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hint = Some(Box::new(hint.into()));
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&Hint> {
        self.hint.as_deref()
    }
}

impl fmt::Display for StoreError {
    /// The message, the chain of causes and the hint, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut cause = self.source.as_deref().map(|s| s as &dyn StdError);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

// The causes are part of the text above, so they are not offered again as
// `source()`: a reporter that prints the chain would say everything twice.
impl StdError for StoreError {}
