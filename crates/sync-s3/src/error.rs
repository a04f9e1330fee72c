//! From the SDK's errors to the core's: a kind to act on, a short cause, and
//! what to do.
//!
//! Everything that the SDK reports is first reduced to a [`Failure`], which
//! knows no operation types; the tables below then read it. Error codes are
//! those of the S3 API Reference, "Error responses"; a HEAD has no body and
//! tells only its status. No text here can hold a secret: credentials are
//! never part of an answer, and the SDK keeps them out of its messages.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sync_core::{ErrorKind, StoreError, printable};

use crate::connect::Endpoint;

/// Why a request failed, whatever the request was.
#[derive(Debug, Default, Clone)]
pub(crate) struct Failure {
    pub(crate) status: Option<u16>,
    /// Code of the service, as in `NoSuchKey`.
    pub(crate) code: Option<String>,
    /// Message of the service, or the innermost cause.
    pub(crate) message: Option<String>,
    /// The region that the bucket lives in, where the server tells.
    pub(crate) region: Option<String>,
    pub(crate) origin: Origin,
}

/// How far a request came.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The server refused it.
    #[default]
    Service,
    /// There was no connection, or it broke.
    Network,
    /// Time ran out.
    Timeout,
    /// No credentials could be had.
    Credentials,
    /// An answer came that cannot be read.
    Answer,
    /// An answer came that breaks the rules of S3.
    Protocol,
    /// It was not sent.
    Request,
}

/// What was tried, for the text and for the permission that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempted<'a> {
    /// As in "cannot upload".
    pub(crate) what: &'static str,
    /// The key below the prefix, or the bucket.
    pub(crate) name: &'a str,
    /// As in `s3:PutObject`.
    pub(crate) permission: &'static str,
}

impl<E> From<&SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: &SdkError<E, HttpResponse>) -> Self {
        let mut failure = Self {
            origin: origin(error),
            ..Self::default()
        };
        if let Some(response) = error.raw_response() {
            failure.status = Some(response.status().as_u16());
            failure.region = region(response);
        }
        if let Some(service) = error.as_service_error() {
            failure.code = service.code().map(str::to_owned);
            failure.message = service.message().map(str::to_owned);
        }
        if failure.message.is_none() && failure.code.is_none() {
            failure.message = innermost(error, failure.status);
        }
        failure
    }
}

fn origin<E>(error: &SdkError<E, HttpResponse>) -> Origin
where
    E: StdError + Send + Sync + 'static,
{
    if find::<CredentialsError>(error).is_some() {
        return Origin::Credentials;
    }
    match error {
        SdkError::TimeoutError(_) => Origin::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Origin::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_user() => Origin::Request,
        SdkError::DispatchFailure(_) => Origin::Network,
        SdkError::ResponseError(_) => Origin::Answer,
        SdkError::ServiceError(_) => Origin::Service,
        _ => Origin::Request,
    }
}

/// From the header, else from the element that `AuthorizationHeaderMalformed`
/// carries.
fn region(response: &HttpResponse) -> Option<String> {
    if let Some(region) = response.headers().get("x-amz-bucket-region") {
        return Some(region.to_owned());
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (_, rest) = body.split_once("<Region>")?;
    let (region, _) = rest.split_once("</Region>")?;
    Some(region.to_owned())
}

/// The last cause of the chain, which says what happened; those above it only
/// say where.
fn innermost(error: &(dyn StdError + 'static), status: Option<u16>) -> Option<String> {
    if let Some(status) = status.filter(|status| !(200..300).contains(status)) {
        return Some(format!("the server answered with status {status}"));
    }
    chain(error).last().map(ToString::to_string)
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// Whether a body broke because its bytes do not match their checksum.
pub(crate) fn is_checksum_mismatch(error: &(dyn StdError + 'static)) -> bool {
    // The type is private to the SDK's tree; a test with a flipped bit keeps
    // this honest.
    chain(error).any(|cause| cause.to_string().contains("checksum mismatch"))
}

impl Failure {
    /// An answer that was read and makes no sense.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self {
            message: Some(message.into()),
            origin: Origin::Protocol,
            ..Self::default()
        }
    }

    /// An error that a list of results names for one key.
    pub(crate) fn of_key(code: Option<&str>, message: Option<&str>) -> Self {
        Self {
            code: code.map(str::to_owned),
            message: message.map(str::to_owned),
            ..Self::default()
        }
    }

    pub(crate) fn has_code(&self, codes: &[&str]) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| codes.contains(&code))
    }

    /// The object is not there. A HEAD says so without a code.
    pub(crate) fn is_missing_key(&self) -> bool {
        self.has_code(&["NoSuchKey", "NotFound", "NoSuchVersion"])
            || (self.status == Some(404) && self.code.is_none())
    }

    /// A condition did not hold.
    pub(crate) fn is_precondition(&self) -> bool {
        self.has_code(&["PreconditionFailed"]) || self.status == Some(412)
    }

    /// Somebody else writes the same key at this moment.
    pub(crate) fn is_conflict(&self) -> bool {
        self.has_code(&["ConditionalRequestConflict", "OperationAborted"])
    }

    /// The request may have been carried out, though nothing said so.
    pub(crate) fn is_in_doubt(&self) -> bool {
        matches!(
            self.origin,
            Origin::Network | Origin::Timeout | Origin::Answer
        ) || self.status.is_some_and(|status| status >= 500)
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match self.origin {
            Origin::Network | Origin::Answer | Origin::Protocol => ErrorKind::Unavailable,
            Origin::Timeout => ErrorKind::Timeout,
            Origin::Credentials => ErrorKind::Credentials,
            Origin::Request => ErrorKind::Other,
            Origin::Service => self.service_kind(),
        }
    }

    fn service_kind(&self) -> ErrorKind {
        if let Some(kind) = self.code.as_deref().and_then(kind_of_code) {
            return kind;
        }
        match self.status {
            Some(301 | 307) => ErrorKind::WrongRegion,
            Some(400) if self.region.is_some() => ErrorKind::WrongRegion,
            Some(401 | 403) => ErrorKind::Denied,
            Some(404) => ErrorKind::NotFound,
            Some(408) => ErrorKind::Timeout,
            Some(409 | 412 | 416) => ErrorKind::Changed,
            Some(405 | 501) => ErrorKind::Unsupported,
            Some(429 | 503) => ErrorKind::Throttled,
            Some(507) => ErrorKind::NoSpace,
            Some(500..) => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        }
    }

    /// The error for people.
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

    fn cause(&self) -> Option<String> {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => Some(printable(&format!("{message} ({code})"))),
            (Some(text), None) | (None, Some(text)) => Some(printable(text)),
            (None, None) => self.status.map(|status| format!("status {status}")),
        }
    }

    fn hint(&self, attempted: Attempted<'_>, endpoint: &Endpoint) -> Option<String> {
        let code = self.code.as_deref().unwrap_or_default();
        let hint = match self.kind() {
            ErrorKind::RootMissing => {
                "create the bucket, or check --bucket and --endpoint-url".to_owned()
            }
            ErrorKind::WrongRegion => match &self.region {
                Some(region) => {
                    format!("the bucket is in {0}: use --region {0}", printable(region))
                }
                None => "the bucket is in another region: set it with --region".to_owned(),
            },
            ErrorKind::Denied => format!(
                "the credentials need the permission {}",
                attempted.permission
            ),
            ErrorKind::Credentials => credentials_hint(self.origin, code).to_owned(),
            ErrorKind::Archived => {
                "the object is archived: restore it from the archive first".to_owned()
            }
            ErrorKind::Throttled => "try again later, or with a lower --concurrency".to_owned(),
            ErrorKind::Unsupported => {
                "try --no-conditional or --checksum none for this server".to_owned()
            }
            ErrorKind::Timeout | ErrorKind::Unavailable
                if !matches!(self.origin, Origin::Service | Origin::Protocol) =>
            {
                match &endpoint.url {
                    Some(url) => format!("is {} the right --endpoint-url?", shown_url(url)),
                    None => "check the network and --region".to_owned(),
                }
            }
            _ => return None,
        };
        Some(hint)
    }
}

/// The URL without user and password, which some people write into it.
fn shown_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let path = path.split('?').next().unwrap_or_default();
    printable(&format!("{scheme}://{host}/{path}"))
}

fn credentials_hint(origin: Origin, code: &str) -> &'static str {
    match (origin, code) {
        (Origin::Credentials, _) => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a --profile, log in \
             (`aws sso login`), or use --no-sign-request for a public bucket"
        }
        (_, "ExpiredToken" | "TokenRefreshRequired" | "RequestExpired") => {
            "the credentials have expired: get new ones, as with `aws sso login`"
        }
        (_, "RequestTimeTooSkewed") => "set this machine's clock",
        _ => "check the access key, the secret key and --profile",
    }
}

/// The codes that tell more than their status.
fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchBucket" | "NoSuchAccessPoint" | "InvalidBucketName" => ErrorKind::RootMissing,
        "NoSuchKey" | "NotFound" | "NoSuchVersion" => ErrorKind::NotFound,
        "PreconditionFailed"
        | "NoSuchUpload"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "InvalidRange" => ErrorKind::Changed,
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
        "QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" => ErrorKind::NoSpace,
        _ => return None,
    })
}
