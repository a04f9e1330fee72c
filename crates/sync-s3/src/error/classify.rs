//! What a failure means to the code that sent the request.

use sync_core::{ErrorKind, hint, setting::Setting};

use crate::error::failure::{Failure, Origin};
use crate::error::permanent;

impl Failure {
    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| codes.contains(&code))
    }

    /// The object is not there. The SDK makes `NotFound` of a 404 without a body, as
    /// that of a HEAD; one with another body than those of S3, as of a server that
    /// speaks another protocol, has no code and does not count.
    pub(crate) fn is_missing_key(&self) -> bool {
        self.has_code(&["NoSuchKey", "NotFound", "NoSuchVersion"])
    }

    /// A condition did not hold.
    pub(crate) fn is_precondition(&self) -> bool {
        self.has_code(&["PreconditionFailed"]) || self.status == Some(412)
    }

    /// The server refused the request, for whatever reason.
    pub(crate) fn is_refusal(&self) -> bool {
        self.origin == Origin::Service && matches!(self.status, Some(400..500))
    }

    /// The server requires `Content-MD5`. Codes differ; the message names the header.
    pub(crate) fn wants_md5(&self) -> bool {
        let named = || {
            let message = self.message.as_deref().unwrap_or_default();
            message.to_ascii_lowercase().contains("content-md5")
        };
        self.has_code(&["MissingContentMD5"]) || matches!(self.status, Some(400 | 411)) && named()
    }

    /// There is a directory where the object should be, or an object where its
    /// directory should be: servers over a file system cannot hold both.
    pub(crate) fn is_blocked(&self) -> bool {
        self.found_objects_below
            || self.is_blocked_by_directory()
            || self.has_code(&["XMinioParentIsObject"])
            || self.refuses_because(permanent::is_blocked)
    }

    /// There is a directory where the object should be.
    pub(crate) fn is_blocked_by_directory(&self) -> bool {
        self.has_code(&["XMinioObjectExistsAsDirectory"])
            || self.refuses_because(permanent::is_blocked_by_directory)
    }

    fn refuses_because(&self, says: fn(&str) -> bool) -> bool {
        self.status.is_some_and(|status| status >= 400) && self.message.as_deref().is_some_and(says)
    }

    /// The server cannot hold a name this long.
    pub(crate) fn is_too_long(&self) -> bool {
        self.has_code(&["KeyTooLongError", "KeyTooLong"])
            || self.refuses_because(permanent::is_too_long)
    }

    /// A header has a value that the server does not support, such as a storage class.
    pub(crate) fn refuses_a_value(&self) -> bool {
        self.has_code(&["InvalidArgument", "InvalidStorageClass"])
    }

    /// The key of SSE-C may be why the server refused a read: AWS answers 403 to a wrong key,
    /// other servers 400, and all 400 where the object is encrypted by none. A HEAD has no
    /// code.
    pub(crate) fn may_be_due_to_key(&self) -> bool {
        self.origin == Origin::Service
            && matches!(self.status, Some(400 | 403))
            && matches!(self.kind(), ErrorKind::Denied | ErrorKind::Other)
    }

    /// This refusal of a read with the key of SSE-C, which was sent again without it and was
    /// answered by `unkeyed`: only an object that is encrypted by a key of SSE-C is refused
    /// with 400 then.
    pub(crate) fn explained_by(mut self, unkeyed: &Self) -> Self {
        if unkeyed.status == Some(400) && unkeyed.may_be_due_to_key() {
            self.advice = Some(hint!(
                "the key of {} does not decrypt this object",
                Setting::CustomerKey
            ));
        }
        self
    }

    /// The server does not support this kind of request, or one of its headers.
    pub(crate) fn is_not_implemented(&self) -> bool {
        self.has_code(&["NotImplemented"]) || self.status == Some(501)
    }

    /// The server failed without a reason.
    pub(crate) fn is_internal(&self) -> bool {
        self.origin == Origin::Service && self.has_code(&["InternalError"])
    }

    /// The same request may succeed a little later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Throttled | ErrorKind::Unavailable | ErrorKind::Timeout
        ) || self.is_conflict()
    }

    /// Another program writes the same key at this moment.
    pub(crate) fn is_conflict(&self) -> bool {
        self.has_code(&["ConditionalRequestConflict", "OperationAborted"])
    }

    /// The request may have been carried out, although no answer says so.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let is_answered = !self.is_blocked() && !self.is_too_long();
        matches!(
            self.origin,
            Origin::Network | Origin::Timeout | Origin::Answer | Origin::Foreign
        ) || matches!(self.status, Some(500 | 502 | 504)) && is_answered
    }
}
