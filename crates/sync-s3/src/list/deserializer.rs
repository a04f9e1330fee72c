//! Parses the answer to a listing instead of the SDK.
//!
//! For two reasons. The SDK takes the end of the bytes for the end of the
//! document: a page that was truncated between two entries is parsed as a shorter
//! one, and the missing entries look absent. HTTP notices a truncated body only where
//! the length was announced, which not every server or proxy does. And the SDK
//! takes ten times as long: where nothing has changed, that was most of a run.
//!
//! The SDK does not export its own parser of errors, so errors are parsed here too.

use aws_sdk_s3::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept};
use aws_sdk_s3::error::{BoxError, ErrorMetadata};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output, OutputOrError};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};

use crate::list::page_xml::{self, Version};
use crate::list::xml::Unreadable;

/// Has the answers to a request parsed by [`Reader`].
#[derive(Debug)]
pub(crate) struct OwnReader(pub(crate) Version);

#[dyn_dispatch_hint]
impl Intercept for OwnReader {
    fn name(&self) -> &'static str {
        "OwnReader"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let reader = SharedResponseDeserializer::new(Reader(self.0));
        config.interceptor_state().store_put(reader);
        Ok(())
    }
}

/// Parses pages and errors.
#[derive(Debug)]
struct Reader(Version);

impl DeserializeResponse for Reader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> OutputOrError {
        let page = parsed(
            response,
            |body| page_xml::page(body, self.0),
            |metadata| Error::erase(ListObjectsV2Error::generic(metadata)),
        );
        page.map(Output::erase)
    }
}

/// What `parse` makes of the body of an answer; `error` makes the error of the operation.
pub(crate) fn parsed<T>(
    response: &HttpResponse,
    parse: impl FnOnce(&[u8]) -> Result<T, Unreadable>,
    error: impl FnOnce(ErrorMetadata) -> Error,
) -> Result<T, OrchestratorError<Error>> {
    let body = response.body().bytes().unwrap_or_default();
    let error_of = || OrchestratorError::operation(error(page_xml::error_of(body)));
    let status = response.status();
    if !status.is_success() {
        return Err(error_of());
    }
    // 206 is a part of a page, 203 one that a proxy has changed.
    if status.as_u16() != 200 {
        let other = Unreadable::OtherStatus(status.as_u16());
        return Err(OrchestratorError::other(other));
    }
    parse(body).map_err(|unreadable| match unreadable {
        // Some servers send an error with the status of a success.
        Unreadable::OtherDocument => error_of(),
        // The SDK retries this as a broken connection.
        Unreadable::Truncated => OrchestratorError::response(Unreadable::Truncated.into()),
        malformed => OrchestratorError::other(malformed),
    })
}
