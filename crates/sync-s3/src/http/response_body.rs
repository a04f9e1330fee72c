//! The body of an answer: it must be neither too slow nor too long, and is perhaps
//! delayed by us.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use crate::http::answer_limits::TooLong;
use crate::http::body::{Delayed, Error, with_buffered};
use crate::http::concurrency::{ConcurrencyPermit, Outcome};
use crate::http::in_flight::Moved;
use crate::http::throttle::{BandwidthPermit, Throttle};

/// The least bytes that must arrive in each period of patience.
const LEAST_BYTES: usize = 32 * 1024;

/// A body was too slow.
#[derive(Debug, thiserror::Error)]
#[error("it hardly moved for {} seconds", .0.as_secs())]
pub(crate) struct TooSlow(Duration);

/// The body of an answer. Its request is in flight until it ends.
pub(crate) struct ResponseBody {
    body: SdkBody,
    permit: Option<ConcurrencyPermit>,
    limited: Option<Limited>,
    moved: Moved,
    delayed: Option<Delayed<Frame<Bytes>>>,
    /// How long [`LEAST_BYTES`] may take.
    patience: Duration,
    /// Armed with the first wait.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Since when the deadline stands still.
    paused: Option<Instant>,
    received: usize,
    /// The most bytes in all, if there is a limit.
    most: Option<u64>,
    total: u64,
}

/// The share of a request in the limited bandwidth.
pub(crate) struct Limited {
    pub(crate) throttle: Throttle,
    /// Returned at the end of the body.
    pub(crate) _permit: Option<BandwidthPermit>,
}

impl ResponseBody {
    pub(crate) fn new(
        body: SdkBody,
        permit: ConcurrencyPermit,
        limited: Option<Limited>,
        moved: Moved,
        patience: Duration,
    ) -> Self {
        Self {
            body,
            permit: Some(permit),
            limited,
            moved,
            delayed: None,
            patience,
            deadline: None,
            paused: None,
            received: 0,
            most: None,
            total: 0,
        }
    }

    /// Fails when more than `most` bytes arrive.
    pub(crate) fn at_most(mut self, most: Option<u64>) -> Self {
        self.most = most;
        self
    }

    fn count(&mut self, bytes: usize) -> Result<(), TooLong> {
        self.moved.add(bytes);
        self.received += bytes;
        self.total = self.total.saturating_add(bytes as u64);
        if let Some(most) = self.most.filter(|&most| self.total > most) {
            return Err(TooLong(most));
        }
        if self.received >= LEAST_BYTES {
            self.received = 0;
            if let Some(deadline) = &mut self.deadline {
                deadline.as_mut().reset(Instant::now() + self.patience);
            }
        }
        Ok(())
    }

    /// Delays a frame until its time, unless that is now.
    fn delay(&mut self, frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
        let bytes = frame.data_ref().map_or(0, Buf::remaining);
        let limited = self.limited.as_ref().filter(|_| bytes > 0);
        let Some(until) = limited.and_then(|limited| limited.throttle.reserve(bytes)) else {
            return Some(frame);
        };
        self.delayed = Some(Delayed::new(frame, until));
        None
    }

    /// The delayed frame, at its time. The server is not to blame for the delay.
    fn poll_delayed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        let Some(delayed) = &mut self.delayed else {
            return Poll::Ready(None);
        };
        ready!(delayed.until.as_mut().poll(cx));
        let waited = delayed.since.elapsed();
        if let Some(deadline) = &mut self.deadline {
            let later = deadline.deadline() + waited;
            deadline.as_mut().reset(later);
        }
        Poll::Ready(self.delayed.take().map(|delayed| delayed.what))
    }

    /// The deadline stands still until more is asked for: the server is not to
    /// blame for the time that the reader takes, for instance to write to a disk.
    fn pause_deadline(&mut self) {
        self.paused = self.deadline.is_some().then(Instant::now);
    }

    fn resume_deadline(&mut self) {
        if let (Some(paused), Some(deadline)) = (self.paused.take(), &mut self.deadline) {
            let later = deadline.deadline() + paused.elapsed();
            deadline.as_mut().reset(later);
        }
    }

    fn ended(&mut self) {
        self.permit = None;
        self.limited = None;
    }

    fn failed(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.record(Outcome::Overloaded);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.resume_deadline();
        if let Some(frame) = ready!(self.poll_delayed(cx)) {
            self.pause_deadline();
            return Poll::Ready(Some(Ok(frame)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Err(error) = self.count(frame.data_ref().map_or(0, Buf::remaining)) {
                    self.ended();
                    return Poll::Ready(Some(Err(error.into())));
                }
                if let Some(frame) = self.delay(frame) {
                    self.pause_deadline();
                    return Poll::Ready(Some(Ok(frame)));
                }
                self.poll_delayed(cx).map(|frame| frame.map(Ok))
            }
            Poll::Ready(Some(Err(error))) => {
                self.failed();
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
                    self.failed();
                    return Poll::Ready(Some(Err(TooSlow(patience).into())));
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.delayed.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let delayed = self.delayed.as_ref();
        let buffered = delayed.and_then(|delayed| delayed.what.data_ref());
        with_buffered(&self.body.size_hint(), buffered.map_or(0, Bytes::len))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::http::body::testing::{collect, limiter};
    use crate::http::concurrency::ConcurrencyLimiter;
    use crate::http::throttle::RequestDirection;

    /// Yields a byte at a time, and never ends.
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
    async fn a_body_that_is_too_slow_fails_and_returns_its_permit() {
        let every = Duration::from_millis(5);
        let drip = SdkBody::from_body_1_x(Drip(Box::pin(sleep(every)), every));
        let concurrency = ConcurrencyLimiter::new(Some(1));
        let permit = concurrency.acquire().await.unwrap();
        let mut body = ResponseBody::new(
            drip,
            permit,
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
        assert!(error.is::<TooSlow>(), "{error}");
        assert!(bytes > 1);
        assert!(concurrency.acquire().await.is_ok());
    }

    #[tokio::test]
    async fn the_time_that_the_reader_takes_does_not_count() {
        let every = Duration::from_millis(5);
        let drip = SdkBody::from_body_1_x(Drip(Box::pin(sleep(every)), every));
        let permit = ConcurrencyLimiter::new(Some(1)).acquire().await.unwrap();
        let patience = Duration::from_millis(400);
        let mut body = ResponseBody::new(drip, permit, None, Moved::default(), patience);
        for _ in 0..4 {
            // The second has to be waited for.
            for _ in 0..2 {
                let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
                assert!(frame.unwrap().is_ok());
            }
            // As on a disk that is busy.
            sleep(patience / 2).await;
        }
    }

    #[tokio::test]
    async fn a_body_fails_when_it_is_longer_than_its_limit() {
        for (most, whole) in [(None, true), (Some(30), true), (Some(29), false)] {
            let bursts = Bursts {
                left: 3,
                len: 10,
                asked: false,
            };
            let permit = ConcurrencyLimiter::new(Some(1)).acquire().await.unwrap();
            let patience = Duration::from_secs(10);
            let body = SdkBody::from_body_1_x(bursts);
            let body =
                ResponseBody::new(body, permit, None, Moved::default(), patience).at_most(most);
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

    /// Yields `left` bursts of `len` bytes, each when it has been polled twice.
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
    async fn a_body_that_we_delay_ourselves_is_not_too_slow() {
        let len = LEAST_BYTES;
        let bursts = Bursts {
            left: 3,
            len,
            asked: false,
        };
        let limited = Limited {
            throttle: Throttle::new(&limiter(len as u64), RequestDirection::Download),
            _permit: None,
        };
        let concurrency = ConcurrencyLimiter::new(Some(1));
        let permit = concurrency.acquire().await.unwrap();
        let patience = Duration::from_millis(500);
        let body = SdkBody::from_body_1_x(bursts);
        let body = ResponseBody::new(body, permit, Some(limited), Moved::default(), patience);
        let begun = Instant::now();
        assert_eq!(collect(body).await, [len; 3]);
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(1_900), "{took:?}");
        assert!(concurrency.acquire().await.is_ok());
    }
}
