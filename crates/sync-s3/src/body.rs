//! Bodies on their way: those that are sent go out in pieces that are counted,
//! those that come may not drip. Both are held back where bandwidth is limited.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::limiter::{Flow, Pass};
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

/// How far a body has come on its way out.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Pieces that were handed over.
    pieces: AtomicU64,
    /// Whether the next one waits because bandwidth is limited.
    held: AtomicBool,
}

impl Sent {
    pub(crate) fn pieces(&self) -> u64 {
        self.pieces.load(Ordering::Relaxed)
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) {
        self.pieces.fetch_add(1, Ordering::Relaxed);
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

/// What is handed over when its time has come.
struct Held<T> {
    what: T,
    since: Instant,
    until: Pin<Box<Sleep>>,
}

impl<T> Held<T> {
    fn new(what: T, until: Pin<Box<Sleep>>) -> Self {
        Self {
            what,
            since: Instant::now(),
            until,
        }
    }
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
        self.sent.count();
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

/// What is left of a body of which so many bytes are here already.
fn more(body: &SizeHint, here: usize) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(body.lower() + here as u64);
    if let Some(upper) = body.upper() {
        hint.set_upper(upper + here as u64);
    }
    hint
}

/// The body of an answer. Its request is under way until it ends.
pub(crate) struct Incoming {
    body: SdkBody,
    turn: Option<Turn>,
    limited: Option<Limited>,
    held: Option<Held<Frame<Bytes>>>,
    /// How long it may take for each [`DRIP_BYTES`].
    patience: Duration,
    /// Armed when there is something to wait for.
    deadline: Option<Pin<Box<Sleep>>>,
    got: usize,
}

/// The part that a request has in bandwidth that is limited.
pub(crate) struct Limited {
    pub(crate) flow: Flow,
    /// Ends with the body.
    pub(crate) _pass: Option<Pass>,
}

impl Incoming {
    pub(crate) fn new(
        body: SdkBody,
        turn: Turn,
        limited: Option<Limited>,
        patience: Duration,
    ) -> Self {
        Self {
            body,
            turn: Some(turn),
            limited,
            held: None,
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

    /// Holds a frame back until its time has come, if that is not now.
    fn hold(&mut self, frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
        let bytes = frame.data_ref().map_or(0, Buf::remaining);
        let limited = self.limited.as_ref().filter(|_| bytes > 0);
        let Some(until) = limited.and_then(|limited| limited.flow.reserve(bytes)) else {
            return Some(frame);
        };
        self.held = Some(Held::new(frame, until));
        None
    }

    /// What was held back, when its time has come. The server is not to blame
    /// for that wait.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        let Some(held) = &mut self.held else {
            return Poll::Ready(None);
        };
        ready!(held.until.as_mut().poll(cx));
        let waited = held.since.elapsed();
        if let Some(deadline) = &mut self.deadline {
            let later = deadline.deadline() + waited;
            deadline.as_mut().reset(later);
        }
        Poll::Ready(self.held.take().map(|held| held.what))
    }

    fn ended(&mut self) {
        self.turn = None;
        self.limited = None;
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
        if let Some(frame) = ready!(self.poll_held(cx)) {
            return Poll::Ready(Some(Ok(frame)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.came(frame.data_ref().map_or(0, Buf::remaining));
                if let Some(frame) = self.hold(frame) {
                    return Poll::Ready(Some(Ok(frame)));
                }
                self.poll_held(cx).map(|frame| frame.map(Ok))
            }
            Poll::Ready(Some(Err(error))) => {
                self.broke();
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                self.ended();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let patience = self.patience;
                let deadline = self
                    .deadline
                    .get_or_insert_with(|| Box::pin(sleep(patience)));
                if deadline.as_mut().poll(cx).is_ready() {
                    self.broke();
                    return Poll::Ready(Some(Err(Dripped(patience).into())));
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.as_ref().and_then(|held| held.what.data_ref());
        more(&self.body.size_hint(), held.map_or(0, Bytes::len))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::num::NonZeroU64;

    use super::*;
    use crate::bandwidth::Bandwidth;
    use crate::limiter::{Limiter, Way};
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
        let mut body = Incoming::new(drip, turn, None, Duration::from_millis(100));
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

    /// Brings so much whenever it has been asked twice, so often.
    struct Bursts {
        left: usize,
        len: usize,
        asked: bool,
    }

    impl Body for Bursts {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.asked = !self.asked;
            if self.asked {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.left -= 1;
            Poll::Ready(Some(Ok(Frame::data(vec![0; self.len].into()))))
        }
    }

    fn limiter(rate: u64) -> Arc<Limiter> {
        Limiter::new(Bandwidth::constant(NonZeroU64::new(rate).unwrap()))
    }

    async fn collect(mut body: impl Body<Data = Bytes, Error = Error> + Unpin) -> Vec<usize> {
        let mut lens = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            lens.push(frame.unwrap().into_data().unwrap().len());
        }
        lens
    }

    /// Each burst waits twice as long as the server may take for one, which is
    /// long enough for a loaded machine.
    #[tokio::test]
    async fn a_body_that_we_hold_back_ourselves_does_not_drip() {
        let len = DRIP_BYTES;
        let bursts = Bursts {
            left: 3,
            len,
            asked: false,
        };
        let limited = Limited {
            flow: Flow::new(&limiter(len as u64), Way::Down),
            _pass: None,
        };
        let pace = Pace::new(Some(1));
        let turn = pace.turn().await.unwrap();
        let patience = Duration::from_millis(500);
        let body = SdkBody::from_body_1_x(bursts);
        let body = Incoming::new(body, turn, Some(limited), patience);
        let begun = Instant::now();
        assert_eq!(collect(body).await, [len; 3]);
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(1_900), "{took:?}");
        assert!(pace.turn().await.is_ok());
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
