//! The kind of error that a code stands for.
//!
//! Codes are those of the S3 API Reference, "Error responses", and a few of other servers.
//! Where an answer has no code, as that of a HEAD, its status decides. What can be done
//! about an error is in `hints`.

use sync_core::ErrorKind;

use crate::error::failure::{Failure, Origin};

impl Failure {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self.origin {
            Origin::Network
            | Origin::Answer
            | Origin::Truncated
            | Origin::Protocol
            | Origin::Foreign => ErrorKind::Unavailable,
            Origin::Timeout => ErrorKind::Timeout,
            Origin::Credentials => ErrorKind::Credentials,
            Origin::Request => ErrorKind::Other,
            Origin::Outage => ErrorKind::Outage,
            Origin::Service => self.service_kind(),
        }
    }

    fn service_kind(&self) -> ErrorKind {
        if self.is_blocked() {
            return ErrorKind::Blocked;
        }
        if self.is_too_long() {
            return ErrorKind::Other;
        }
        // Garage has one code for all refusals.
        if self.has_code(&["AccessDenied"]) && self.is_about_keys() {
            return ErrorKind::Credentials;
        }
        if let Some(kind) = self.code.as_deref().and_then(kind_of_code) {
            return kind;
        }
        match self.status {
            _ if self.is_redirect() => ErrorKind::Other,
            Some(301 | 307) => ErrorKind::WrongRegion,
            Some(400) if self.region.is_some() => ErrorKind::WrongRegion,
            Some(401 | 403) => ErrorKind::Denied,
            Some(408) => ErrorKind::Timeout,
            Some(409 | 412 | 416) => ErrorKind::Changed,
            Some(405 | 501) => ErrorKind::Unsupported,
            Some(429 | 503) => ErrorKind::Throttled,
            Some(507) => ErrorKind::NoSpace,
            Some(500..) => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        }
    }

    /// Whether something other than an S3 server redirects the request.
    pub(crate) fn is_redirect(&self) -> bool {
        self.redirect.is_some() && self.code.is_none() && self.region.is_none()
    }

    /// Whether the message is about the keys that signed the request.
    fn is_about_keys(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        let message = message.to_ascii_lowercase();
        ["signature", "no such key", "access key"]
            .iter()
            .any(|phrase| message.contains(phrase))
    }
}

/// The codes that say more than their status.
fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchBucket" | "NoSuchAccessPoint" | "InvalidBucketName" => ErrorKind::RootMissing,
        "NoSuchKey" | "NotFound" | "NoSuchVersion" => ErrorKind::NotFound,
        "PreconditionFailed" | "InvalidRange" => ErrorKind::Changed,
        "ConditionalRequestConflict" | "OperationAborted" => ErrorKind::Conflict,
        "NoSuchUpload" => ErrorKind::Aborted,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "Forbidden" | "ObjectLocked"
        | "InvalidPayer" | "UnauthorizedAccess" => ErrorKind::Denied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "NotSignedUp"
        | "InvalidSecurity"
        | "MissingSecurityHeader" => ErrorKind::Credentials,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "IncorrectEndpoint" => ErrorKind::WrongRegion,
        "InvalidObjectState" => ErrorKind::Archived,
        "SlowDown"
        | "ServiceUnavailable"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "TooManyRequests"
        | "Busy"
        | "Throttling"
        | "ThrottlingException" => ErrorKind::Throttled,
        "RequestTimeout" => ErrorKind::Timeout,
        "InternalError" | "BadGateway" | "GatewayTimeout" => ErrorKind::Unavailable,
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch"
        | "IncompleteBody"
        | "InvalidPart" => ErrorKind::Corrupt,
        "NotImplemented" | "UnsupportedOperation" => ErrorKind::Unsupported,
        "QuotaExceeded"
        | "XMinioStorageFull"
        | "XMinioAdminBucketQuotaExceeded"
        | "InsufficientCapacity" => ErrorKind::NoSpace,
        _ => return None,
    })
}
