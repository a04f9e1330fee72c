//! Answers that are not valid HTTP.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::ConnectorError;

use crate::error::cause_chain::texts;

/// An answer that is not valid HTTP. Whether the request was carried out is as
/// uncertain as if the answer had been lost.
#[derive(Debug, thiserror::Error)]
#[error("the answer is not valid HTTP: {0}")]
pub(crate) struct InvalidHttp(String);

/// Recognises an answer that hyper cannot parse: an error that is neither a broken
/// connection nor a mistake of ours. The SDK would not retry it, and would take
/// the request for never sent.
pub(crate) fn invalid_http(error: ConnectorError) -> ConnectorError {
    let is_unknown = error.is_other() && error.as_other().is_none();
    let text = texts(&error).join(": ");
    // Requests that hyper refuses to send: "UserUnsupportedVersion" and others.
    if !is_unknown || text.contains("(User") {
        return error;
    }
    let cause = text.rsplit(": ").next().unwrap_or(&text).to_owned();
    ConnectorError::io(InvalidHttp(cause).into())
}

/// Refuses an invalid length, which hyper does not check where no body follows, as
/// after a HEAD.
pub(crate) fn with_valid_length(answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let lengths = || answer.headers().get_all("content-length");
    let is_valid = lengths().all(|length| {
        length.trim().parse::<u64>().is_ok()
            && Some(length) == answer.headers().get("content-length")
    });
    if is_valid {
        return Ok(answer);
    }
    let why = "invalid content-length".to_owned();
    Err(ConnectorError::io(InvalidHttp(why).into()))
}
