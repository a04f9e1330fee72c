//! How many requests are in flight at once.
//!
//! The limit is a window (`concurrency_window`), which adapts to the answers.
//! After ten minutes without any success all requests fail at once, so that an
//! outage ends a run instead of being met key by key.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

pub(crate) use crate::http::concurrency_window::{Outage, Outcome, WIDEST};
use crate::http::concurrency_window::{START, Window};

/// Limits the requests of one store.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimiter {
    permits: Semaphore,
    state: Mutex<State>,
}

/// The right to have one request in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct ConcurrencyPermit {
    limiter: Arc<ConcurrencyLimiter>,
    begun: Instant,
}

#[derive(Debug)]
struct State {
    window: Window,
    /// Permits to withhold when they are returned: the window has shrunk while
    /// they were in use.
    owed: usize,
}

impl ConcurrencyLimiter {
    /// At most `most` requests at once; by default as many as increase the
    /// throughput.
    pub(crate) fn new(most: Option<usize>) -> Arc<Self> {
        let (start, most) = most.map_or((START, WIDEST), |most| (most.max(1), most.max(1)));
        Arc::new(Self {
            permits: Semaphore::new(start),
            state: Mutex::new(State {
                window: Window::new(start, most, Instant::now()),
                owed: 0,
            }),
        })
    }

    /// Waits until another request may be sent.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<ConcurrencyPermit, Outage> {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        // Returned when dropped, whatever happens from here on.
        let mut permit = ConcurrencyPermit {
            limiter: Arc::clone(self),
            begun: Instant::now(),
        };
        loop {
            let resume = self.state.lock().window.resume(permit.begun)?;
            let Some(resume) = resume else {
                return Ok(permit);
            };
            sleep_until(resume).await;
            permit.begun = Instant::now();
        }
    }

    /// How many concurrent callers make full use of the window: a few more than
    /// it has permits, since a caller does not only wait for answers.
    pub(crate) fn useful_callers(&self) -> usize {
        let window = self.state.lock().window.size();
        window + window.div_ceil(4)
    }

    /// As after a long time without a success.
    #[cfg(test)]
    pub(crate) fn fail_for(&self, time: std::time::Duration) {
        self.state.lock().window.fail_for(time);
    }
}

impl ConcurrencyPermit {
    /// Adapts the window to the outcome of the request.
    pub(crate) fn record(&self, outcome: Outcome) {
        let permits = &self.limiter.permits;
        let in_use = permits.available_permits() == 0;
        let mut state = self.limiter.state.lock();
        let before = state.window.size();
        state
            .window
            .record(outcome, self.begun, Instant::now(), in_use);
        let after = state.window.size();
        if outcome == Outcome::Overloaded && after < before {
            tracing::info!(from = before, to = after, "fewer requests at once");
        } else if after != before {
            tracing::debug!(from = before, to = after, "requests at once");
        }
        if after < before {
            state.owed += before - after - permits.forget_permits(before - after);
        } else {
            let more = after - before;
            let paid = more.min(state.owed);
            state.owed -= paid;
            permits.add_permits(more - paid);
        }
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        let mut state = self.limiter.state.lock();
        if state.owed > 0 {
            state.owed -= 1;
        } else {
            self.limiter.permits.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_permits_than_the_window_are_given() {
        let limiter = ConcurrencyLimiter::new(Some(2));
        let first = limiter.acquire().await.unwrap();
        let second = limiter.acquire().await.unwrap();
        assert_eq!(limiter.permits.available_permits(), 0);
        first.record(Outcome::Overloaded);
        drop(first);
        // The window is one now, and the second request is in flight.
        assert_eq!(limiter.permits.available_permits(), 0);
        drop(second);
        assert_eq!(limiter.permits.available_permits(), 1);
        for _ in 0..2 {
            let permit = limiter.acquire().await.unwrap();
            permit.record(Outcome::Served);
        }
        assert_eq!(limiter.permits.available_permits(), 2);
    }
}
