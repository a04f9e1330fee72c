//! Bodies on their way in and out, counted and damaged as they pass.

use std::{
    error::Error,
    fmt,
    future::{Future as _, poll_fn},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use s3s::StdError;
use tokio::time::Sleep;

use crate::{faults::Action, log::Record};

/// How long the bytes before a cut get to leave the machine.
const FLUSH: Duration = Duration::from_millis(20);

/// The body of a request. Clones read from the same source, so that what the
/// operation leaves unread can be read off the connection afterwards.
#[derive(Clone)]
pub(crate) struct Intake {
    source: Arc<Mutex<Incoming>>,
    received: Arc<AtomicU64>,
    flip: Option<u64>,
    raw: Option<RawBody>,
}

/// The bytes of a request's body as they were sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawBody(Arc<Mutex<Vec<u8>>>);

impl RawBody {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Intake {
    pub(crate) fn new(source: Incoming, received: Arc<AtomicU64>, actions: &[Action], raw: Option<RawBody>) -> Self {
        let flip = actions.iter().find_map(|action| match action {
            Action::FlipReceivedBit { offset } => Some(*offset),
            _ => None,
        });
        Self { source: Arc::new(Mutex::new(source)), received, flip, raw }
    }

    /// Reads what is left. A client that is still sending may otherwise see a
    /// broken pipe instead of the answer.
    pub(crate) async fn drain(mut self) {
        while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {}
    }
}

impl Body for Intake {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = ready!(Pin::new(&mut *source).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|data| {
                    let start = self.received.fetch_add(data.len() as u64, Ordering::Relaxed);
                    let data = flip(data, start, self.flip);
                    if let Some(RawBody(raw)) = &self.raw {
                        raw.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&data);
                    }
                    data
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

/// Flips the lowest bit of the byte at `offset`, if it is in this chunk.
fn flip(data: Bytes, start: u64, offset: Option<u64>) -> Bytes {
    let index = offset.and_then(|offset| usize::try_from(offset.checked_sub(start)?).ok());
    match index.filter(|index| *index < data.len()) {
        None => data,
        Some(index) => {
            let mut damaged = data.to_vec();
            damaged[index] ^= 1;
            damaged.into()
        }
    }
}

/// Why a connection ends before its answer: to hyper any error means that.
#[derive(Debug)]
pub(crate) struct Broken(StdError);

impl Broken {
    pub(crate) fn new(reason: impl Into<StdError>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the connection is dropped: {}", self.0)
    }
}

impl Error for Broken {}

/// The body of an answer. Its log entry is finished when it is dropped.
pub(crate) struct Outlet {
    body: s3s::Body,
    record: Record,
    rest: Bytes,
    sleep: Option<Pin<Box<Sleep>>>,
    flip: Option<u64>,
    cut: Option<u64>,
    flushed: bool,
    pause: Option<(u64, Duration)>,
    trickle: Option<(usize, Duration)>,
}

impl Outlet {
    pub(crate) fn new(body: s3s::Body, record: Record, actions: &[Action]) -> Self {
        let mut outlet = Self {
            body,
            record,
            rest: Bytes::new(),
            sleep: None,
            flip: None,
            cut: None,
            flushed: false,
            pause: None,
            trickle: None,
        };
        for action in actions {
            match *action {
                Action::FlipBit { offset } => outlet.flip = Some(offset),
                Action::CutBodyAfter(bytes) => outlet.cut = Some(bytes),
                Action::StallBody { after, pause } => outlet.pause = Some((after, pause)),
                Action::Trickle { bytes, every } => outlet.trickle = Some((bytes.max(1), every)),
                _ => {}
            }
        }
        outlet
    }

    fn wait(&mut self, time: Duration) {
        self.sleep = Some(Box::pin(tokio::time::sleep(time)));
    }

    /// How many bytes may go before something happens.
    fn room(&self) -> u64 {
        let sent = self.record.entry.bytes_out;
        let until = [self.cut, self.pause.map(|(after, _)| after)].into_iter().flatten();
        let room = until.map(|end| end.saturating_sub(sent)).min().unwrap_or(u64::MAX);
        self.trickle.map_or(room, |(bytes, _)| room.min(bytes as u64))
    }

    /// Sends the beginning of a chunk and keeps the rest for later.
    fn send(&mut self, mut chunk: Bytes) -> Frame<Bytes> {
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        self.rest = chunk.split_off(room.min(chunk.len()));
        if let Some((_, every)) = self.trickle {
            self.wait(every);
        }
        let start = self.record.entry.bytes_out;
        self.record.entry.bytes_out += chunk.len() as u64;
        Frame::data(flip(chunk, start, self.flip))
    }
}

impl Body for Outlet {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            let sent = self.record.entry.bytes_out;
            if self.cut.is_some_and(|cut| sent >= cut) {
                if self.flushed {
                    return Poll::Ready(Some(Err(Broken::new("cut by an injected fault"))));
                }
                self.flushed = true;
                self.wait(FLUSH);
                continue;
            }
            if let Some((_, pause)) = self.pause.take_if(|(after, _)| sent >= *after) {
                self.wait(pause);
                continue;
            }
            let rest = mem::take(&mut self.rest);
            if !rest.is_empty() {
                return Poll::Ready(Some(Ok(self.send(rest))));
            }
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx).map_err(Broken::new)?) else { return Poll::Ready(None) };
            match frame.into_data() {
                Ok(data) => return Poll::Ready(Some(Ok(self.send(data)))),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Asked before the first byte, when nothing is kept back yet.
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_is_flipped_in_the_chunk_that_has_it() {
        let data = || Bytes::from_static(b"abc");
        assert_eq!(flip(data(), 0, None), "abc");
        assert_eq!(flip(data(), 0, Some(1)), "acc");
        assert_eq!(flip(data(), 10, Some(12)), "abb");
        assert_eq!(flip(data(), 10, Some(9)), "abc");
        assert_eq!(flip(data(), 10, Some(13)), "abc");
    }
}
