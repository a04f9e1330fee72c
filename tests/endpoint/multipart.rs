//! Multipart uploads until they are completed: begin, send parts, abort.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use s3s::{
    S3Request, S3Result,
    dto::{
        AbortMultipartUploadInput, ChecksumAlgorithm, ChecksumType, CreateMultipartUploadInput,
        CreateMultipartUploadOutput, ServerSideEncryption, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};

use crate::{
    announced::Announced,
    checksum::{Algorithm, Checksum, Hasher},
    config::Sums,
    customer_key::{check_upload, sent, set_key},
    error::no_such_upload,
    object::{ETag, Extra, set_checksum_value},
    receive::{Promise, Received, receive},
    rope::Rope,
    state::{Bucket, State},
    tags,
    write::named_class,
};

/// The largest part number.
const MAX_PARTS: u16 = 10_000;

/// An open multipart upload.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) initiated: DateTime<Utc>,
    /// `None` if the client named no algorithm; then S3 uses CRC64NVME.
    pub(crate) declared: Option<Algorithm>,
    /// Whether the object's checksum will be that of its parts' checksums.
    pub(crate) composite: bool,
    pub(crate) extra: Extra,
    pub(crate) parts: BTreeMap<u16, Part>,
}

/// A part that has arrived.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) body: Rope,
    pub(crate) digest: [u8; 16],
    pub(crate) crc64: Checksum,
    /// The checksum in the upload's algorithm.
    pub(crate) checksum: Checksum,
    /// The checksum that came with it.
    pub(crate) announced: Option<Checksum>,
    pub(crate) modified: DateTime<Utc>,
}

impl Upload {
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.declared.unwrap_or(Algorithm::Crc64Nvme)
    }

    pub(crate) fn checksum_type(&self) -> ChecksumType {
        ChecksumType::from_static(if self.composite {
            ChecksumType::COMPOSITE
        } else {
            ChecksumType::FULL_OBJECT
        })
    }

    /// A part must use the algorithm that the upload declared, if it did; one
    /// whose object gets a composite checksum must bring a checksum at all.
    fn accept(&self, announced: Option<Algorithm>) -> S3Result<()> {
        let fits = match (self.declared, announced) {
            (Some(declared), Some(announced)) => declared == announced,
            (Some(_), None) => !self.composite,
            (None, _) => true,
        };
        if fits {
            return Ok(());
        }
        let name = |algorithm: Option<Algorithm>| {
            algorithm.map_or("null".to_owned(), |a| a.name().to_lowercase())
        };
        let (expected, actual) = (name(self.declared), name(announced));
        Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
        ))
    }
}

impl State {
    pub(crate) fn create_multipart_upload(
        &self,
        input: CreateMultipartUploadInput,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let declared = input
            .checksum_algorithm
            .as_ref()
            .map(|name| Algorithm::parse(name.as_str()))
            .transpose()?;
        let encryption = input.server_side_encryption.as_ref();
        let encryption = encryption.map(ServerSideEncryption::as_str);
        let key = self.config.only_key(sent!(input), encryption)?;
        let upload = Upload {
            initiated: self.now(),
            declared,
            composite: is_composite(declared, input.checksum_type.as_ref())?,
            extra: Extra {
                content_type: input.content_type,
                content_encoding: input.content_encoding,
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
            },
            parts: BTreeMap::new(),
        };
        let mut output = CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(self.next_upload_id()),
            server_side_encryption: upload
                .extra
                .encryption
                .clone()
                .map(ServerSideEncryption::from),
            checksum_algorithm: declared
                .map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
            checksum_type: declared.map(|_| upload.checksum_type()),
            ..CreateMultipartUploadOutput::default()
        };
        set_key!(output, key);
        let id = output.upload_id.clone().unwrap_or_default();
        self.with_bucket(&input.bucket, |bucket| {
            bucket.uploads.insert((input.key, id), upload);
            Ok(())
        })?;
        Ok(output)
    }

    pub(crate) async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<UploadPartOutput> {
        self.config.check_md5(&req.headers)?;
        let input = req.input;
        let number = u16::try_from(input.part_number)
            .ok()
            .filter(|number| (1..=MAX_PARTS).contains(number));
        let number = number.ok_or_else(|| {
            s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            )
        })?;
        let announced = Announced::from_headers(&req.headers)?.map(|announced| announced.algorithm);
        let key = self.config.key(sent!(input))?;
        let algorithm = self.with_bucket(&input.bucket, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            upload.accept(announced)?;
            check_upload(upload.extra.customer_key.as_deref(), key.as_deref())?;
            Ok(upload.algorithm())
        })?;
        let promise = Promise {
            headers: &req.headers,
            trailers: req.trailing_headers.as_ref(),
            length: input.content_length,
            md5: input.content_md5.as_deref(),
            fast_etags: self.config.fast_etags,
            is_checked: self.config.checksums != Sums::Ignored,
        };
        let mut part = self.part(receive(input.body, promise).await?, algorithm, announced);
        if key.is_some() {
            // Its ETag is no MD5 either.
            part.digest = part.digest.map(|byte| !byte);
        }

        let etag = ETag {
            digest: part.digest,
            parts: 0,
        };
        let mut output = UploadPartOutput {
            e_tag: Some(etag.into()),
            ..UploadPartOutput::default()
        };
        set_key!(output, key);
        let shown = part.announced.unwrap_or(part.checksum);
        if self.config.checksums != Sums::Ignored {
            set_checksum_value!(output, shown.algorithm, shown.base64());
        }
        // The upload may have been completed or aborted in the meantime.
        self.with_bucket(&input.bucket, |bucket| {
            bucket
                .upload(&input.key, &input.upload_id)?
                .parts
                .insert(number, part);
            Ok(())
        })?;
        Ok(output)
    }

    fn part(&self, received: Received, algorithm: Algorithm, announced: Option<Algorithm>) -> Part {
        let sent = Some(received.checksum()).filter(|checksum| checksum.algorithm == algorithm);
        let checksum = sent.unwrap_or_else(|| {
            let mut hasher = Hasher::new(algorithm);
            received
                .body
                .chunks()
                .iter()
                .for_each(|chunk| hasher.update(chunk));
            hasher.finish()
        });
        Part {
            digest: received.digest,
            crc64: received.crc64,
            checksum,
            announced: announced.map(|_| received.checksum()),
            modified: self.now(),
            body: received.body,
        }
    }

    pub(crate) fn abort_multipart_upload(&self, input: AbortMultipartUploadInput) -> S3Result<()> {
        self.with_bucket(&input.bucket, |bucket| {
            let aborted = bucket.uploads.remove(&(input.key, input.upload_id));
            aborted.map(drop).ok_or_else(no_such_upload)
        })
    }
}

impl Bucket {
    pub(crate) fn upload(&mut self, key: &str, id: &str) -> S3Result<&mut Upload> {
        self.uploads
            .get_mut(&(key.to_owned(), id.to_owned()))
            .ok_or_else(no_such_upload)
    }
}

/// S3's default is composite for every algorithm but CRC64NVME, which cannot
/// be; the SHAs cannot be anything else.
fn is_composite(algorithm: Option<Algorithm>, kind: Option<&ChecksumType>) -> S3Result<bool> {
    let (Some(algorithm), kind) = (algorithm, kind.map(ChecksumType::as_str)) else {
        return Ok(false);
    };
    let composite = kind.map_or(algorithm != Algorithm::Crc64Nvme, |kind| {
        kind == ChecksumType::COMPOSITE
    });
    let possible = if composite {
        algorithm != Algorithm::Crc64Nvme
    } else {
        algorithm.combines()
    };
    if possible {
        return Ok(composite);
    }
    let (kind, name) = (kind.unwrap_or_default(), algorithm.name().to_lowercase());
    Err(s3_error!(
        InvalidRequest,
        "The {kind} checksum type cannot be used with the {name} checksum algorithm."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_checksums_can_be_of_the_whole_object() {
        let of = |algorithm, kind: Option<&'static str>| {
            let kind = kind.map(ChecksumType::from_static);
            is_composite(algorithm, kind.as_ref()).map_err(|_| ())
        };
        assert_eq!(of(None, None), Ok(false));
        assert_eq!(of(Some(Algorithm::Crc64Nvme), None), Ok(false));
        assert_eq!(of(Some(Algorithm::Crc32), None), Ok(true));
        assert_eq!(of(Some(Algorithm::Crc32), Some("FULL_OBJECT")), Ok(false));
        assert_eq!(of(Some(Algorithm::Sha256), None), Ok(true));
        assert_eq!(of(Some(Algorithm::Sha256), Some("FULL_OBJECT")), Err(()));
        assert_eq!(of(Some(Algorithm::Crc64Nvme), Some("COMPOSITE")), Err(()));
    }
}
