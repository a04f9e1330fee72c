//! Whether the bucket keeps what is overwritten or deleted.
//!
//! Mostly this only informs: without the permission, or at a server that does not support the
//! request, the result is "unknown", soon, and the run continues.

use std::time::Duration;

use aws_sdk_s3::types::BucketVersioningStatus;

use crate::bucket::Bucket;
use crate::client::retry;
use crate::error::Failure;

/// The answer is not worth many attempts,
const ATTEMPTS: u32 = 2;

/// nor much time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a bucket keeps the versions that are overwritten or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It does.
    On,
    /// It never did.
    Off,
    /// It did, and keeps the versions of then; but none of what was written since.
    Suspended,
    /// The server did not say: denied, not implemented, no answer in time.
    Unknown,
}

pub(crate) async fn versioning(bucket: &Bucket) -> Versioning {
    let asked = ask(bucket, ATTEMPTS.min(bucket.max_attempts));
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(versioning)) => versioning,
        _ => Versioning::Unknown,
    }
}

/// The same where it decides something: the failure, if it could not be asked.
pub(crate) async fn ask(bucket: &Bucket, attempts: u32) -> Result<Versioning, Failure> {
    let answer = bucket
        .client
        .get_bucket_versioning()
        .bucket(bucket.location.bucket())
        .customize()
        .config_override(retry::at_most(attempts))
        .send()
        .await?;
    Ok(match answer.status {
        Some(BucketVersioningStatus::Enabled) => Versioning::On,
        Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
        Some(_) => Versioning::Unknown,
        None => Versioning::Off,
    })
}
