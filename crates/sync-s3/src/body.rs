//! Bodies on their way: those that are sent go out in pieces that are counted,
//! those that come may not drip.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::pace::{Outcome, Turn};

/// Size of the pieces in which a body is handed over: at 10 kB/s one still
/// leaves within seven seconds.
const PIECE: usize = 64 * 1024;

/// A body must bring this many bytes in the time that it has, or end.
const DRIP_BYTES: usize = 32 * 1024;

type Error = aws_smithy_types::body::Error;

/// A body hardly moved.
#[derive(Debug, thiserror::Error)]
#[error("it hardly moved for {} seconds", .0.as_secs())]
pub(crate) struct Dripped(Duration);

/// A body that is handed over in pieces, which are counted.
pub(crate) struct Pieces {
    body: SdkBody,
    rest: Bytes,
    handed_over: Arc<AtomicU64>,
}

impl Pieces {
    pub(crate) fn new(body: SdkBody, handed_over: Arc<AtomicU64>) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            handed_over,
        }
    }

    fn next_piece(&mut self) -> Bytes {
        self.handed_over.fetch_add(1, Ordering::Relaxed);
        let len = self.rest.len().min(PIECE);
        self.rest.split_to(len)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.body.size_hint();
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// The body of an answer. Its request is under way until it ends.
pub(crate) struct Incoming {
    body: SdkBody,
    turn: Option<Turn>,
    /// How long it may take for each [`DRIP_BYTES`].
    patience: Duration,
    /// Armed when there is something to wait for.
    deadline: Option<Pin<Box<Sleep>>>,
    got: usize,
}

impl Incoming {
    pub(crate) fn new(body: SdkBody, turn: Turn, patience: Duration) -> Self {
        Self {
            body,
            turn: Some(turn),
            patience,
            deadline: None,
            got: 0,
        }
    }

    fn came(&mut self, bytes: usize) {
        self.got += bytes;
        if self.got >= DRIP_BYTES {
            self.got = 0;
            if let Some(deadline) = &mut self.deadline {
                deadline.as_mut().reset(Instant::now() + self.patience);
            }
        }
    }

    fn broke(&mut self) {
        if let Some(turn) = self.turn.take() {
            turn.note(Outcome::Overcharged);
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.came(frame.data_ref().map_or(0, Buf::remaining));
            }
            Poll::Ready(Some(Err(_))) => self.broke(),
            Poll::Ready(None) => self.turn = None,
            Poll::Pending => {
                let patience = self.patience;
                let deadline = self
                    .deadline
                    .get_or_insert_with(|| Box::pin(sleep(patience)));
                if deadline.as_mut().poll(cx).is_ready() {
                    self.broke();
                    return Poll::Ready(Some(Err(Dripped(patience).into())));
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::pace::Pace;

    /// Brings a byte at a time, and never ends.
    struct Drip(Pin<Box<Sleep>>, Duration);

    impl Body for Drip {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            ready!(self.0.as_mut().poll(cx));
            self.0 = Box::pin(sleep(self.1));
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test]
    async fn a_body_that_drips_breaks_and_gives_its_turn_back() {
        let every = Duration::from_millis(5);
        let drip = SdkBody::from_body_1_x(Drip(Box::pin(sleep(every)), every));
        let pace = Pace::new(Some(1));
        let turn = pace.turn().await.unwrap();
        let mut body = Incoming::new(drip, turn, Duration::from_millis(100));
        let mut bytes = 0;
        let error = loop {
            match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(_)) => bytes += 1,
                Some(Err(error)) => break error,
                None => panic!("it ended"),
            }
        };
        assert!(error.is::<Dripped>(), "{error}");
        assert!(bytes > 1);
        assert!(pace.turn().await.is_ok());
    }

    #[tokio::test]
    async fn a_body_is_handed_over_whole_and_in_pieces() {
        let data: Bytes = (0..PIECE * 2 + 5).map(|n| (n % 251) as u8).collect();
        let handed_over = Arc::new(AtomicU64::new(0));
        let mut body = Pieces::new(SdkBody::from(data.clone()), Arc::clone(&handed_over));
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
        assert_eq!(handed_over.load(Ordering::Relaxed), 3);
    }
}
