//! Deleting objects, one or a thousand at a time.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use s3s::{
    S3Request, S3Result,
    crypto::{Checksum as _, Md5},
    dto::{
        DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
        DeletedObject, ETag, ETagCondition, Error as KeyError, ObjectIdentifier,
    },
    s3_error,
};

use crate::{
    announced::{Announced, verify},
    checksum::Hasher,
    conditions::check_delete,
    config::{Config, IfMatch},
    error::malformed_xml,
    faults::FailKeys,
    intake::RawBody,
    state::{Bucket, State},
};

/// The most keys in one request.
const MAX_KEYS: usize = 1000;

impl State {
    pub(crate) fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<DeleteObjectOutput> {
        let input = req.input;
        let condition = self.config.understood(&req.headers, input.if_match)?;
        let now = self.now();
        self.with_bucket(&input.bucket, |bucket| {
            if let Some(id) = input.version_id.as_deref() {
                let removed = bucket.remove_version(&input.key, id);
                let was_marker = removed.is_some_and(|version| version.object.is_none());
                return Ok(DeleteObjectOutput {
                    delete_marker: was_marker.then_some(true),
                    version_id: Some(id.to_owned()),
                    ..DeleteObjectOutput::default()
                });
            }
            let marker = bucket.delete(&input.key, condition.as_ref(), now)?;
            Ok(DeleteObjectOutput {
                delete_marker: marker.is_some().then_some(true),
                version_id: marker,
                ..DeleteObjectOutput::default()
            })
        })
    }

    pub(crate) fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<DeleteObjectsOutput> {
        self.config.check_md5(&req.headers)?;
        check_body(&req)?;
        let keys = req.input.delete.objects;
        if keys.is_empty() || keys.len() > MAX_KEYS {
            return Err(malformed_xml());
        }
        let quiet = req.input.delete.quiet.unwrap_or_default();
        let injected = req.extensions.get::<FailKeys>();
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        let now = self.now();
        self.with_bucket(&req.input.bucket, |bucket| {
            for object in keys {
                if let Some(error) = injected.and_then(|faults| faults.error(&object.key)) {
                    errors.push(error);
                    continue;
                }
                match bucket.delete_identified(&object, &self.config, now) {
                    Ok(()) if quiet => {}
                    Ok(()) => deleted.push(DeletedObject {
                        key: Some(object.key),
                        ..DeletedObject::default()
                    }),
                    Err(error) => errors.push(KeyError {
                        key: Some(object.key),
                        code: Some(error.code().as_str().to_owned()),
                        message: error.message().map(str::to_owned),
                        version_id: None,
                    }),
                }
            }
            Ok(())
        })?;
        Ok(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        })
    }
}

impl Bucket {
    /// Returns the id of the delete marker, where versions are kept.
    fn delete(
        &mut self,
        key: &str,
        condition: Option<&ETagCondition>,
        now: DateTime<Utc>,
    ) -> S3Result<Option<String>> {
        check_delete(condition, self.objects.get(key).map(|object| &**object))?;
        Ok(self.remove(key, now).marker)
    }

    fn delete_identified(
        &mut self,
        object: &ObjectIdentifier,
        config: &Config,
        now: DateTime<Utc>,
    ) -> S3Result<()> {
        if object.key.is_empty() {
            return Err(s3_error!(
                UserKeyMustBeSpecified,
                "The request must include a key"
            ));
        }
        if let Some(id) = object.version_id.as_deref() {
            self.remove_version(&object.key, id);
            return Ok(());
        }
        let knows_etags = matches!(config.if_match, IfMatch::Standard | IfMatch::Never);
        let etag = object
            .e_tag
            .clone()
            .filter(|_| config.conditions && knows_etags);
        let condition = etag.map(|etag| match etag.value() {
            "*" => ETagCondition::Any,
            _ if config.if_match == IfMatch::Never => {
                ETagCondition::ETag(ETag::Strong("no object has this one".to_owned()))
            }
            _ => ETagCondition::ETag(etag),
        });
        self.delete(&object.key, condition.as_ref(), now).map(drop)
    }
}

/// The body must come with a digest, match it, and be XML: the control
/// characters that XML 1.0 lacks spoil the request, with all its keys.
fn check_body(req: &S3Request<DeleteObjectsInput>) -> S3Result<()> {
    let Some(body) = req.extensions.get::<RawBody>().map(RawBody::bytes) else {
        return Ok(());
    };
    let md5 = req
        .headers
        .get("content-md5")
        .and_then(|value| value.to_str().ok());
    if let Some(md5) = md5 {
        if BASE64_STANDARD.encode(Md5::checksum(&body)) != md5 {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
    } else if let Some(announced) = Announced::from_headers(&req.headers)? {
        let mut hasher = Hasher::new(announced.algorithm);
        hasher.update(&body);
        verify(
            &announced.value(req.trailing_headers.as_ref())?,
            &hasher.finish(),
        )?;
    } else {
        return Err(s3_error!(
            InvalidRequest,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        ));
    }
    let illegal = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    if body.iter().any(illegal) {
        Err(malformed_xml())
    } else {
        Ok(())
    }
}
