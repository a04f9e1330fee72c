//! A request that failed: how far it got, and what the server said.

use sync_core::{StoreError, hint::Hint, text::printable};

use crate::client::endpoint::Endpoint;

/// Why a request failed, whatever the request was.
#[derive(Debug, Default, Clone)]
pub(crate) struct Failure {
    pub(crate) status: Option<u16>,
    /// The code of the service, as in `NoSuchKey`.
    pub(crate) code: Option<String>,
    /// The message of the service, or the innermost cause.
    pub(crate) message: Option<String>,
    /// The region of the bucket, where the server names it.
    pub(crate) region: Option<String>,
    pub(crate) origin: Origin,
    /// Where the server redirects the request.
    pub(crate) redirect: Option<Box<str>>,
    /// What to do, where the cause says more than its kind.
    pub(crate) advice: Option<Hint>,
    /// Whether a listing has shown that objects are in the way, which the answer does
    /// not say.
    pub(crate) found_objects_below: bool,
}

/// How far a request got.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The server refused it.
    #[default]
    Service,
    /// The connection failed.
    Network,
    /// It timed out.
    Timeout,
    /// There are no credentials.
    Credentials,
    /// The answer cannot be read.
    Answer,
    /// The end of the answer is missing.
    Truncated,
    /// The answer violates the protocol of S3.
    Protocol,
    /// The answer describes something else than was sent: it belongs to another
    /// request.
    Foreign,
    /// It was not sent.
    Request,
    /// It was not sent, because no request has succeeded for too long.
    Outage,
}

/// The operation that failed, for the message and the permission that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempted<'a> {
    /// As in "cannot upload".
    pub(crate) what: &'static str,
    /// The key below the prefix, or the bucket.
    pub(crate) name: &'a str,
    /// As in `s3:PutObject`.
    pub(crate) permission: &'a str,
}

impl<'a> Attempted<'a> {
    /// The HEAD of an object. Without s3:ListBucket, S3 answers 403 for a key that is
    /// not there (API Reference, HeadObject).
    pub(crate) fn look_up(name: &'a str) -> Self {
        Self {
            what: "look up",
            name,
            permission: "s3:GetObject, and s3:ListBucket for keys that are not there",
        }
    }
}

impl Failure {
    pub(crate) fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            origin,
            ..Self::default()
        }
    }

    /// An answer that was read and is invalid.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new(Origin::Protocol, message)
    }

    /// The error that a list of results has for one key.
    pub(crate) fn of_key(code: Option<&str>, message: Option<&str>) -> Self {
        Self {
            code: code.map(str::to_owned),
            message: message.map(str::to_owned),
            ..Self::default()
        }
    }

    /// The failure of a request that needs no object: if something is missing, it is
    /// the bucket, or the server does not speak S3.
    pub(crate) fn of_bucket(mut self) -> Self {
        if self.is_missing_key() {
            self.code = Some("NoSuchBucket".to_owned());
        }
        self
    }

    /// The error of the store.
    pub(crate) fn into_error(self, attempted: Attempted<'_>, endpoint: &Endpoint) -> StoreError {
        let message = format!("cannot {} '{}'", attempted.what, printable(attempted.name));
        let hint = self.hint(attempted, endpoint);
        let mut error = StoreError::new(self.kind(), message);
        if let Some(cause) = self.cause() {
            error = error.with_source(cause);
        }
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    /// The cause in the words of the server or of the system.
    pub(crate) fn cause(&self) -> Option<String> {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) if !message.trim().is_empty() => {
                Some(printable(&format!("{message} ({code})")))
            }
            (Some(code), _) => Some(printable(code)),
            (None, Some(text)) => Some(printable(text)),
            (None, None) => self.status.map(|status| format!("status {status}")),
        }
    }
}
