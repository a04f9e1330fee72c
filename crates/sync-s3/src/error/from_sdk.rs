//! Reduces the errors of the SDK to a [`Failure`].

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use sync_core::text::printable;

use crate::client::credentials::Unfit;
use crate::client::deadline::TooLate;
use crate::client::endpoint_url::without_secrets;
use crate::error::cause_chain::{causes, find, last_cause, texts};
use crate::error::failure::{Failure, Origin};
use crate::http::answer_limits::TooLong;
use crate::http::concurrency::Outage;
use crate::http::response_body::TooSlow;
use crate::http::unreachable::Unreachable;
use crate::list::xml::Unreadable;

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        Self::from(&error)
    }
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
        describe(&mut failure, error, error.raw_response());
        failure
    }
}

/// Adds the message, where the server gave none that is useful.
fn describe(
    failure: &mut Failure,
    error: &(dyn StdError + 'static),
    response: Option<&HttpResponse>,
) {
    let succeeded = failure
        .status
        .is_some_and(|status| (200..300).contains(&status));
    if let (None, None, Some(to)) = (&failure.code, &failure.region, &failure.redirect) {
        let status = failure.status.unwrap_or_default();
        failure.message = Some(format!("the server redirects to {to} (status {status})"));
    } else if failure.origin == Origin::Service && failure.code.is_none() && succeeded {
        failure.origin = Origin::Answer;
        failure.message = Some("the answer is not that of an S3 server".to_owned());
        if let Some(root) = response.and_then(root_element) {
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
}

fn origin<E>(error: &SdkError<E, HttpResponse>) -> Origin
where
    E: StdError + Send + Sync + 'static,
{
    if find::<CredentialsError>(error).is_some() {
        return Origin::Credentials;
    }
    match find::<Unreadable>(error) {
        Some(Unreadable::Truncated) => return Origin::Truncated,
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
        // Neither an error of the network nor worth a retry: the request was never
        // sent, as for an invalid endpoint or region.
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

/// Where a server redirects the request, other than to another region: mostly a web
/// server in front of it, to https. Without the query, which may be a secret.
fn redirect(response: &HttpResponse) -> Option<Box<str>> {
    if !matches!(response.status().as_u16(), 301..=303 | 307 | 308) {
        return None;
    }
    let to = response.headers().get("location")?;
    let to = to.split(['?', '#']).next()?;
    Some(printable(&without_secrets(to)).into())
}

/// The root element of the document that a server has sent, unless that is a web
/// page.
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

/// The last cause of the chain, which says what happened; the others only say where.
fn innermost(error: &(dyn StdError + 'static), status: Option<u16>) -> Option<String> {
    if let Some(status) = status.filter(|status| !(200..300).contains(status)) {
        return Some(format!("the server answered with status {status}"));
    }
    Some(last_cause(error))
}

/// Why there are no credentials. The last source, the metadata service of an EC2
/// machine, fails in several ways where there is none; that is not the reason.
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

/// Why a body failed midway.
pub(crate) fn origin_of_body(error: &(dyn StdError + 'static)) -> Origin {
    match find::<TooSlow>(error) {
        Some(_) => Origin::Timeout,
        None => Origin::Network,
    }
}

/// Whether a body failed because its bytes do not match their checksum.
pub(crate) fn is_checksum_mismatch(error: &(dyn StdError + 'static)) -> bool {
    // The type is private to the SDK; a test with a flipped bit guards this.
    causes(error).any(|cause| cause.to_string().contains("checksum mismatch"))
}
