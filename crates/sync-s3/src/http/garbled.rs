//! Answers that are not valid HTTP.

use std::error::Error as StdError;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::ConnectorError;

/// An answer that does not follow the rules of HTTP. Whether the request was
/// carried out is as open as if the answer had been lost.
#[derive(Debug, thiserror::Error)]
#[error("the answer is not valid HTTP: {0}")]
pub(crate) struct Garbled(String);

/// What hyper calls neither a broken connection nor a mistake of ours is an
/// answer that it cannot read. The SDK would not try again after that, and take
/// the request for never sent.
pub(crate) fn garbled(error: ConnectorError) -> ConnectorError {
    let is_unknown = error.is_other() && error.as_other().is_none();
    let text = chain(&error);
    // Requests that hyper refuses to send: "UserUnsupportedVersion" and others.
    if !is_unknown || text.contains("(User") {
        return error;
    }
    let cause = text.rsplit(": ").next().unwrap_or(&text).to_owned();
    ConnectorError::io(Garbled(cause).into())
}

/// hyper does not look at the length where no body follows, as after a HEAD.
pub(crate) fn with_sound_length(answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let lengths = || answer.headers().get_all("content-length");
    let is_sound = lengths().all(|length| {
        length.trim().parse::<u64>().is_ok()
            && Some(length) == answer.headers().get("content-length")
    });
    if is_sound {
        return Ok(answer);
    }
    let why = "invalid content-length".to_owned();
    Err(ConnectorError::io(Garbled(why).into()))
}

/// An error with its causes.
pub(crate) fn chain(error: &ConnectorError) -> String {
    let first: &(dyn StdError + 'static) = error;
    let causes = std::iter::successors(Some(first), |&error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
