//! Single objects: HEAD, GET, PUT, COPY.

use std::{ops::Range, sync::Arc};

use s3s::{
    S3Request, S3Result,
    dto::{
        ChecksumMode, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, GetObjectInput,
        GetObjectOutput, HeadObjectInput, HeadObjectOutput, MetadataDirective, PutObjectInput, PutObjectOutput,
        Range as RangeHeader, StorageClass, StreamingBlob,
    },
    s3_error,
};

use crate::{
    conditions::{ReadConditions, WriteConditions, timestamp},
    error::no_such_key,
    object::{ETag, Extra, Object, ObjectChecksum, set_checksum},
    receive::{Promise, Received, receive},
    state::State,
};

impl State {
    pub(crate) fn head_object(&self, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let object = self.existing(&input.bucket, &input.key)?;
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
            e_tag: Some(object.etag.into()),
            last_modified: Some(timestamp(object.modified)),
            content_type: Some(content_type(extra.content_type)),
            content_encoding: extra.content_encoding,
            cache_control: extra.cache_control,
            content_disposition: extra.content_disposition,
            storage_class: extra.storage_class.map(StorageClass::from),
            metadata: Some(extra.metadata).filter(|metadata| !metadata.is_empty()),
            ..HeadObjectOutput::default()
        };
        set_checksum!(output, shown(&object, input.checksum_mode.as_ref(), input.range.as_ref()));
        Ok(output)
    }

    pub(crate) fn get_object(&self, input: &GetObjectInput) -> S3Result<GetObjectOutput> {
        let object = self.existing(&input.bucket, &input.key)?;
        let conditions = ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.check(&object)?;
        if object.is_archived() {
            return Err(s3_error!(InvalidObjectState, "The operation is not valid for the object's storage class"));
        }
        let (range, content_range) = select(input.range.as_ref(), object.size())?;
        let extra = object.extra.as_deref().cloned().unwrap_or_default();
        let mut output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(range.end - range.start).ok(),
            content_range,
            e_tag: Some(object.etag.into()),
            last_modified: Some(timestamp(object.modified)),
            content_type: Some(content_type(extra.content_type)),
            content_encoding: extra.content_encoding,
            cache_control: extra.cache_control,
            content_disposition: extra.content_disposition,
            storage_class: extra.storage_class.map(StorageClass::from),
            metadata: Some(extra.metadata).filter(|metadata| !metadata.is_empty()),
            body: Some(StreamingBlob::new(object.body.stream(range))),
            ..GetObjectOutput::default()
        };
        set_checksum!(output, shown(&object, input.checksum_mode.as_ref(), input.range.as_ref()));
        Ok(output)
    }

    pub(crate) async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
        let input = req.input;
        self.with_bucket(&input.bucket, |_| Ok(()))?;
        let promise = Promise {
            headers: &req.headers,
            trailers: req.trailing_headers.as_ref(),
            length: input.content_length,
            md5: input.content_md5.as_deref(),
            fast_etags: self.config.fast_etags,
        };
        let received = receive(input.body, promise).await?;
        let extra = Extra {
            content_type: input.content_type,
            content_encoding: without_aws_chunked(input.content_encoding),
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            storage_class: named_class(input.storage_class),
            metadata: input.metadata.unwrap_or_default(),
        };
        let conditions = WriteConditions { if_match: input.if_match, if_none_match: input.if_none_match };
        let object = self.single(received, extra);
        let mut output = PutObjectOutput { e_tag: Some(object.etag.into()), ..PutObjectOutput::default() };
        set_checksum!(output, Some(object.checksum));
        self.store(&input.bucket, &input.key, object, &conditions)?;
        Ok(output)
    }

    pub(crate) fn copy_object(&self, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "Access points are not implemented"));
        };
        let source = self.existing(bucket, key)?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            if_modified_since: input.copy_source_if_modified_since.as_ref(),
            if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
        };
        // For a copy, S3 turns "not modified" into a failed condition too.
        conditions.check(&source).map_err(|_| crate::error::precondition_failed())?;
        let replace = input.metadata_directive.as_ref().map(MetadataDirective::as_str) == Some(MetadataDirective::REPLACE);
        let mut extra = source.extra.as_deref().cloned().unwrap_or_default();
        if replace {
            extra = Extra {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                storage_class: None,
                metadata: input.metadata.unwrap_or_default(),
            };
        }
        extra.storage_class = named_class(input.storage_class);
        let copy = Object { modified: self.now(), extra: extra.boxed(), ..Object::clone(&source) };
        let mut result = CopyObjectResult {
            e_tag: Some(copy.etag.into()),
            last_modified: Some(timestamp(copy.modified)),
            ..CopyObjectResult::default()
        };
        set_checksum!(result, Some(copy.checksum));
        let unconditional = WriteConditions { if_match: None, if_none_match: None };
        self.store(&input.bucket, &input.key, copy, &unconditional)?;
        Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }

    /// Puts an object in its place, if the conditions hold at that moment.
    pub(crate) fn store(&self, bucket: &str, key: &str, object: Object, conditions: &WriteConditions) -> S3Result<()> {
        self.with_bucket(bucket, |bucket| {
            conditions.check(bucket.objects.get(key).map(|object| &**object))?;
            bucket.objects.insert(key, Arc::new(object));
            Ok(())
        })
    }

    fn existing(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        self.with_bucket(bucket, |bucket| bucket.objects.get(key).cloned().ok_or_else(no_such_key))
    }

    fn single(&self, received: Received, extra: Extra) -> Object {
        Object {
            etag: ETag { digest: received.digest, parts: 0 },
            modified: self.now(),
            checksum: ObjectChecksum { checksum: received.checksum(), parts: None },
            extra: extra.boxed(),
            body: received.body,
        }
    }
}

/// The bytes to send and, for a range, the `Content-Range` to go with them.
fn select(range: Option<&RangeHeader>, size: u64) -> S3Result<(Range<u64>, Option<String>)> {
    let Some(range) = range else { return Ok((0..size, None)) };
    let range = range.check(size).map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
    if range.is_empty() {
        return Err(s3_error!(InvalidRange, "The requested range is not satisfiable"));
    }
    let header = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    Ok((range, Some(header)))
}

/// A checksum of the object says nothing about a range of it, so it is shown
/// only with the whole, and only to those who ask.
fn shown(object: &Object, mode: Option<&ChecksumMode>, range: Option<&RangeHeader>) -> Option<ObjectChecksum> {
    let enabled = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED);
    (enabled && range.is_none()).then_some(object.checksum)
}

fn content_type(stored: Option<String>) -> String {
    stored.unwrap_or_else(|| "binary/octet-stream".to_owned())
}

/// `aws-chunked` describes the transfer, not the object.
pub(crate) fn without_aws_chunked(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let kept: Vec<_> = encoding.split(',').map(str::trim).filter(|name| !matches!(*name, "aws-chunked" | "")).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// S3 doesn't mention the standard class.
pub(crate) fn named_class(class: Option<StorageClass>) -> Option<String> {
    class.map(|class| class.as_str().to_owned()).filter(|class| class != StorageClass::STANDARD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object_or_refused() {
        let of = |header: &str, size| select(Some(&RangeHeader::parse(header).unwrap()), size).map_err(|_| ());
        assert_eq!(of("bytes=0-4", 10), Ok((0..5, Some("bytes 0-4/10".into()))));
        assert_eq!(of("bytes=5-", 10), Ok((5..10, Some("bytes 5-9/10".into()))));
        assert_eq!(of("bytes=-3", 10), Ok((7..10, Some("bytes 7-9/10".into()))));
        assert_eq!(of("bytes=8-99", 10), Ok((8..10, Some("bytes 8-9/10".into()))));
        assert_eq!(of("bytes=10-", 10), Err(()));
        assert_eq!(of("bytes=0-0", 0), Err(()));
        assert_eq!(of("bytes=-3", 0), Err(()));
    }

    #[test]
    fn the_encoding_of_the_transfer_is_not_kept() {
        let kept = |encoding: &str| without_aws_chunked(Some(encoding.to_owned()));
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("gzip, aws-chunked"), Some("gzip".into()));
        assert_eq!(kept("gzip"), Some("gzip".into()));
    }
}
