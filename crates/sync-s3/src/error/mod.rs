//! From the SDK's errors to the core's: a kind to act on, a short cause, and
//! what to do.
//!
//! Everything that the SDK reports is first reduced to a [`Failure`], which
//! knows no operation types; `codes` and `hints` then read it. No text here
//! can hold a secret: credentials are never part of an answer, and the SDK
//! keeps them out of its messages.

pub(crate) mod cause_chain;
mod codes;
mod hints;
pub(crate) mod permanent;

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sync_core::{ErrorKind, StoreError, hint::Hint, text::printable};

use crate::client::credentials::Unfit;
use crate::client::deadline::TooLate;
use crate::client::endpoint::Endpoint;
use crate::client::endpoint_url::without_secrets;
use crate::error::cause_chain::{causes, find, last_cause, texts};
use crate::http::answer_limits::TooLong;
use crate::http::concurrency::Outage;
use crate::http::response_body::TooSlow;
use crate::http::unreachable::Unreachable;
use crate::list::Unreadable;

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
    /// Where the server sends us instead, as it says itself.
    pub(crate) redirect: Option<Box<str>>,
    /// What to do, where the cause tells more than its kind.
    pub(crate) advice: Option<Hint>,
    /// A look has shown that objects are in the way, which the answer does not
    /// say.
    pub(crate) found_objects_below: bool,
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
    /// An answer came whose end is missing.
    Cut,
    /// An answer came that breaks the rules of S3.
    Protocol,
    /// The answer describes something else than was sent: it is that of another
    /// request.
    Foreign,
    /// It was not sent.
    Request,
    /// It was not sent, because nothing has succeeded for long.
    Outage,
}

/// What was tried, for the text and for the permission that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempted<'a> {
    /// As in "cannot upload".
    pub(crate) what: &'static str,
    /// The key below the prefix, or the bucket.
    pub(crate) name: &'a str,
    /// As in `s3:PutObject`.
    pub(crate) permission: &'a str,
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
            failure.redirect = redirect(response);
        }
        if let Some(service) = error.as_service_error() {
            failure.code = service.code().map(str::to_owned);
            failure.message = service.message().map(str::to_owned);
        }
        let succeeded = failure
            .status
            .is_some_and(|status| (200..300).contains(&status));
        if let (None, None, Some(to)) = (&failure.code, &failure.region, &failure.redirect) {
            let status = failure.status.unwrap_or_default();
            failure.message = Some(format!("the server redirects to {to} (status {status})"));
        } else if failure.origin == Origin::Service && failure.code.is_none() && succeeded {
            failure.origin = Origin::Answer;
            failure.message = Some("the answer is not that of an S3 server".to_owned());
            if let Some(root) = error.raw_response().and_then(root_element) {
                failure.origin = Origin::Protocol;
                failure.message = Some(format!(
                    "the answer is not that of an S3 server to this request: a document of another \
                     kind ('{root}')"
                ));
            }
        } else if let Some(why) = find::<Unreachable>(error) {
            failure.message = Some(why.reason.clone());
            failure.advice.clone_from(&why.advice);
        } else if let Some(unfit) = find::<Unfit>(error) {
            failure.message = Some(unfit.to_string());
            failure.advice = Some("correct it there".into());
        } else if failure.origin == Origin::Credentials {
            failure.message = Some(no_credentials(error));
        } else if failure.message.is_none() && failure.code.is_none() {
            failure.message = innermost(error, failure.status);
            if failure.origin == Origin::Answer
                && succeeded
                && find::<TooLong>(error).is_none()
                && let Some(why) = &mut failure.message
            {
                *why = format!("the answer cannot be read to its end ({why})");
            }
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
    match find::<Unreadable>(error) {
        Some(Unreadable::Truncated) => return Origin::Cut,
        Some(_) => return Origin::Protocol,
        None => {}
    }
    if find::<Outage>(error).is_some() {
        return Origin::Outage;
    }
    if find::<TooLate>(error).is_some() || find::<TooSlow>(error).is_some() {
        return Origin::Timeout;
    }
    match error {
        SdkError::TimeoutError(_) => Origin::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Origin::Timeout,
        // What is neither of the network nor worth another attempt was never
        // sent: an endpoint or a region that cannot be.
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.as_other().is_some() => {
            Origin::Network
        }
        SdkError::DispatchFailure(_) => Origin::Request,
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

/// Where a server sends us that is no bucket of another region: a web server
/// before it, mostly to https. Without the query, which may be a secret.
fn redirect(response: &HttpResponse) -> Option<Box<str>> {
    if !matches!(response.status().as_u16(), 301..=303 | 307 | 308) {
        return None;
    }
    let to = response.headers().get("location")?;
    let to = to.split(['?', '#']).next()?;
    Some(printable(&without_secrets(to)).into())
}

/// The root of the document that a server has sent, unless that is a web page.
fn root_element(response: &HttpResponse) -> Option<String> {
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    let mut rest = body.trim_start_matches('\u{feff}').trim_start();
    while rest.starts_with("<?") {
        rest = rest.split_once("?>")?.1.trim_start();
    }
    let name: String = rest
        .strip_prefix('<')?
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'))
        .take(64)
        .collect();
    (!name.is_empty() && !name.eq_ignore_ascii_case("html")).then_some(name)
}

/// The last cause of the chain, which says what happened; those above it only
/// say where.
fn innermost(error: &(dyn StdError + 'static), status: Option<u16>) -> Option<String> {
    if let Some(status) = status.filter(|status| !(200..300).contains(status)) {
        return Some(format!("the server answered with status {status}"));
    }
    Some(last_cause(error))
}

/// Why there are no credentials. The last of all sources, the metadata
/// service of an EC2 machine, fails in several ways wherever there is none;
/// that is not what is wrong.
fn no_credentials(error: &(dyn StdError + 'static)) -> String {
    let not_loaded = matches!(
        find::<CredentialsError>(error),
        Some(CredentialsError::CredentialsNotLoaded(_))
    );
    if not_loaded || causes(error).any(|cause| cause.to_string().contains("IMDS")) {
        return "no credentials were found".to_owned();
    }
    // As in "failed to load token: No such file or directory".
    let mut texts = texts(error);
    texts.drain(..texts.len().saturating_sub(2));
    texts.join(": ")
}

/// Why a body broke midway.
pub(crate) fn origin_of_body(error: &(dyn StdError + 'static)) -> Origin {
    match find::<TooSlow>(error) {
        Some(_) => Origin::Timeout,
        None => Origin::Network,
    }
}

/// Whether a body broke because its bytes do not match their checksum.
pub(crate) fn is_checksum_mismatch(error: &(dyn StdError + 'static)) -> bool {
    // The type is private to the SDK's tree; a test with a flipped bit keeps
    // this honest.
    causes(error).any(|cause| cause.to_string().contains("checksum mismatch"))
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

    /// The object is not there. Of a 404 without a body, as a HEAD gets, the
    /// SDK makes `NotFound`; one with a body that is no S3's, as of a server
    /// that speaks something else, has no code and does not count.
    pub(crate) fn is_missing_key(&self) -> bool {
        self.has_code(&["NoSuchKey", "NotFound", "NoSuchVersion"])
    }

    /// The same, of a request that needs no object: then it is the bucket that
    /// is missing, or the server is none of S3.
    pub(crate) fn of_bucket(mut self) -> Self {
        if self.is_missing_key() {
            self.code = Some("NoSuchBucket".to_owned());
        }
        self
    }

    /// A condition did not hold.
    pub(crate) fn is_precondition(&self) -> bool {
        self.has_code(&["PreconditionFailed"]) || self.status == Some(412)
    }

    /// The server said no, for whatever reason of its own.
    pub(crate) fn is_refusal(&self) -> bool {
        self.origin == Origin::Service && matches!(self.status, Some(400..500))
    }

    /// The server demands `Content-MD5`. Codes differ; the name of the header is
    /// in the message.
    pub(crate) fn wants_md5(&self) -> bool {
        let named = || {
            let message = self.message.as_deref().unwrap_or_default();
            message.to_ascii_lowercase().contains("content-md5")
        };
        self.has_code(&["MissingContentMD5"]) || matches!(self.status, Some(400 | 411)) && named()
    }

    /// A directory is where the object was to be, or an object where its
    /// directory was to be: servers over a file system cannot hold both.
    pub(crate) fn is_blocked(&self) -> bool {
        self.found_objects_below
            || self.is_blocked_by_directory()
            || self.has_code(&["XMinioParentIsObject"])
            || self.refuses_because(permanent::is_blocked)
    }

    /// A directory is where the object was to be.
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

    /// A header has a value that the server does not know, such as a storage
    /// class that it lacks.
    pub(crate) fn refuses_a_value(&self) -> bool {
        self.has_code(&["InvalidArgument", "InvalidStorageClass"])
    }

    /// The server does not know this kind of request, or one of its headers.
    pub(crate) fn is_not_implemented(&self) -> bool {
        self.has_code(&["NotImplemented"]) || self.status == Some(501)
    }

    /// The server failed and gives no reason.
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

    /// Somebody else writes the same key at this moment.
    pub(crate) fn is_conflict(&self) -> bool {
        self.has_code(&["ConditionalRequestConflict", "OperationAborted"])
    }

    /// The request may have been carried out, though nothing said so.
    pub(crate) fn is_in_doubt(&self) -> bool {
        let is_answered = !self.is_blocked() && !self.is_too_long();
        matches!(
            self.origin,
            Origin::Network | Origin::Timeout | Origin::Answer | Origin::Foreign
        ) || matches!(self.status, Some(500 | 502 | 504)) && is_answered
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

    /// The server's words, or those of the system.
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
