//! A body that is sent: handed over in pieces, which are counted and perhaps
//! held back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::http::body::{Error, Held, more};
use crate::http::in_flight::Moved;
use crate::http::throttle::Flow;

/// Size of the pieces in which a body is handed over: at 10 kB/s one still
/// leaves within seven seconds.
const PIECE: usize = 64 * 1024;

/// How far a body has come on its way out.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Pieces that were handed over.
    pieces: AtomicU64,
    /// Whether the next one waits because bandwidth is limited.
    held: AtomicBool,
    /// Bytes that were handed over.
    bytes: AtomicU64,
    moved: Moved,
    /// The same bytes, of all bodies that are sent.
    backlog: Moved,
}

impl Sent {
    /// Of a request whose bytes count in `moved` until it has its answer.
    pub(crate) fn new(moved: Moved, backlog: Moved) -> Self {
        Self {
            moved,
            backlog,
            ..Self::default()
        }
    }

    pub(crate) fn pieces(&self) -> u64 {
        self.pieces.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, bytes: usize) {
        self.pieces.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moved.add(bytes);
        self.backlog.add(bytes);
    }
}

/// A body that is handed over in pieces, which are counted.
pub(crate) struct Pieces {
    body: SdkBody,
    rest: Bytes,
    sent: Arc<Sent>,
    flow: Option<Flow>,
    held: Option<Held<Bytes>>,
}

impl Pieces {
    pub(crate) fn new(body: SdkBody, sent: Arc<Sent>, flow: Option<Flow>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            sent,
            flow,
            held: None,
        }
    }

    fn cut(&mut self) -> Bytes {
        let most = self.flow.as_ref().map_or(PIECE, Flow::sip).min(PIECE);
        let len = self.rest.len().min(most);
        self.rest.split_to(len)
    }

    fn hand_over(&mut self, piece: Bytes) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.sent.hold(false);
        self.sent.count(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.held.is_none() {
            while self.rest.is_empty() {
                match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => self.rest = data,
                        Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                    },
                    end => return Poll::Ready(end),
                }
            }
            let piece = self.cut();
            let flow = self.flow.as_ref();
            let Some(until) = flow.and_then(|flow| flow.reserve(piece.len())) else {
                return self.hand_over(piece);
            };
            self.sent.hold(true);
            self.held = Some(Held::new(piece, until));
        }
        if let Some(held) = &mut self.held {
            ready!(held.until.as_mut().poll(cx));
        }
        let piece = self.held.take().map_or_else(Bytes::new, |held| held.what);
        self.hand_over(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.as_ref().map_or(0, |held| held.what.len());
        more(&self.body.size_hint(), self.rest.len() + held)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::http::body::testing::{collect, limiter};
    use crate::http::throttle::Way;

    #[tokio::test]
    async fn a_body_is_handed_over_whole_and_in_pieces() {
        let data: Bytes = (0..PIECE * 2 + 5).map(|n| (n % 251) as u8).collect();
        let sent = Arc::new(Sent::default());
        let mut body = Pieces::new(SdkBody::from(data.clone()), Arc::clone(&sent), None);
        let mut got = Vec::new();
        loop {
            let left = (data.len() - got.len()) as u64;
            assert_eq!(body.size_hint().exact(), Some(left));
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
            let Some(frame) = frame else { break };
            got.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert!(body.is_end_stream());
        assert_eq!(got, data);
        assert_eq!(sent.pieces(), 3);
    }

    #[tokio::test]
    async fn a_body_is_handed_over_in_sips_where_bandwidth_is_limited() {
        let all = 512 * 1024;
        let sent = Arc::new(Sent::default());
        let flow = Flow::new(&limiter(1 << 20), Way::Up);
        let body = SdkBody::from(Bytes::from(vec![0; all]));
        let mut body = Pieces::new(body, Arc::clone(&sent), Some(flow));
        let begun = Instant::now();
        let mut first = Vec::new();
        poll_fn(|cx| {
            while let Poll::Ready(frame) = Pin::new(&mut body).poll_frame(cx) {
                let frame = frame.unwrap().unwrap();
                first.push(frame.into_data().unwrap().len());
            }
            Poll::Ready(())
        })
        .await;
        assert!(sent.is_held());
        let left = (all - first.iter().sum::<usize>()) as u64;
        assert_eq!(body.size_hint().exact(), Some(left), "what is held too");
        let lens = [first, collect(body).await].concat();
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(380), "{took:?}");
        assert!(took <= Duration::from_millis(1500), "{took:?}");
        assert_eq!(lens.iter().sum::<usize>(), all);
        let most = lens.iter().max();
        assert!(most <= Some(&((1 << 20) / 20)), "{most:?}");
        assert!(!sent.is_held());
    }
}
