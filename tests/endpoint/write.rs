//! Writing objects: PUT and COPY.

use std::sync::Arc;

use s3s::{
    S3Request, S3Result,
    dto::{
        CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective,
        PutObjectInput, PutObjectOutput, ServerSideEncryption, StorageClass,
    },
    s3_error,
};

use crate::{
    conditions::{ReadConditions, WriteConditions, timestamp},
    config::Sums,
    customer_key::{check_read, sent, set_key},
    error::precondition_failed,
    object::{ETag, Extra, Object, ObjectChecksum, set_checksum},
    receive::{Promise, Received, receive},
    state::State,
    tags,
};

impl State {
    pub(crate) async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<PutObjectOutput> {
        self.config.check_md5(&req.headers)?;
        let input = req.input;
        self.with_bucket(&input.bucket, |_| Ok(()))?;
        let encryption = input.server_side_encryption.as_ref();
        let encryption = encryption.map(ServerSideEncryption::as_str);
        let key = self.config.only_key(sent!(input), encryption)?;
        let promise = Promise {
            headers: &req.headers,
            trailers: req.trailing_headers.as_ref(),
            length: input.content_length,
            md5: input.content_md5.as_deref(),
            fast_etags: self.config.fast_etags,
            is_checked: self.config.checksums != Sums::Ignored,
        };
        let received = receive(input.body, promise).await?;
        let extra = Extra {
            content_type: input.content_type,
            content_encoding: without_aws_chunked(input.content_encoding),
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            storage_class: named_class(input.storage_class),
            acl: input.acl.map(|acl| acl.as_str().to_owned()),
            encryption: input
                .server_side_encryption
                .map(|name| name.as_str().to_owned()),
            kms_key: input.ssekms_key_id,
            customer_key: key.clone(),
            thawed: false,
            metadata: input.metadata.unwrap_or_default(),
            tags: tags::parse(input.tagging.as_deref())?,
        };
        let encryption = extra.encryption.clone();
        let conditions =
            self.config
                .write_conditions(&req.headers, input.if_match, input.if_none_match)?;
        let object = self.single(received, extra);
        let mut output = PutObjectOutput {
            e_tag: self.config.etag(object.etag),
            server_side_encryption: encryption.map(ServerSideEncryption::from),
            ..PutObjectOutput::default()
        };
        set_key!(output, key);
        set_checksum!(output, Some(object.checksum));
        output.version_id = self.store(&input.bucket, &input.key, object, &conditions)?;
        Ok(output)
    }

    pub(crate) fn copy_object(&self, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(
                NotImplemented,
                "Access points are not implemented"
            ));
        };
        let source = self.existing(bucket, key)?;
        // Of the headers with which it could be copied, none is known here.
        check_read(source.customer_key(), None)?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            if_modified_since: input.copy_source_if_modified_since.as_ref(),
            if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
        };
        // For a copy, S3 turns "not modified" into a failed condition too.
        conditions
            .check(&source)
            .map_err(|_| precondition_failed())?;
        let replace = input
            .metadata_directive
            .as_ref()
            .map(MetadataDirective::as_str)
            == Some(MetadataDirective::REPLACE);
        let mut extra = source.extra.as_deref().cloned().unwrap_or_default();
        if replace {
            extra = Extra {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                metadata: input.metadata.unwrap_or_default(),
                ..Extra::default()
            };
        }
        extra.storage_class = named_class(input.storage_class);
        let copy = Object {
            modified: self.now(),
            extra: extra.boxed(),
            ..Object::clone(&source)
        };
        let mut result = CopyObjectResult {
            e_tag: self.config.etag(copy.etag),
            last_modified: Some(timestamp(copy.modified)),
            ..CopyObjectResult::default()
        };
        set_checksum!(result, Some(copy.checksum));
        let unconditional = WriteConditions {
            if_match: None,
            if_none_match: None,
        };
        let version_id = self.store(&input.bucket, &input.key, copy, &unconditional)?;
        Ok(CopyObjectOutput {
            version_id,
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        })
    }

    /// Puts an object in its place, if the conditions hold at that moment. Returns
    /// the id of its version, where versions are kept.
    pub(crate) fn store(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        conditions: &WriteConditions,
    ) -> S3Result<Option<String>> {
        self.with_bucket(bucket, |bucket| {
            conditions.check(bucket.objects.get(key).map(|object| &**object))?;
            Ok(bucket.insert(key, Arc::new(object)))
        })
    }

    fn single(&self, received: Received, extra: Extra) -> Object {
        Object {
            etag: ETag {
                digest: extra.seal(received.digest),
                parts: 0,
            },
            modified: self.now(),
            checksum: ObjectChecksum {
                checksum: received.checksum(),
                parts: None,
            },
            extra: extra.boxed(),
            body: received.body,
        }
    }
}

/// `aws-chunked` describes the transfer, not the object.
pub(crate) fn without_aws_chunked(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let kept: Vec<_> = encoding
        .split(',')
        .map(str::trim)
        .filter(|name| !matches!(*name, "aws-chunked" | ""))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// S3 doesn't mention the standard class.
pub(crate) fn named_class(class: Option<StorageClass>) -> Option<String> {
    class
        .map(|class| class.as_str().to_owned())
        .filter(|class| class != StorageClass::STANDARD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_the_transfer_is_not_kept() {
        let kept = |encoding: &str| without_aws_chunked(Some(encoding.to_owned()));
        assert_eq!(kept("aws-chunked"), None);
        assert_eq!(kept("gzip, aws-chunked"), Some("gzip".into()));
        assert_eq!(kept("gzip"), Some("gzip".into()));
    }
}
