//! The error of a listing of versions.

use sync_core::StoreError;

use crate::bucket::Bucket;
use crate::error::{Attempted, Failure};

pub(crate) fn refused(bucket: &Bucket, failure: Failure) -> StoreError {
    let name = bucket.location.to_string();
    bucket.fail(
        failure.of_bucket(),
        Attempted {
            what: "list the versions of",
            name: &name,
            permission: "s3:ListBucketVersions",
        },
    )
}
