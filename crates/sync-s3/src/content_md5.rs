//! `Content-MD5` for requests whose body the SDK makes: servers from before the
//! newer checksums demand it of a DeleteObjects.

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

use crate::checksum;

/// Adds the header to a request, before it is signed.
#[derive(Debug)]
pub(crate) struct ContentMd5;

#[dyn_dispatch_hint]
impl Intercept for ContentMd5 {
    fn name(&self) -> &'static str {
        "ContentMd5"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if let Some(body) = request.body().bytes() {
            let sum = checksum::md5(body);
            request.headers_mut().try_insert("content-md5", sum)?;
        }
        Ok(())
    }
}
