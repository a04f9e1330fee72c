//! The body of a request on its way in, counted and damaged as it passes.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::action::Action;

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
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Intake {
    pub(crate) fn new(
        source: Incoming,
        received: Arc<AtomicU64>,
        actions: &[Action],
        raw: Option<RawBody>,
    ) -> Self {
        let flip = actions.iter().find_map(|action| match action {
            Action::FlipReceivedBit { offset } => Some(*offset),
            _ => None,
        });
        Self {
            source: Arc::new(Mutex::new(source)),
            received,
            flip,
            raw,
        }
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

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = ready!(Pin::new(&mut *source).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| {
                frame.map_data(|data| {
                    let start = self
                        .received
                        .fetch_add(data.len() as u64, Ordering::Relaxed);
                    let data = flip(data, start, self.flip);
                    if let Some(RawBody(raw)) = &self.raw {
                        raw.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .extend_from_slice(&data);
                    }
                    data
                })
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.source
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.source
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .size_hint()
    }
}

/// Flips the lowest bit of the byte at `offset`, if it is in this chunk.
pub(crate) fn flip(data: Bytes, start: u64, offset: Option<u64>) -> Bytes {
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
