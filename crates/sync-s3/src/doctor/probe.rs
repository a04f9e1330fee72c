//! The probe of one bucket.

use std::sync::Arc;

use sync_core::{
    diagnosis::{Diagnosis, Level},
    text::printable,
};

use crate::S3Store;
use crate::bucket::Bucket;
use crate::doctor::traces::Traces;
use crate::error::{Attempted, Failure};

/// Checks one bucket.
pub struct Probe {
    pub(super) bucket: Arc<Bucket>,
    /// The beginning of all its keys, below the prefix.
    pub(super) place: String,
    pub(super) traces: Traces,
}

/// Receives each diagnosis as soon as there is one.
pub type Report<'a> = &'a (dyn Fn(Diagnosis) + Sync);

impl Probe {
    /// A probe of `store`, below a key with `mark` in its name, which must be unique. Sends
    /// nothing yet.
    #[must_use]
    pub fn new(store: &S3Store, mark: &str) -> Self {
        Self {
            bucket: Arc::clone(&store.bucket),
            place: format!(".s3mirror-doctor-{mark}/"),
            traces: Traces::default(),
        }
    }

    /// The diagnosis of a failed request.
    pub(super) fn failed(
        &self,
        name: &'static str,
        level: Level,
        failure: &Failure,
        attempted: Attempted<'_>,
    ) -> Diagnosis {
        let cause = failure.cause().unwrap_or_else(|| "no reason given".into());
        let tried = printable(attempted.name);
        let message = format!("cannot {} '{tried}': {cause}", attempted.what);
        let diagnosis = Diagnosis::new(name, level, message);
        match failure.hint(attempted, &self.bucket.endpoint) {
            Some(hint) => diagnosis.with_advice(hint),
            None => diagnosis,
        }
    }

    pub(super) fn location(&self) -> String {
        self.bucket.location.to_string()
    }
}
