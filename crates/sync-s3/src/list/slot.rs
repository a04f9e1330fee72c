//! An answer that is parsed here and not by the SDK, whose output has no room for all that
//! it says.

use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept};
use aws_sdk_s3::error::{BoxError, ErrorMetadata};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output, OutputOrError};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use parking_lot::Mutex;

use crate::error::Failure;
use crate::list::deserializer::parsed;
use crate::list::xml::Unreadable;

/// Has the answer to a request parsed, and keeps it; to be added to the request.
pub(crate) struct Slot<T> {
    parse: fn(&[u8]) -> Result<T, Unreadable>,
    /// What the SDK is given instead.
    output: fn() -> Output,
    error: fn(ErrorMetadata) -> Error,
    answer: Arc<Mutex<Option<T>>>,
}

impl<T> Slot<T> {
    /// `output` and `error` are those of the operation.
    pub(crate) fn new(
        parse: fn(&[u8]) -> Result<T, Unreadable>,
        output: fn() -> Output,
        error: fn(ErrorMetadata) -> Error,
    ) -> Self {
        Self {
            parse,
            output,
            error,
            answer: Arc::default(),
        }
    }

    /// The answer, once the request has succeeded.
    pub(crate) fn take(&self) -> Result<T, Failure> {
        let answer = self.answer.lock().take();
        answer.ok_or_else(|| Failure::protocol("the answer was not read"))
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self {
            answer: Arc::clone(&self.answer),
            ..*self
        }
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

#[dyn_dispatch_hint]
impl<T: Send + 'static> Intercept for Slot<T> {
    fn name(&self) -> &'static str {
        "Slot"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let reader = SharedResponseDeserializer::new(self.clone());
        config.interceptor_state().store_put(reader);
        Ok(())
    }
}

impl<T: Send + 'static> DeserializeResponse for Slot<T> {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> OutputOrError {
        *self.answer.lock() = Some(parsed(response, self.parse, self.error)?);
        Ok((self.output)())
    }
}
