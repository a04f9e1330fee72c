//! The entries of a page, checked.
//!
//! Called for every object of a bucket, so nothing is allocated here beyond the key
//! and the ETag that an entry holds.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, Object};
use sync_core::{
    Entry, Key, Listed, Result, StoreError,
    entry::{SkipCause, Skipped, StorageClass},
    execute::MAX_OBJECT_SIZE,
};

use crate::error::Failure;
use crate::etag::ETag;
use crate::http::clock;
use crate::list::url_encoding::decode_if;

/// The entries of a page, up to the first that is invalid.
pub(crate) fn entries(
    page: ListObjectsV2Output,
    prefix: &str,
    error: impl Fn(Failure) -> StoreError,
) -> Vec<Result<Listed>> {
    // Not every server that is asked to encode does so.
    let encoded = page.encoding_type == Some(EncodingType::Url);
    let objects = page.contents.unwrap_or_default();
    let mut items = Vec::with_capacity(objects.len());
    for object in objects {
        match listed(object, prefix, encoded) {
            Ok(item) => items.push(Ok(item)),
            Err(failure) => {
                items.push(Err(error(failure)));
                break;
            }
        }
    }
    items
}

/// An object of a page, as it is listed.
fn listed(mut object: Object, prefix: &str, encoded: bool) -> Result<Listed, Failure> {
    // No object has an empty key.
    let Some(key) = object.key.take().filter(|key| !key.is_empty()) else {
        return Err(Failure::protocol(
            "the server lists an object without a key",
        ));
    };
    let full = match decode_if(encoded, key) {
        Ok(full) => full,
        Err(lossy) => {
            let name = lossy.strip_prefix(prefix).unwrap_or(&lossy);
            return Ok(skipped(name, SkipCause::NotUtf8, "is not UTF-8"));
        }
    };
    let Some(name) = full.strip_prefix(prefix) else {
        return Err(Failure::protocol(format!(
            "the server lists '{full}', which is outside of the prefix"
        )));
    };
    named(name, &object)
}

/// An object of this name below the prefix, as it is listed. The name of the prefix itself is
/// empty.
pub(super) fn named(name: &str, object: &Object) -> Result<Listed, Failure> {
    let size = object.size.and_then(|size| u64::try_from(size).ok());
    let modified = object.last_modified.as_ref().and_then(clock::exact);
    let (Some(size), Some(modified)) = (size, modified) else {
        return Err(Failure::protocol(format!(
            "the server lists '{name}' without a size or a time"
        )));
    };
    if size == 0 && (name.is_empty() || name.ends_with('/')) {
        return Ok(skipped(name, SkipCause::Placeholder, ""));
    }
    if size > MAX_OBJECT_SIZE {
        return Ok(too_large(name, size));
    }
    match Key::new(name) {
        Ok(key) => {
            let mut entry = Entry::new(key, size, modified);
            let etag = object.e_tag.as_deref().and_then(ETag::parse);
            entry.revision = etag.map(ETag::revision);
            let class = object.storage_class.as_ref();
            entry.class = class.and_then(|class| StorageClass::of(class.as_str()));
            Ok(Listed::Entry(entry))
        }
        Err(reason) => Ok(skipped(name, SkipCause::UnmappableKey, &reason.to_string())),
    }
}

/// An object that there cannot be.
pub(super) fn too_large(name: &str, size: u64) -> Listed {
    let detail = format!("the server lists it with {size} bytes; S3 takes at most 48.8 TiB");
    skipped(name, SkipCause::Unreadable, &detail)
}

/// What is left out of a listing.
pub(crate) fn skipped(name: &str, cause: SkipCause, detail: &str) -> Listed {
    Listed::Skipped(Skipped {
        name: name.to_owned(),
        cause,
        detail: detail.to_owned(),
        link: None,
    })
}
