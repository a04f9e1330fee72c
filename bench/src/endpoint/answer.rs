//! Which operation a request asks for.

use std::cell::RefCell;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{
    delete, list, read,
    reply::{Reply, empty, error, xml},
    state::State,
    tally::Kind,
    target::Target,
    write,
};

pub(super) async fn answer(state: &RefCell<State>, request: Request<Incoming>) -> Response<Reply> {
    let (head, body) = request.into_parts();
    let target = Target::of(&head.uri);
    let kind = kind(&head.method, &target);
    state.borrow_mut().tally.count(kind);
    match kind {
        Kind::List => list::page(&state.borrow(), &target),
        Kind::Get | Kind::Head if target.key.is_empty() => empty(StatusCode::OK),
        Kind::Get | Kind::Head => {
            let with_content = kind == Kind::Get;
            read::object(
                &mut state.borrow_mut(),
                &target,
                &head.headers,
                with_content,
            )
        }
        Kind::Put => write::object(state, target, &head.headers, body).await,
        Kind::Part => write::part(state, &target, &head.headers, body).await,
        Kind::Create => write::create(state, &target, &head.headers),
        Kind::Complete => write::complete(state, target, &head.headers, body).await,
        Kind::Delete => delete::delete(state, &target, &head.headers, body).await,
        Kind::Other => other(&head.method, &target),
    }
}

fn kind(method: &Method, target: &Target) -> Kind {
    let in_bucket = target.key.is_empty();
    let part = target.has("uploadId");
    match *method {
        Method::GET if in_bucket && !target.bucket.is_empty() => {
            let about = ["location", "versioning", "uploads", "acl", "policy"];
            if about.iter().any(|name| target.has(name)) {
                Kind::Other
            } else {
                Kind::List
            }
        }
        Method::GET if !in_bucket && !part => Kind::Get,
        Method::HEAD => Kind::Head,
        Method::PUT if !in_bucket && part => Kind::Part,
        Method::PUT if !in_bucket => Kind::Put,
        Method::POST if target.has("uploads") => Kind::Create,
        Method::POST if part => Kind::Complete,
        Method::POST if target.has("delete") => Kind::Delete,
        Method::DELETE => Kind::Delete,
        _ => Kind::Other,
    }
}

fn other(method: &Method, target: &Target) -> Response<Reply> {
    if *method == Method::PUT && target.key.is_empty() {
        // Some tools create the bucket first, just in case.
        return empty(StatusCode::OK);
    }
    if target.has("location") {
        return xml("<LocationConstraint/>".to_owned());
    }
    if target.has("versioning") {
        return xml("<VersioningConfiguration/>".to_owned());
    }
    if target.has("uploads") {
        return xml(
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>\
             </ListMultipartUploadsResult>"
                .to_owned(),
        );
    }
    error(StatusCode::NOT_IMPLEMENTED, "NotImplemented")
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::*;

    #[test]
    fn requests_are_counted_as_what_they_are() {
        let of =
            |method: Method, uri: &'static str| kind(&method, &Target::of(&Uri::from_static(uri)));
        assert_eq!(of(Method::GET, "/b?list-type=2&prefix="), Kind::List);
        assert_eq!(of(Method::GET, "/b/?delimiter=%2F"), Kind::List);
        assert_eq!(of(Method::GET, "/b?location"), Kind::Other);
        assert_eq!(of(Method::GET, "/b/k"), Kind::Get);
        assert_eq!(of(Method::HEAD, "/b/k"), Kind::Head);
        assert_eq!(of(Method::PUT, "/b/k"), Kind::Put);
        assert_eq!(of(Method::PUT, "/b/k?partNumber=1&uploadId=2"), Kind::Part);
        assert_eq!(of(Method::POST, "/b/k?uploads"), Kind::Create);
        assert_eq!(of(Method::POST, "/b/k?uploadId=2"), Kind::Complete);
        assert_eq!(of(Method::POST, "/b?delete"), Kind::Delete);
        assert_eq!(of(Method::DELETE, "/b/k"), Kind::Delete);
        assert_eq!(of(Method::PUT, "/b"), Kind::Other);
    }
}
