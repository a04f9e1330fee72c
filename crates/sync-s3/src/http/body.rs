//! What the bodies of requests and of answers share: bytes that are delayed where
//! bandwidth is limited, and the size of the rest.

use std::pin::Pin;

use http_body::SizeHint;
use tokio::time::{Instant, Sleep};

pub(crate) type Error = aws_smithy_types::body::Error;

/// Something that is handed over at its time.
pub(crate) struct Delayed<T> {
    pub(crate) what: T,
    pub(crate) since: Instant,
    pub(crate) until: Pin<Box<Sleep>>,
}

impl<T> Delayed<T> {
    pub(crate) fn new(what: T, until: Pin<Box<Sleep>>) -> Self {
        Self {
            what,
            since: Instant::now(),
            until,
        }
    }
}

/// The size of the rest of a body of which so many bytes are buffered already.
pub(crate) fn with_buffered(body: &SizeHint, buffered: usize) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(body.lower() + buffered as u64);
    if let Some(upper) = body.upper() {
        hint.set_upper(upper + buffered as u64);
    }
    hint
}

#[cfg(test)]
pub(crate) mod testing {
    use std::future::poll_fn;
    use std::num::NonZeroU64;
    use std::sync::Arc;

    use bytes::Bytes;
    use http_body::Body;

    use super::*;
    use crate::http::bandwidth::Bandwidth;
    use crate::http::throttle::BandwidthLimiter;

    pub(crate) fn limiter(rate: u64) -> Arc<BandwidthLimiter> {
        BandwidthLimiter::new(Bandwidth::constant(NonZeroU64::new(rate).unwrap()))
    }

    pub(crate) async fn collect(
        mut body: impl Body<Data = Bytes, Error = Error> + Unpin,
    ) -> Vec<usize> {
        let mut lens = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            lens.push(frame.unwrap().into_data().unwrap().len());
        }
        lens
    }
}
