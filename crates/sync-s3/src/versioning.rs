//! Whether the bucket keeps what is overwritten or deleted.
//!
//! This only informs: whoever may not ask, or asks a server that does not know
//! the question, gets "unknown", soon, and the run goes on.

use std::time::Duration;

use aws_sdk_s3::types::BucketVersioningStatus;

use crate::bucket::Bucket;
use crate::client::retry;

/// Whatever the answer is, it is not worth many attempts.
const ATTEMPTS: u32 = 2;

/// Nor much time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a bucket keeps the versions that are overwritten or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It does.
    On,
    /// It never did.
    Off,
    /// It did, and keeps what it had then; but nothing that was written since.
    Suspended,
    /// The server did not tell: denied, not implemented, no answer in time.
    Unknown,
}

pub(crate) async fn versioning(bucket: &Bucket) -> Versioning {
    let retries = retry::retries(ATTEMPTS.min(bucket.max_attempts));
    let asked = bucket
        .client
        .get_bucket_versioning()
        .bucket(bucket.location.bucket())
        .customize()
        .config_override(aws_sdk_s3::Config::builder().retry_config(retries))
        .send();
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => match answer.status {
            Some(BucketVersioningStatus::Enabled) => Versioning::On,
            Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
            Some(_) => Versioning::Unknown,
            None => Versioning::Off,
        },
        _ => Versioning::Unknown,
    }
}
