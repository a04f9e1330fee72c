//! How long an operation may be tried again.
//!
//! Attempts are counted by the SDK, but a server that lets each of them run
//! into the limit of silence would hold up one key for twenty minutes.

use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::config_bag::{Storable, StoreReplace};

/// After this, no further attempt is begun; one that is under way may last
/// as long as its bytes move.
const DEADLINE: Duration = Duration::from_secs(600);

/// An operation did not succeed in time.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it did not succeed within {} s", .0.as_secs())]
pub(crate) struct TooLate(Duration);

/// When the operation began.
#[derive(Debug)]
struct Begun(Instant);

impl Storable for Begun {
    type Storer = StoreReplace<Self>;
}

/// Ends operations that are tried for too long.
#[derive(Debug)]
pub(crate) struct Deadline(pub(crate) Duration);

impl Default for Deadline {
    fn default() -> Self {
        Self(DEADLINE)
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
        state.interceptor_state().store_put(Begun(Instant::now()));
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        match state.load::<Begun>() {
            Some(Begun(begun)) if begun.elapsed() >= self.0 => Err(TooLate(self.0).into()),
            _ => Ok(()),
        }
    }
}
