//! Counts the requests of a run before anything is changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

use crate::request_count::Requests;

/// Counts the requests that only read, each attempt separately. Copies are not
/// counted: a run is priced before them.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestCounters(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    list: AtomicU64,
    head: AtomicU64,
    get: AtomicU64,
    other: AtomicU64,
    bytes_down: AtomicU64,
}

impl RequestCounters {
    pub(crate) fn requests(&self) -> Requests {
        let counters = &self.0;
        Requests {
            list: counters.list.load(Relaxed),
            head: counters.head.load(Relaxed),
            get: counters.get.load(Relaxed),
            other: counters.other.load(Relaxed),
            bytes_down: counters.bytes_down.load(Relaxed),
            ..Requests::default()
        }
    }

    /// Content that has been read.
    pub(crate) fn received(&self, bytes: u64) {
        self.0.bytes_down.fetch_add(bytes, Relaxed);
    }
}

#[dyn_dispatch_hint]
impl Intercept for RequestCounters {
    fn name(&self) -> &'static str {
        "RequestCounters"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let count = match state.load::<Metadata>().map(Metadata::name) {
            Some("ListObjectsV2" | "ListObjectVersions") => &self.0.list,
            Some("HeadObject") => &self.0.head,
            Some("GetObject") => &self.0.get,
            Some("GetBucketVersioning" | "GetBucketLifecycleConfiguration") => &self.0.other,
            _ => return Ok(()),
        };
        count.fetch_add(1, Relaxed);
        Ok(())
    }
}
