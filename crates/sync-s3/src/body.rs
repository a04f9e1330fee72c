//! Bodies on their way: those that are sent go out in pieces that are counted,
//! those that come may neither drip nor be without end. Both are held back where bandwidth is limited.

mod incoming;
mod limits;
mod pieces;

use std::pin::Pin;

use http_body::SizeHint;
use tokio::time::{Instant, Sleep};

pub(crate) use incoming::{Dripped, Incoming, Limited};
pub(crate) use limits::{SHORT, TooLong, most_of_answer};
pub(crate) use pieces::{Pieces, Sent};

type Error = aws_smithy_types::body::Error;

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

/// What is left of a body of which so many bytes are here already.
fn more(body: &SizeHint, here: usize) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(body.lower() + here as u64);
    if let Some(upper) = body.upper() {
        hint.set_upper(upper + here as u64);
    }
    hint
}

#[cfg(test)]
mod testing {
    use std::future::poll_fn;
    use std::num::NonZeroU64;
    use std::sync::Arc;

    use bytes::Bytes;
    use http_body::Body;

    use super::*;
    use crate::bandwidth::Bandwidth;
    use crate::limiter::Limiter;

    pub(super) fn limiter(rate: u64) -> Arc<Limiter> {
        Limiter::new(Bandwidth::constant(NonZeroU64::new(rate).unwrap()))
    }

    pub(super) async fn collect(
        mut body: impl Body<Data = Bytes, Error = Error> + Unpin,
    ) -> Vec<usize> {
        let mut lens = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            lens.push(frame.unwrap().into_data().unwrap().len());
        }
        lens
    }
}
