//! Changes requests before they are signed: once for all attempts, beneath the
//! operations.

use std::fmt::Debug;

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

/// A change of a request.
pub(crate) trait Amend: Debug + Send + Sync {
    /// For the SDK's messages.
    const NAME: &'static str;

    fn amend(&self, request: &mut HttpRequest) -> Result<(), BoxError>;
}

/// Makes a change in every request of a client, or in one.
#[derive(Debug)]
pub(crate) struct Amended<A>(pub(crate) A);

#[dyn_dispatch_hint]
impl<A: Amend> Intercept for Amended<A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.amend(context.request_mut())
    }
}
