//! A request for a page of objects, and the error of their listing.

use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use aws_sdk_s3::types::EncodingType;
use sync_core::StoreError;

use crate::bucket::Bucket;
use crate::error::{Attempted, Failure};
use crate::list::page_check::PAGE;

/// A request for a page of the keys below the prefix.
pub(crate) fn request(bucket: &Bucket) -> ListObjectsV2FluentBuilder {
    let location = &bucket.location;
    bucket
        .client
        .list_objects_v2()
        .bucket(location.bucket())
        .set_prefix(Some(location.prefix().to_owned()).filter(|prefix| !prefix.is_empty()))
        .encoding_type(EncodingType::Url)
        .max_keys(PAGE)
}

pub(crate) fn refused(bucket: &Bucket, failure: Failure) -> StoreError {
    let name = bucket.location.to_string();
    bucket.fail(
        failure.of_bucket(),
        Attempted {
            what: "list",
            name: &name,
            permission: "s3:ListBucket",
        },
    )
}
