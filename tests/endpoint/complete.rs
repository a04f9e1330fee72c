//! Completing a multipart upload: every promise about the parts is checked,
//! then their chunks become one object without being copied.

use s3s::{
    S3Request, S3Result,
    crypto::{Checksum as _, Md5},
    dto::{
        CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart,
        ETag as SentETag,
    },
    s3_error,
};

use crate::{
    announced::{Announced, verify},
    checksum::{Algorithm, Checksum, Hasher},
    config::{MultipartTime, Sums},
    customer_key::{check_upload, sent},
    error::malformed_xml,
    multipart::{Part, Upload},
    object::{ETag, Object, ObjectChecksum, fast_digest, set_checksum},
    rope::Rope,
    state::State,
};

/// The least that a part holds which is not the last.
const MIN_PART: u64 = 5 << 20;

impl State {
    pub(crate) fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let input = req.input;
        let key = self.config.key(sent!(input))?;
        let sent = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let has_sums = |part: &CompletedPart| {
            part.checksum_crc64nvme.is_some() || part.checksum_crc32.is_some()
        };
        if self.config.checksums == Sums::Ignored && sent.iter().any(has_sums) {
            return Err(malformed_xml());
        }
        let conditions =
            self.config
                .write_conditions(&req.headers, input.if_match, input.if_none_match)?;
        self.with_bucket(&input.bucket, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            // Only uploads with checksums need the key here.
            if upload.declared.is_some() {
                check_upload(upload.extra.customer_key.as_deref(), key.as_deref())?;
            }
            let parts = self.chosen_parts(upload, &sent)?;
            let object = self.assemble(upload, &parts);
            if let Some(announced) = Announced::from_headers(&req.headers)?
                && announced.algorithm == object.checksum.checksum.algorithm
                && object.checksum.parts.is_none()
            {
                verify(&announced.value(None)?, &object.checksum.checksum)?;
            }
            if input.mpu_object_size.is_some_and(|size| u64::try_from(size) != Ok(object.size())) {
                return Err(s3_error!(
                    InvalidRequest,
                    "The provided 'x-amz-mp-object-size' header value does not match the size of the object."
                ));
            }
            conditions.check(bucket.objects.get(&input.key).map(|object| &**object))?;
            let mut output = CompleteMultipartUploadOutput {
                location: Some(format!("/{}/{}", input.bucket, input.key)),
                e_tag: self.config.etag(object.etag),
                ..CompleteMultipartUploadOutput::default()
            };
            set_checksum!(output, Some(object.checksum));
            output.version_id = bucket.insert(&input.key, object.into());
            bucket.uploads.remove(&(input.key.clone(), input.upload_id));
            output.bucket = Some(input.bucket.clone());
            output.key = Some(input.key);
            Ok(output)
        })
    }

    /// The parts that the client names, once all it says of them is true.
    fn chosen_parts<'a>(
        &self,
        upload: &'a Upload,
        sent: &[CompletedPart],
    ) -> S3Result<Vec<&'a Part>> {
        if sent.is_empty() {
            return Err(malformed_xml());
        }
        if !sent.is_sorted_by(|left, right| left.part_number < right.part_number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. Parts must be ordered by part number."
            ));
        }
        let parts = sent
            .iter()
            .map(|sent| chosen_part(upload, sent))
            .collect::<S3Result<Vec<_>>>()?;
        let all_but_last = parts.split_last().map_or(&[][..], |(_, others)| others);
        if self.config.min_part_size && all_but_last.iter().any(|part| part.body.len() < MIN_PART) {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size"
            ));
        }
        Ok(parts)
    }

    fn assemble(&self, upload: &Upload, parts: &[&Part]) -> Object {
        let modified = match self.config.multipart_time {
            MultipartTime::Initiation => upload.initiated,
            MultipartTime::Completion => self.now(),
        };
        let etag = ETag {
            digest: upload.extra.seal(self.digest(parts)),
            parts: count(parts),
        };
        let body = Rope::concat(parts.iter().map(|part| &part.body));
        Object {
            body,
            etag,
            modified,
            checksum: checksum(upload, parts),
            extra: upload.extra.clone().boxed(),
        }
    }

    /// S3's digest of digests.
    fn digest(&self, parts: &[&Part]) -> [u8; 16] {
        let digests: Vec<u8> = parts.iter().flat_map(|part| part.digest).collect();
        if !self.config.fast_etags {
            return Md5::checksum(&digests);
        }
        let mut hasher = Hasher::new(Algorithm::Crc64Nvme);
        hasher.update(&digests);
        fast_digest(&hasher.finish(), parts.len() as u64)
    }
}

fn chosen_part<'a>(upload: &'a Upload, sent: &CompletedPart) -> S3Result<&'a Part> {
    let number = sent.part_number.ok_or_else(malformed_xml)?;
    let invalid = || {
        s3_error!(
            InvalidPart,
            "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
        )
    };
    let part = u16::try_from(number)
        .ok()
        .and_then(|number| upload.parts.get(&number))
        .ok_or_else(invalid)?;
    let etag = ETag {
        digest: part.digest,
        parts: 0,
    }
    .to_string();
    if sent.e_tag.as_ref().map(SentETag::value) != Some(&*etag) {
        return Err(invalid());
    }
    let algorithm = part
        .announced
        .map_or(upload.algorithm(), |checksum| checksum.algorithm);
    let known = part.announced.unwrap_or(part.checksum);
    match sent_checksum(sent, algorithm) {
        Some(value) if *value != known.base64() => Err(invalid()),
        None if upload.composite => Err(s3_error!(
            InvalidRequest,
            "The upload was created using a {} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request.",
            algorithm.name().to_lowercase()
        )),
        // Observed on AWS (aws-sdk-go-v2#3005, aws-sdk-java-v2#6518): where the
        // upload declared no algorithm but the part used one, the part isn't
        // found unless its checksum is repeated here.
        None if upload.declared.is_none() && part.announced.is_some() => Err(invalid()),
        _ => Ok(part),
    }
}

fn sent_checksum(sent: &CompletedPart, algorithm: Algorithm) -> Option<&String> {
    match algorithm {
        Algorithm::Crc32 => sent.checksum_crc32.as_ref(),
        Algorithm::Crc32c => sent.checksum_crc32c.as_ref(),
        Algorithm::Crc64Nvme => sent.checksum_crc64nvme.as_ref(),
        Algorithm::Sha1 => sent.checksum_sha1.as_ref(),
        Algorithm::Sha256 => sent.checksum_sha256.as_ref(),
    }
}

/// The checksum of the object, of the kind that the upload promised.
fn checksum(upload: &Upload, parts: &[&Part]) -> ObjectChecksum {
    let algorithm = upload.algorithm();
    if upload.composite {
        let checksum = Checksum::of_parts(algorithm, parts.iter().map(|part| part.checksum));
        return ObjectChecksum {
            checksum,
            parts: Some(count(parts)),
        };
    }
    let lengths = || parts.iter().map(|part| part.body.len());
    let whole = Checksum::combine(
        algorithm,
        parts.iter().map(|part| part.checksum).zip(lengths()),
    );
    // An algorithm that doesn't combine is refused when the upload begins.
    let fallback = || {
        Checksum::combine(
            Algorithm::Crc64Nvme,
            parts.iter().map(|part| part.crc64).zip(lengths()),
        )
    };
    let checksum = whole
        .or_else(fallback)
        .unwrap_or_else(|| Hasher::new(algorithm).finish());
    ObjectChecksum {
        checksum,
        parts: None,
    }
}

fn count(parts: &[&Part]) -> u16 {
    u16::try_from(parts.len()).unwrap_or(u16::MAX)
}
