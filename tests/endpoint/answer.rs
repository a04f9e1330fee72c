//! Answers that the server gives in place of the service, and changes to
//! those that the service gave.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use s3s::Body;

use crate::{
    action::{Action, Answer},
    clock::http_date,
    config::{Precision, Rounding},
    list_versions::RawXml,
    state::State,
};

/// The answer that an action gives without asking the service.
pub(crate) fn instead(actions: &[Action]) -> Option<Response<Body>> {
    actions.iter().find_map(|action| match action {
        Action::Error {
            status,
            code,
            message,
            headers,
        } => {
            let mut answer = error(*status, code, message);
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) =
                    (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
                {
                    answer.headers_mut().insert(name, value);
                }
            }
            Some(answer)
        }
        Action::OkWithErrorBody { code, message } => Some(error(200, code, message)),
        _ => None,
    })
}

/// The answer with the document that the service has written itself, if it has.
pub(crate) fn as_written(mut answer: Response<Body>) -> Response<Body> {
    let Some(RawXml(xml)) = answer.extensions_mut().remove::<RawXml>() else {
        return answer;
    };
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let kind = HeaderValue::from_static("application/xml");
    parts.headers.insert(header::CONTENT_TYPE, kind);
    Response::from_parts(parts, Body::from(xml))
}

/// Lets every [`Action::EditAnswer`] do its work.
pub(crate) async fn edit(answer: Response<Body>, actions: &[Action]) -> Response<Body> {
    if !actions
        .iter()
        .any(|action| matches!(action, Action::EditAnswer(_)))
    {
        return answer;
    }
    let (parts, mut body) = answer.into_parts();
    let bytes = body.store_all_limited(usize::MAX).await.unwrap_or_default();
    let mut answer = Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: bytes.to_vec(),
    };
    for action in actions {
        if let Action::EditAnswer(edit) = action {
            edit(&mut answer);
        }
    }
    // That of a HEAD describes a body that is not there.
    if !(bytes.is_empty() && answer.body.is_empty()) {
        answer.headers.remove(header::CONTENT_LENGTH);
    }
    let mut edited = Response::new(Body::from(answer.body));
    *edited.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(parts.status);
    *edited.headers_mut() = answer.headers;
    edited
}

/// The headers that every answer of S3 has.
pub(crate) fn complete(headers: &mut HeaderMap, state: &State, id: u64) {
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = value.try_into() {
            headers.entry(name).or_insert(value);
        }
    };
    set(header::DATE, http_date(state.clock.now()));
    let is_aws =
        state.config.precision == Precision::Second && state.config.rounding == Rounding::Down;
    // The name says how times are cut.
    let name = if is_aws { "AmazonS3" } else { "s3-endpoint" };
    set(header::SERVER, name.to_owned());
    set(
        HeaderName::from_static("x-amz-request-id"),
        format!("{id:016X}"),
    );
    set(
        HeaderName::from_static("x-amz-id-2"),
        format!("endpoint-{id}"),
    );
}

fn error(status: u16, code: &str, message: &str) -> Response<Body> {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let (code, message) = (escape(code), escape(message));
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut answer = Response::new(Body::from(xml));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml"),
    );
    answer
}
