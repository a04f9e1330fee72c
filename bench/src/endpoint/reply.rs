//! Answers: from memory, or pieces of a file's content without a copy.

use std::{
    convert::Infallible,
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};

use crate::content::Content;

/// A body.
pub(super) enum Reply {
    Text(Option<Bytes>),
    Content { content: Content, rest: Range<u64> },
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match self.get_mut() {
            Self::Text(text) => text.take(),
            Self::Content { content, rest } => {
                let piece = content.piece(rest.clone());
                rest.start += piece.len() as u64;
                (!piece.is_empty()).then_some(piece)
            }
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.as_ref().is_none_or(Bytes::is_empty),
            Self::Content { rest, .. } => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Text(text) => text.as_ref().map_or(0, Bytes::len) as u64,
            Self::Content { rest, .. } => rest.end - rest.start,
        })
    }
}

pub(super) fn empty(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::Text(None));
    *response.status_mut() = status;
    response
}

pub(super) fn xml(text: String) -> Response<Reply> {
    let mut response = Response::new(Reply::Text(Some(text.into())));
    let kind = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

pub(super) fn error(status: StatusCode, code: &str) -> Response<Reply> {
    let mut response = xml(format!(
        "<Error><Code>{code}</Code><Message>of the benchmark's endpoint</Message></Error>"
    ));
    *response.status_mut() = status;
    response
}
