//! The `Accept-Encoding` header of a request.
//!
//! It is added after the request has been signed: proxies change it, and a
//! signature that covered it would no longer match.

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

/// The coding that an answer may have; `None` means [`IDENTITY`].
#[derive(Debug)]
pub(crate) struct AcceptEncoding(pub(crate) Option<String>);

/// Content as it is stored, which `transport` asks for by default.
pub(crate) const IDENTITY: &str = "identity";

/// The header's name.
pub(crate) const HEADER: &str = "accept-encoding";

#[dyn_dispatch_hint]
impl Intercept for AcceptEncoding {
    fn name(&self) -> &'static str {
        "AcceptEncoding"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(coding) = &self.0 {
            let headers = context.request_mut().headers_mut();
            headers.try_insert(HEADER, coding.clone())?;
        }
        Ok(())
    }
}
