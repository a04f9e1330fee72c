//! DeleteObject, DeleteObjects and AbortMultipartUpload, under conditions as S3
//! has them: what a client must not rely on it would look up first, and that
//! would be what is measured.

use std::{cell::RefCell, fmt::Write as _};

use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{
    reply::{Reply, empty, error, xml},
    state::{State, unquoted},
    target::Target,
};

pub(super) async fn delete(
    state: &RefCell<State>,
    target: &Target,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Reply> {
    let Ok(body) = body.collect().await else {
        return error(StatusCode::BAD_REQUEST, "IncompleteBody");
    };
    let mut state = state.borrow_mut();
    if let Some(id) = target.query("uploadId") {
        state.uploads.remove(id);
        return empty(StatusCode::NO_CONTENT);
    }
    if target.key.is_empty() {
        return xml(listed(
            &mut state,
            &String::from_utf8_lossy(&body.to_bytes()),
        ));
    }
    if !state.may_change(&target.key, headers) {
        return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
    }
    state.objects.remove(target.key.as_str());
    empty(StatusCode::NO_CONTENT)
}

/// Deletes the objects that `request` lists; what became of each.
fn listed(state: &mut State, request: &str) -> String {
    let is_quiet = between(request, "<Quiet>") == Some("true");
    let mut text = "<DeleteResult>".to_owned();
    for object in request.split("<Object>").skip(1) {
        // Names need no escaping (`list`).
        let key = between(object, "<Key>").unwrap_or_default();
        let wanted = between(object, "<ETag>").map(|etag| etag.replace("&quot;", ""));
        let present = state.objects.get(key).map(|object| unquoted(&object.etag));
        // Writing to a string cannot fail.
        if wanted.is_some_and(|wanted| present.is_some_and(|etag| etag != unquoted(&wanted))) {
            let code = "<Code>PreconditionFailed</Code><Message>another version</Message>";
            let _ = write!(text, "<Error><Key>{key}</Key>{code}</Error>");
            continue;
        }
        state.objects.remove(key);
        if !is_quiet {
            let _ = write!(text, "<Deleted><Key>{key}</Key></Deleted>");
        }
    }
    text.push_str("</DeleteResult>");
    text
}

/// The text of the first element that `open` begins.
fn between<'t>(text: &'t str, open: &str) -> Option<&'t str> {
    text.split_once(open)?.1.split_once('<').map(|pair| pair.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeded() -> State {
        State::seeded("3x3".parse().ok())
    }

    fn object(key: &str, rest: &str) -> String {
        format!("<Object><Key>{key}</Key>{rest}</Object>")
    }

    #[test]
    fn what_is_listed_is_deleted_and_named() {
        let mut state = seeded();
        let objects = object("d00000/f00000000", "") + &object("d00000/f00000002", "");
        let answer = listed(&mut state, &format!("<Delete>{objects}</Delete>"));
        let left: Vec<&str> = state.objects.keys().map(AsRef::as_ref).collect();
        assert_eq!(left, ["d00000/f00000001"]);
        assert_eq!(answer.matches("<Deleted>").count(), 2, "{answer}");
        // Of one that is not there S3 says that it was deleted, too.
        let answer = listed(&mut state, &object("d00000/f00000000", ""));
        assert_eq!(answer.matches("<Deleted>").count(), 1, "{answer}");
    }

    #[test]
    fn only_the_wanted_version_is_deleted() {
        let mut state = seeded();
        let key = "d00000/f00000000";
        let wrong = object(key, "<ETag>&quot;0&quot;</ETag>");
        let answer = listed(&mut state, &wrong);
        assert!(answer.contains("<Code>PreconditionFailed<"), "{answer}");
        assert!(!answer.contains("<Deleted>"), "{answer}");
        assert_eq!(state.objects.len(), 3);
        let etag = unquoted(&state.objects[key].etag).to_owned();
        let right = object(key, &format!("<ETag>&quot;{etag}&quot;</ETag>"));
        assert!(listed(&mut state, &right).contains("<Deleted>"));
        assert_eq!(state.objects.len(), 2);
    }

    #[test]
    fn a_quiet_request_is_told_of_errors_only() {
        let mut state = seeded();
        let objects = object("d00000/f00000001", "");
        let request = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>");
        assert_eq!(
            listed(&mut state, &request),
            "<DeleteResult></DeleteResult>"
        );
        assert_eq!(state.objects.len(), 2);
    }
}
