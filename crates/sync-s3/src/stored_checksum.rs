//! The checksum of a whole object, of whichever algorithm its writer chose.
//!
//! A HEAD with `x-amz-checksum-mode` returns it and needs no other permission than a
//! GET; `GetObjectAttributes` would need one of its own. A sum of the parts' sums
//! (`COMPOSITE`) depends on the sizes of the parts, so it says nothing about a file.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sync_core::{
    Entry, ErrorKind, Result, StoreError,
    checksum::{Algorithm, Digest},
};

use crate::bucket::Bucket;
use crate::error::Attempted;
use crate::head::{Head, HeadRequest};
use crate::write::conditional::changed;

/// The checksum that the server has stored of the version of `entry`; `None` if there is
/// none, or checksums are switched off.
pub(crate) async fn digest(bucket: &Bucket, entry: &Entry) -> Result<Option<Digest>> {
    let Some(mode) = bucket.checksum_mode() else {
        return Ok(None);
    };
    let request = HeadRequest {
        label: bucket.key_label(&entry.key),
        version_id: bucket.version_id(entry),
        mode: Some(mode),
        attempts: bucket.max_attempts,
    };
    let head = bucket
        .send_head(&request)
        .await
        .and_then(|head| Ok((Head::of(&entry.key, &head)?.entry, head)));
    match head {
        Ok((now, head)) if bucket.is_version(entry, &head, &now).await => Ok(of_whole(&head)),
        Ok(_) => Err(changed(&entry.key, "it is not the version that was listed")),
        Err(failure) if failure.is_missing_key() => Err(StoreError::new(
            ErrorKind::NotFound,
            format!("'{}' has vanished since it was listed", entry.key),
        )),
        Err(failure) => Err(bucket.fail(failure, Attempted::look_up(entry.key.as_str()))),
    }
}

/// The best checksum of those of the whole object.
fn of_whole(head: &HeadObjectOutput) -> Option<Digest> {
    let is_whole = match head.checksum_type() {
        Some(kind) => *kind == ChecksumType::FullObject,
        // Servers from before there were types: an object of one part has only
        // sums of the whole, and an ETag without a number of parts.
        None => !head.e_tag().is_some_and(|etag| etag.contains('-')),
    };
    let sum =
        |algorithm, header: Option<&str>| Digest::new(algorithm, &STANDARD.decode(header?).ok()?);
    // CRC64NVME is always that of the whole.
    let crc64 = (head.checksum_type() != Some(&ChecksumType::Composite))
        .then(|| sum(Algorithm::Crc64Nvme, head.checksum_crc64_nvme()))
        .flatten();
    if crc64.is_some() || !is_whole {
        return crc64;
    }
    sum(Algorithm::Sha256, head.checksum_sha256())
        .or_else(|| sum(Algorithm::Sha1, head.checksum_sha1()))
        .or_else(|| sum(Algorithm::Crc32c, head.checksum_crc32_c()))
        .or_else(|| sum(Algorithm::Crc32, head.checksum_crc32()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> aws_sdk_s3::operation::head_object::builders::HeadObjectOutputBuilder {
        HeadObjectOutput::builder().e_tag("\"0123\"")
    }

    const CRC32: &str = "y/Q5Jg==";

    #[test]
    fn only_sums_of_the_whole_are_used() {
        let crc32 = Digest::of(Algorithm::Crc32, b"123456789");
        let of = |kind: Option<ChecksumType>, etag: &str, sum: &str| {
            let head = head().e_tag(etag).checksum_crc32(sum);
            of_whole(&head.set_checksum_type(kind).build())
        };
        let (full, composite) = (ChecksumType::FullObject, ChecksumType::Composite);
        assert_eq!(
            of(Some(full.clone()), "\"01-2\"", CRC32),
            Some(crc32.clone())
        );
        assert_eq!(of(Some(composite), "\"01-2\"", CRC32), None);
        assert_eq!(of(None, "\"01\"", CRC32), Some(crc32));
        assert_eq!(of(None, "\"01-2\"", CRC32), None);
        assert_eq!(of(Some(full.clone()), "\"01\"", "y/Q5Jg==-2"), None);
        assert_eq!(of(Some(full), "\"01\"", "rosUhgp5mIg="), None);
        assert_eq!(of_whole(&head().build()), None);
    }

    #[test]
    fn a_sum_by_s3_itself_is_always_of_the_whole() {
        let head = head().e_tag("\"01-2\"").checksum_crc64_nvme("rosUhgp5mIg=");
        let sum = Digest::of(Algorithm::Crc64Nvme, b"123456789");
        assert_eq!(of_whole(&head.build()), Some(sum));
    }
}
