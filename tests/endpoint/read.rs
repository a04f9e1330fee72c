//! Reading objects: HEAD and GET, whole or by range.

use std::{ops::Range, sync::Arc};

use s3s::{
    S3Result,
    dto::{
        ChecksumMode, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
        Range as RangeHeader, StorageClass, StreamingBlob,
    },
    s3_error,
};

use crate::{
    conditions::{ReadConditions, timestamp},
    config::Sums,
    customer_key::{check_read, sent, set_key},
    error::no_such_key,
    object::{Object, ObjectChecksum, set_checksum},
    state::State,
};

impl State {
    pub(crate) fn head_object(&self, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let (object, version_id) =
            self.version(&input.bucket, &input.key, input.version_id.as_deref())?;
        let key = self.config.key(sent!(input))?;
        check_read(object.customer_key(), key.as_deref())?;
        let conditions = ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.check(&object)?;
        let (range, content_range) = select(input.range.as_ref(), object.size())?;
        let extra = object.extra.as_deref().cloned().unwrap_or_default();
        let mut output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            e_tag: self.config.etag(object.etag),
            last_modified: Some(timestamp(object.modified)),
            content_type: Some(content_type(extra.content_type)),
            content_encoding: extra.content_encoding,
            cache_control: extra.cache_control,
            content_disposition: extra.content_disposition,
            storage_class: extra.storage_class.map(StorageClass::from),
            metadata: Some(extra.metadata).filter(|metadata| !metadata.is_empty()),
            version_id,
            ..HeadObjectOutput::default()
        };
        set_key!(output, key);
        set_checksum!(
            output,
            shown(&object, input.checksum_mode.as_ref(), input.range.as_ref())
                .filter(|_| self.config.checksums == Sums::Kept)
        );
        Ok(output)
    }

    pub(crate) fn get_object(&self, input: &GetObjectInput) -> S3Result<GetObjectOutput> {
        let (object, version_id) =
            self.version(&input.bucket, &input.key, input.version_id.as_deref())?;
        let key = self.config.key(sent!(input))?;
        check_read(object.customer_key(), key.as_deref())?;
        let conditions = ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.check(&object)?;
        if object.is_archived() {
            return Err(s3_error!(
                InvalidObjectState,
                "The operation is not valid for the object's storage class"
            ));
        }
        let (range, content_range) = select(input.range.as_ref(), object.size())?;
        let extra = object.extra.as_deref().cloned().unwrap_or_default();
        let mut output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            e_tag: self.config.etag(object.etag),
            last_modified: Some(timestamp(object.modified)),
            content_type: Some(content_type(extra.content_type)),
            content_encoding: extra.content_encoding,
            cache_control: extra.cache_control,
            content_disposition: extra.content_disposition,
            storage_class: extra.storage_class.map(StorageClass::from),
            metadata: Some(extra.metadata).filter(|metadata| !metadata.is_empty()),
            version_id,
            body: Some(StreamingBlob::new(object.body.stream(range))),
            ..GetObjectOutput::default()
        };
        set_key!(output, key);
        set_checksum!(
            output,
            shown(&object, input.checksum_mode.as_ref(), input.range.as_ref())
                .filter(|_| self.config.checksums == Sums::Kept)
        );
        Ok(output)
    }

    pub(crate) fn existing(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        Ok(self.version(bucket, key, None)?.0)
    }

    /// A version of an object, by default the current one, and its id where the
    /// bucket keeps versions.
    fn version(
        &self,
        bucket: &str,
        key: &str,
        id: Option<&str>,
    ) -> S3Result<(Arc<Object>, Option<String>)> {
        self.with_bucket(bucket, |bucket| {
            let version = bucket.version(key, id)?;
            let id = bucket.keeps_versions().then_some(version.id);
            Ok((version.object.ok_or_else(no_such_key)?, id))
        })
    }
}

/// The bytes to send and, for a range, the `Content-Range` to go with them.
fn select(range: Option<&RangeHeader>, size: u64) -> S3Result<(Range<u64>, Option<String>)> {
    let Some(range) = range else {
        return Ok((0..size, None));
    };
    let range = range
        .check(size)
        .map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
    if range.is_empty() {
        return Err(s3_error!(
            InvalidRange,
            "The requested range is not satisfiable"
        ));
    }
    let header = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    Ok((range, Some(header)))
}

/// A checksum of the object says nothing about a range of it, so it is shown
/// only with the whole, and only to those who ask.
fn shown(
    object: &Object,
    mode: Option<&ChecksumMode>,
    range: Option<&RangeHeader>,
) -> Option<ObjectChecksum> {
    let enabled = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    (enabled && range.is_none()).then_some(object.checksum)
}

fn content_type(stored: Option<String>) -> String {
    stored.unwrap_or_else(|| "binary/octet-stream".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object_or_refused() {
        let of = |header: &str, size| {
            select(Some(&RangeHeader::parse(header).unwrap()), size).map_err(|_| ())
        };
        assert_eq!(of("bytes=0-4", 10), Ok((0..5, Some("bytes 0-4/10".into()))));
        assert_eq!(of("bytes=5-", 10), Ok((5..10, Some("bytes 5-9/10".into()))));
        assert_eq!(of("bytes=-3", 10), Ok((7..10, Some("bytes 7-9/10".into()))));
        assert_eq!(
            of("bytes=8-99", 10),
            Ok((8..10, Some("bytes 8-9/10".into())))
        );
        assert_eq!(of("bytes=10-", 10), Err(()));
        assert_eq!(of("bytes=0-0", 0), Err(()));
        assert_eq!(of("bytes=-3", 0), Err(()));
    }
}
