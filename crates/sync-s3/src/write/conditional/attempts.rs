//! How many attempts an operation has made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

use crate::client::retry::Share;

/// Counts the attempts of one operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts {
    made: Arc<AtomicU32>,
    pub(crate) share: Share,
}

impl Attempts {
    pub(crate) fn of(share: Share) -> Self {
        Self {
            share,
            ..Self::default()
        }
    }

    pub(super) fn repeated(&self) -> bool {
        self.made.load(Ordering::Relaxed) > 1
    }
}

#[dyn_dispatch_hint]
impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.made.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
