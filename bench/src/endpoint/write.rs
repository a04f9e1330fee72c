//! PutObject, and uploads in parts.

use std::{cell::RefCell, rc::Rc};

use anyhow::Result;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{
    intake::{Received, checksum_headers, metadata, receive},
    reply::{Reply, empty, error, xml},
    state::{Object, State, Upload},
    target::Target,
};
use crate::sums;

pub(super) async fn object(
    state: &RefCell<State>,
    target: Target,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Reply> {
    let Ok(received) = taken(state, headers, body).await else {
        return error(StatusCode::BAD_REQUEST, "IncompleteBody");
    };
    let mut state = state.borrow_mut();
    if !state.may_change(&target.key, headers) {
        return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
    }
    let md5 = received.md5.unwrap_or_else(|| state.make_up());
    let etag = sums::quoted(&md5);
    let response = with_etag(empty(StatusCode::OK), &etag);
    let object = Object {
        size: received.size,
        etag: etag.into(),
        modified: state.now(),
        checksum: Rc::new(received.checksum),
        metadata: Rc::new(metadata(headers)),
        content: None,
    };
    state.store(&target.key, object);
    response
}

pub(super) fn create(
    state: &RefCell<State>,
    target: &Target,
    headers: &HeaderMap,
) -> Response<Reply> {
    let mut state = state.borrow_mut();
    let id = sums::quoted(&state.make_up()).replace('"', "");
    let upload = Upload {
        metadata: Rc::new(metadata(headers)),
        ..Upload::default()
    };
    let Target { bucket, key, .. } = target;
    let response = xml(format!(
        "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key>\
         <UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
    ));
    state.uploads.insert(id, upload);
    response
}

pub(super) async fn part(
    state: &RefCell<State>,
    target: &Target,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Reply> {
    let Ok(received) = taken(state, headers, body).await else {
        return error(StatusCode::BAD_REQUEST, "IncompleteBody");
    };
    let mut state = state.borrow_mut();
    let md5 = received.md5.unwrap_or_else(|| state.make_up());
    let number = target
        .query("partNumber")
        .and_then(|text| text.parse().ok());
    let id = target.query("uploadId").unwrap_or_default();
    let (Some(number), Some(upload)) = (number, state.uploads.get_mut(id)) else {
        return error(StatusCode::NOT_FOUND, "NoSuchUpload");
    };
    upload.parts.insert(number, (received.size, md5));
    let mut response = with_etag(empty(StatusCode::OK), &sums::quoted(&md5));
    response.headers_mut().extend(received.checksum);
    response
}

/// Takes all the parts there are; which ones the client lists is not looked at.
pub(super) async fn complete(
    state: &RefCell<State>,
    target: Target,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Reply> {
    if body.collect().await.is_err() {
        return error(StatusCode::BAD_REQUEST, "IncompleteBody");
    }
    let mut state = state.borrow_mut();
    if !state.may_change(&target.key, headers) {
        return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
    }
    let id = target.query("uploadId").unwrap_or_default();
    let Some(upload) = state.uploads.remove(id) else {
        return error(StatusCode::NOT_FOUND, "NoSuchUpload");
    };
    let etag = sums::etag_of_parts(upload.parts.values().map(|part| part.1));
    let object = Object {
        size: upload.parts.values().map(|part| part.0).sum(),
        etag: etag.as_str().into(),
        modified: state.now(),
        checksum: Rc::new(checksum_headers(headers)),
        metadata: upload.metadata,
        content: None,
    };
    let response = xml(format!(
        "<CompleteMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key>\
         <ETag>&quot;{}&quot;</ETag></CompleteMultipartUploadResult>",
        target.bucket,
        target.key,
        etag.trim_matches('"')
    ));
    state.store(&target.key, object);
    response
}

async fn taken(state: &RefCell<State>, headers: &HeaderMap, body: Incoming) -> Result<Received> {
    let received = receive(headers, body).await?;
    state.borrow_mut().tally.received += received.size;
    Ok(received)
}

fn with_etag(mut response: Response<Reply>, etag: &str) -> Response<Reply> {
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
