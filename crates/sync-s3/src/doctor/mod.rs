//! Whether a bucket is fit for backup and restore: tried out, not assumed.
//!
//! Everything is written below one probe key, whose name nobody else has, and
//! noted before it is sent; [`Probe::clean`] removes it, however the probe
//! ended. With versions in the bucket, it is the versions that are removed, so
//! that nothing stays of them either.
//!
//! Files in the order in which they are tried: `access`, `protection`,
//! `objects`, `times`, `checksums`, `conditions`, `multipart`, `order`, `deletion`; then
//! `clean`.

mod access;
mod checksums;
mod clean;
mod conditions;
mod deletion;
mod multipart;
mod objects;
mod order;
mod protection;
mod times;
mod trial;

use std::sync::Arc;

use sync_core::{Diagnosis, Level, Scope, printable};

use crate::S3Store;
use crate::error::{Attempted, Failure};
use crate::store::Bucket;
use trial::Traces;

/// A look at one bucket.
pub struct Probe {
    bucket: Arc<Bucket>,
    /// What all its keys begin with, below the prefix.
    place: String,
    traces: Traces,
}

/// Takes note of a diagnosis as soon as there is one.
pub type Tell<'a> = &'a (dyn Fn(Diagnosis) + Sync);

impl Probe {
    /// A probe of `store`, below a key with `mark` in its name, which nobody
    /// else may use. Nothing is sent yet.
    #[must_use]
    pub fn new(store: &S3Store, mark: &str) -> Self {
        Self {
            bucket: Arc::clone(&store.bucket),
            place: format!(".s3mirror-doctor-{mark}/"),
            traces: Traces::default(),
        }
    }

    /// Looks at everything, as far as `scope` and what was found allow.
    /// Whoever calls this calls [`clean`](Self::clean) afterwards, also when
    /// this was given up.
    pub async fn run(&self, scope: Scope, tell: Tell<'_>) {
        access::credentials(self, tell).await;
        if !access::listing(self, tell).await {
            return;
        }
        access::clock(self, tell);
        let is_kept = protection::look(self, tell).await;
        if scope == Scope::ReadOnly {
            let message = "nothing was written, so writes were not tried (--read-only)";
            tell(Diagnosis::ok("writes", message));
            return;
        }
        if is_kept {
            let message = "writes were not tried: a default retention would keep what is written";
            tell(Diagnosis::warning("writes", message));
            return;
        }
        if !objects::write_and_read(self, tell).await {
            return;
        }
        times::look(self, tell).await;
        checksums::look(self, tell).await;
        conditions::look(self, tell).await;
        multipart::look(self, tell).await;
        order::look(self, tell).await;
        deletion::look(self, tell).await;
    }

    /// What a request that failed means.
    fn failed(
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

    fn location(&self) -> String {
        self.bucket.location.to_string()
    }
}
