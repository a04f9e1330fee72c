//! The body of an answer on its way out, counted, damaged and delayed.

use std::{
    error::Error,
    fmt,
    future::Future as _,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use s3s::StdError;
use tokio::time::Sleep;

use crate::{action::Action, intake::flip, log::Record};

/// How long the bytes before a cut get to leave the machine.
const FLUSH: Duration = Duration::from_millis(20);

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
        let until = [self.cut, self.pause.map(|(after, _)| after)]
            .into_iter()
            .flatten();
        let room = until
            .map(|end| end.saturating_sub(sent))
            .min()
            .unwrap_or(u64::MAX);
        self.trickle
            .map_or(room, |(bytes, _)| room.min(bytes as u64))
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

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
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
            let Some(frame) = ready!(
                Pin::new(&mut self.body)
                    .poll_frame(cx)
                    .map_err(Broken::new)?
            ) else {
                return Poll::Ready(None);
            };
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
