//! How long an operation may be retried.
//!
//! Attempts are counted by the SDK, but a server that lets each of them run into the
//! limit of silence would block one key for twenty minutes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

use crate::http::throttle::BandwidthLimiter;

/// After this time no attempt is begun; one that is in flight may last as long as its
/// bytes move.
const DEADLINE: Duration = Duration::from_secs(600);

/// An operation did not succeed in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it did not succeed within {} s", .0.as_secs())]
pub(crate) struct TooLate(Duration);

/// When the operation began, and how long the bandwidth had been used up until then.
#[derive(Debug)]
struct Start {
    at: Instant,
    busy: Duration,
}

impl Storable for Start {
    type Storer = StoreReplace<Self>;
}

/// Ends operations that are retried for too long. Time in which the limited bandwidth
/// was used up does not count.
#[derive(Debug)]
pub(crate) struct Deadline {
    after: Duration,
    limiter: Option<Arc<BandwidthLimiter>>,
}

impl Deadline {
    pub(crate) fn new(limiter: Option<Arc<BandwidthLimiter>>) -> Self {
        Self {
            after: DEADLINE,
            limiter,
        }
    }

    #[cfg(test)]
    pub(crate) fn after(after: Duration, limiter: Option<Arc<BandwidthLimiter>>) -> Self {
        Self { after, limiter }
    }

    fn busy(&self) -> Duration {
        let limiter = self.limiter.as_ref();
        limiter.map_or(Duration::ZERO, |limiter| limiter.busy())
    }

    fn is_over(&self, begun: &Start) -> bool {
        let busy = self.busy().saturating_sub(begun.busy);
        begun.at.elapsed().saturating_sub(busy) >= self.after
    }
}

#[dyn_dispatch_hint]
impl Intercept for Deadline {
    fn name(&self) -> &'static str {
        "Deadline"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        state.interceptor_state().store_put(Start {
            at: Instant::now(),
            busy: self.busy(),
        });
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match state.load::<Start>() {
            Some(begun) if self.is_over(begun) => Err(TooLate(self.after).into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::http::bandwidth::Bandwidth;
    use crate::http::throttle::{RequestDirection, Throttle};

    #[test]
    fn time_in_which_the_bandwidth_was_used_up_does_not_count() {
        let rate = NonZeroU64::new(1 << 20).unwrap();
        let limiter = BandwidthLimiter::new(Bandwidth::constant(rate));
        let limit = Duration::from_secs(1);
        let deadline = |limiter| Deadline::after(limit, limiter);
        let Some(at) = Instant::now().checked_sub(3 * limit) else {
            return;
        };
        let busy = Duration::ZERO;
        let begun = || Start { at, busy };
        assert!(deadline(None).is_over(&begun()));
        assert!(deadline(Some(Arc::clone(&limiter))).is_over(&begun()));
        let _wait = Throttle::new(&limiter, RequestDirection::Upload).reserve(5 << 19);
        assert!(!deadline(Some(Arc::clone(&limiter))).is_over(&begun()));
        // Bandwidth that was used up before the operation does not count.
        let busy = limiter.busy();
        assert!(deadline(Some(limiter)).is_over(&Start { at, busy }));
    }
}
