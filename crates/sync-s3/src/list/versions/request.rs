//! A request for a page of versions, its answer parsed by us, and whether the page
//! answers the request.

use std::sync::Arc;

use aws_sdk_s3::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::list_object_versions::{
    ListObjectVersionsError, ListObjectVersionsOutput,
};
use aws_sdk_s3::types::EncodingType;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output, OutputOrError};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use parking_lot::Mutex;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::deserializer::parsed;
use crate::list::page_check::{
    check_most, contradiction, is_echo, is_name_of, other_request, unasked_prefixes,
};
use crate::list::versions::page_xml::{Document, document};

/// A page that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) prefix: &'a str,
    /// The key and the version after which the page begins.
    pub(crate) after: Option<&'a (String, String)>,
    pub(crate) max_keys: i32,
}

impl Request<'_> {
    /// Sends it, and checks that the page answers it.
    pub(crate) async fn send(&self, bucket: &Bucket) -> Result<Document, Failure> {
        let slot = Slot::default();
        let name = bucket.location.bucket();
        bucket
            .client
            .list_object_versions()
            .bucket(name)
            .set_prefix(Some(self.prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
            .set_key_marker(self.after.map(|(key, _)| key.clone()))
            .set_version_id_marker(self.after.map(|(_, id)| id.clone()))
            .encoding_type(EncodingType::Url)
            .max_keys(self.max_keys)
            .customize()
            .interceptor(slot.clone())
            .send()
            .await?;
        let page = slot.0.lock().take();
        let page = page.ok_or_else(|| Failure::protocol("the answer was not read"))?;
        self.check(&page, name)?;
        Ok(page)
    }

    /// Refuses a page that contradicts the request or itself.
    fn check(&self, page: &Document, bucket: &str) -> Result<(), Failure> {
        if let Some(name) = page.bucket.as_deref().filter(|it| !is_name_of(it, bucket)) {
            return Err(other_request("Name", name, bucket));
        }
        let (key, id) = match self.after {
            Some((key, id)) => (key.as_str(), id.as_str()),
            None => ("", ""),
        };
        let echoes = [
            ("Prefix", &page.prefix, self.prefix),
            ("KeyMarker", &page.key_marker, key),
            ("VersionIdMarker", &page.version_id_marker, id),
        ];
        for (what, echoed, asked) in echoes {
            let Some(echoed) = echoed else { continue };
            if !is_echo(echoed, asked, page.is_encoded) {
                return Err(other_request(what, echoed, asked));
            }
        }
        if page.has_prefixes {
            return Err(unasked_prefixes());
        }
        let asked = (self.max_keys, "versions");
        check_most(page.max_keys, asked, page.lines.len())?;
        check_end(page)
    }
}

/// Compares the elements that tell whether more follows. Both markers are needed: with
/// the key alone, some servers go on after all versions of that key, others begin with
/// its first one again.
fn check_end(page: &Document) -> Result<(), Failure> {
    let markers = [&page.next_key_marker, &page.next_version_id_marker];
    let is_complete = markers.iter().all(|marker| marker.is_some());
    let has_next = markers.iter().any(|marker| marker.is_some());
    match page.is_truncated {
        Some(true) if !is_complete => Err(contradiction(
            "IsTruncated is true, but NextKeyMarker or NextVersionIdMarker is missing",
        )),
        None if has_next => Err(contradiction(
            "it has a NextKeyMarker or NextVersionIdMarker, but IsTruncated is missing",
        )),
        Some(false) if has_next => Err(contradiction(
            "it has a NextKeyMarker or NextVersionIdMarker, but IsTruncated is false",
        )),
        _ => Ok(()),
    }
}

/// Where the parsed page is put: the SDK has no room for it in its output.
#[derive(Debug, Clone, Default)]
struct Slot(Arc<Mutex<Option<Document>>>);

#[dyn_dispatch_hint]
impl Intercept for Slot {
    fn name(&self) -> &'static str {
        "VersionsReader"
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

impl DeserializeResponse for Slot {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> OutputOrError {
        let page = parsed(response, document, |metadata| {
            Error::erase(ListObjectVersionsError::generic(metadata))
        })?;
        *self.0.lock() = Some(page);
        Ok(Output::erase(ListObjectVersionsOutput::builder().build()))
    }
}
