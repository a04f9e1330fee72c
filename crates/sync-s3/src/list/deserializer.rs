//! Reads the answer to a listing in place of the SDK.
//!
//! For two reasons. The SDK takes the end of the bytes for the end of the
//! document, so a page that was cut between two entries reads as a shorter one,
//! and what it lacks as absent; HTTP notices a cut only where the length was
//! announced, which not every server or proxy does. And the SDK spends ten
//! times as long: where nothing has changed, that was most of a whole run.
//!
//! The SDK gives its own reader away to nobody, so refusals are read here too.

use aws_sdk_s3::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output, OutputOrError};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};

use crate::list::xml::{self, Unreadable, Version};

/// Has the answers to a request read by [`Reader`].
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

/// Reads pages and refusals.
#[derive(Debug)]
struct Reader(Version);

impl DeserializeResponse for Reader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> OutputOrError {
        let body = response.body().bytes().unwrap_or_default();
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(body));
        }
        // 206 is a piece of a page, 203 one that somebody has changed.
        if status.as_u16() != 200 {
            let other = Unreadable::OtherStatus(status.as_u16());
            return Err(OrchestratorError::other(other));
        }
        match xml::page(body, self.0) {
            Ok(page) => Ok(Output::erase(page)),
            // Some servers tell of a refusal with the status of a success.
            Err(Unreadable::OtherDocument) => Err(refusal(body)),
            // To the SDK this is a broken connection: it asks again.
            Err(cut @ Unreadable::Cut) => Err(OrchestratorError::response(cut.into())),
            Err(malformed) => Err(OrchestratorError::other(malformed)),
        }
    }
}

fn refusal(body: &[u8]) -> OrchestratorError<Error> {
    let told = xml::refusal(body);
    OrchestratorError::operation(Error::erase(ListObjectsV2Error::generic(told)))
}
