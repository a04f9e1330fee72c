//! The body of a request: handed over in chunks, which are counted and perhaps
//! delayed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::http::body::{Delayed, Error, with_buffered};
use crate::http::in_flight::Moved;
use crate::http::throttle::Throttle;

/// The largest chunk in which a body is handed over: at 10 kB/s one still leaves
/// within seven seconds.
const CHUNK: usize = 64 * 1024;

/// How much of a body has been sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Chunks that were handed over.
    chunks: AtomicU64,
    /// Whether the next chunk is delayed because bandwidth is limited.
    is_delayed: AtomicBool,
    /// Bytes that were handed over.
    bytes: AtomicU64,
    moved: Moved,
    /// The same bytes, for the time that all bodies in flight may take.
    backlog: Moved,
}

impl Sent {
    /// For a request whose bytes count in `moved` until it is answered.
    pub(crate) fn new(moved: Moved, backlog: Moved) -> Self {
        Self {
            moved,
            backlog,
            ..Self::default()
        }
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn is_delayed(&self) -> bool {
        self.is_delayed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_delayed(&self, is_delayed: bool) {
        self.is_delayed.store(is_delayed, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, bytes: usize) {
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moved.add(bytes);
        self.backlog.add(bytes);
    }
}

/// A body that is handed over in chunks, which are counted.
pub(crate) struct RequestBody {
    body: SdkBody,
    rest: Bytes,
    sent: Arc<Sent>,
    throttle: Option<Throttle>,
    delayed: Option<Delayed<Bytes>>,
}

impl RequestBody {
    pub(crate) fn new(body: SdkBody, sent: Arc<Sent>, throttle: Option<Throttle>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            sent,
            throttle,
            delayed: None,
        }
    }

    fn next_chunk(&mut self) -> Bytes {
        let most = self
            .throttle
            .as_ref()
            .map_or(CHUNK, Throttle::chunk_size)
            .min(CHUNK);
        let len = self.rest.len().min(most);
        self.rest.split_to(len)
    }

    fn hand_over(&mut self, chunk: Bytes) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.sent.set_delayed(false);
        self.sent.count(chunk.len());
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.delayed.is_none() {
            while self.rest.is_empty() {
                match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => self.rest = data,
                        Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                    },
                    end => return Poll::Ready(end),
                }
            }
            let chunk = self.next_chunk();
            let throttle = self.throttle.as_ref();
            let Some(until) = throttle.and_then(|throttle| throttle.reserve(chunk.len())) else {
                return self.hand_over(chunk);
            };
            self.sent.set_delayed(true);
            self.delayed = Some(Delayed::new(chunk, until));
        }
        if let Some(delayed) = &mut self.delayed {
            ready!(delayed.until.as_mut().poll(cx));
        }
        let chunk = self
            .delayed
            .take()
            .map_or_else(Bytes::new, |delayed| delayed.what);
        self.hand_over(chunk)
    }

    fn is_end_stream(&self) -> bool {
        self.delayed.is_none() && self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let buffered = self
            .delayed
            .as_ref()
            .map_or(0, |delayed| delayed.what.len());
        with_buffered(&self.body.size_hint(), self.rest.len() + buffered)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::http::body::testing::{collect, limiter};
    use crate::http::throttle::RequestDirection;

    #[tokio::test]
    async fn a_body_is_handed_over_whole_and_in_chunks() {
        let data: Bytes = (0..CHUNK * 2 + 5).map(|n| (n % 251) as u8).collect();
        let sent = Arc::new(Sent::default());
        let mut body = RequestBody::new(SdkBody::from(data.clone()), Arc::clone(&sent), None);
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
        assert_eq!(sent.chunks(), 3);
    }

    #[tokio::test]
    async fn a_body_is_handed_over_in_chunks_where_bandwidth_is_limited() {
        let all = 512 * 1024;
        let sent = Arc::new(Sent::default());
        let throttle = Throttle::new(&limiter(1 << 20), RequestDirection::Upload);
        let body = SdkBody::from(Bytes::from(vec![0; all]));
        let mut body = RequestBody::new(body, Arc::clone(&sent), Some(throttle));
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
        assert!(sent.is_delayed());
        let left = (all - first.iter().sum::<usize>()) as u64;
        assert_eq!(
            body.size_hint().exact(),
            Some(left),
            "the delayed chunk counts too"
        );
        let lens = [first, collect(body).await].concat();
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(380), "{took:?}");
        assert!(took <= Duration::from_millis(1500), "{took:?}");
        assert_eq!(lens.iter().sum::<usize>(), all);
        let most = lens.iter().max();
        assert!(most <= Some(&((1 << 20) / 20)), "{most:?}");
        assert!(!sent.is_delayed());
    }
}
