//! How many bytes the requests in flight have moved: the visible progress of a
//! part before it is complete, which may take a minute on a slow connection; and how
//! many all requests have moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::http::waiting::Waiting;

/// The bytes of all requests of a store that are in flight. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Of the requests that are in flight.
    now: AtomicU64,
    /// Of all requests so far.
    ever: AtomicU64,
    waiting: Waiting,
}

impl InFlight {
    /// The bytes that unfinished requests have sent or received. Those of a request
    /// are subtracted when it ends, whether it succeeds or not.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.now.load(Ordering::Relaxed)
    }

    /// For how long the server has neither answered nor moved a byte, if requests wait for it,
    /// or pause before their next attempt.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        self.0.waiting.silent_for(Instant::now(), self.moved())
    }

    /// A request waits for its answer from now on.
    pub(crate) fn wait(&self) -> Wait {
        self.0.waiting.begin(Instant::now(), self.moved());
        Wait {
            all: self.clone(),
            answered: None,
        }
    }

    /// The bytes that all requests have sent or received so far.
    pub(crate) fn moved(&self) -> u64 {
        self.0.ever.load(Ordering::Relaxed)
    }

    /// Counts one more request.
    pub(crate) fn request(&self) -> Moved {
        Moved {
            all: Arc::clone(&self.0),
            mine: AtomicU64::new(0),
        }
    }
}

/// A request that waits for its answer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    all: InFlight,
    /// None where it is given up.
    answered: Option<bool>,
}

impl Wait {
    /// It has ended, with an answer or without one.
    pub(crate) fn end(mut self, answered: bool) {
        self.answered = Some(answered);
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let InFlight(counts) = &self.all;
        counts
            .waiting
            .end(Instant::now(), self.all.moved(), self.answered);
    }
}

/// The bytes that one request has moved, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    all: Arc<Counts>,
    mine: AtomicU64,
}

impl Moved {
    pub(crate) fn add(&self, bytes: usize) {
        let bytes = bytes as u64;
        self.mine.fetch_add(bytes, Ordering::Relaxed);
        self.all.now.fetch_add(bytes, Ordering::Relaxed);
        self.all.ever.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        self.all
            .now
            .fetch_sub(*self.mine.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_request_count_until_it_ends() {
        let in_flight = InFlight::default();
        let (one, other) = (in_flight.request(), in_flight.request());
        one.add(3);
        other.add(4);
        one.add(5);
        assert_eq!(in_flight.bytes(), 12);
        drop(one);
        assert_eq!(in_flight.bytes(), 4);
        drop(other);
        assert_eq!(in_flight.bytes(), 0);
        assert_eq!(in_flight.moved(), 12);
    }
}
