//! A body that comes: it may neither drip nor be too long, and is perhaps held
//! back by us.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::http::answer_limits::TooLong;
use crate::http::body::{Error, Held, more};
use crate::http::concurrency::{Outcome, Turn};
use crate::http::in_flight::Moved;
use crate::http::throttle::{Flow, Pass};

/// A body must bring this many bytes in the time that it has, or end.
const DRIP_BYTES: usize = 32 * 1024;

/// A body hardly moved.
#[derive(Debug, thiserror::Error)]
#[error("it hardly moved for {} seconds", .0.as_secs())]
pub(crate) struct Dripped(Duration);

/// The body of an answer. Its request is under way until it ends.
pub(crate) struct Incoming {
    body: SdkBody,
    turn: Option<Turn>,
    limited: Option<Limited>,
    moved: Moved,
    held: Option<Held<Frame<Bytes>>>,
    /// How long it may take for each [`DRIP_BYTES`].
    patience: Duration,
    /// Armed when there is something to wait for.
    deadline: Option<Pin<Box<Sleep>>>,
    got: usize,
    /// Most bytes that it may bring, if there is a limit.
    most: Option<u64>,
    /// How many it has brought.
    brought: u64,
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
        moved: Moved,
        patience: Duration,
    ) -> Self {
        Self {
            body,
            turn: Some(turn),
            limited,
            moved,
            held: None,
            patience,
            deadline: None,
            got: 0,
            most: None,
            brought: 0,
        }
    }

    /// Lets it break when it brings more than `most` bytes.
    pub(crate) fn at_most(mut self, most: Option<u64>) -> Self {
        self.most = most;
        self
    }

    fn came(&mut self, bytes: usize) -> Result<(), TooLong> {
        self.moved.add(bytes);
        self.got += bytes;
        self.brought = self.brought.saturating_add(bytes as u64);
        if let Some(most) = self.most.filter(|&most| self.brought > most) {
            return Err(TooLong(most));
        }
        if self.got >= DRIP_BYTES {
            self.got = 0;
            if let Some(deadline) = &mut self.deadline {
                deadline.as_mut().reset(Instant::now() + self.patience);
            }
        }
        Ok(())
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
                if let Err(error) = self.came(frame.data_ref().map_or(0, Buf::remaining)) {
                    self.ended();
                    return Poll::Ready(Some(Err(error.into())));
                }
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

    use super::*;
    use crate::http::body::testing::{collect, limiter};
    use crate::http::concurrency::Pace;
    use crate::http::throttle::Way;

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
        let mut body = Incoming::new(
            drip,
            turn,
            None,
            Moved::default(),
            Duration::from_millis(100),
        );
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
    async fn a_body_breaks_when_it_is_longer_than_it_may_be() {
        for (most, whole) in [(None, true), (Some(30), true), (Some(29), false)] {
            let bursts = Bursts {
                left: 3,
                len: 10,
                asked: false,
            };
            let turn = Pace::new(Some(1)).turn().await.unwrap();
            let patience = Duration::from_secs(10);
            let body = SdkBody::from_body_1_x(bursts);
            let body = Incoming::new(body, turn, None, Moved::default(), patience).at_most(most);
            let mut body = std::pin::pin!(body);
            let mut error = None;
            while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                if let Err(broke) = frame {
                    error = Some(broke);
                    break;
                }
            }
            assert_eq!(error.is_none(), whole, "{most:?}");
            assert!(error.is_none_or(|error| error.is::<TooLong>()));
        }
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
        let body = Incoming::new(body, turn, Some(limited), Moved::default(), patience);
        let begun = Instant::now();
        assert_eq!(collect(body).await, [len; 3]);
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(1_900), "{took:?}");
        assert!(pace.turn().await.is_ok());
    }
}
