//! CompleteMultipartUpload: the moment at which the object appears.
//!
//! It carries the condition and the checksum of the whole. It can answer 200
//! and still have failed; the SDK looks into the body and reports that as an
//! error, which is retried or settled like any other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_s3::types::{ChecksumType, CompletedMultipartUpload, CompletedPart};
use sync_core::{Crc64, Result};

use crate::checksum;
use crate::error::{Failure, Origin};
use crate::guard::{Attempts, Condition, Write};
use crate::options::Checksums;
use crate::session::{Part, Session};
use crate::timing;

/// The CompleteMultipartUpload of an upload.
pub(crate) struct Completion<'a> {
    pub(crate) session: &'a Session,
    pub(crate) parts: &'a BTreeMap<i32, Part>,
    pub(crate) list: CompletedMultipartUpload,
    pub(crate) checksum: Crc64,
}

#[async_trait]
impl Write for Completion<'_> {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let session = self.session;
        let bucket = &session.bucket;
        let whole = matches!(bucket.checksums, Checksums::Auto | Checksums::Crc64Nvme);
        let sent = bucket
            .client
            .complete_multipart_upload()
            .bucket(bucket.location.bucket())
            .key(bucket.key_label(&session.key))
            .upload_id(&session.id)
            .multipart_upload(self.list.clone())
            .set_checksum_crc64_nvme(whole.then(|| checksum::encode(self.checksum)))
            .set_checksum_type(whole.then_some(ChecksumType::FullObject))
            .set_if_match(condition.if_match())
            .set_if_none_match(condition.if_none_match())
            .customize()
            .interceptor(attempts.clone())
            .config_override(timing::for_complete())
            .send()
            .await;
        match sent {
            Ok(done) if done.e_tag().is_some() => Ok(()),
            // An answer that was cut reads as one without fields.
            Ok(_) => Err(Failure {
                message: Some("the server does not say what became of the upload".to_owned()),
                origin: Origin::Answer,
                ..Failure::default()
            }),
            Err(error) => Err(Failure::from(&error)),
        }
    }

    fn etag(&self) -> Option<String> {
        checksum::parts_etag(self.parts.values().map(Part::etag))
    }

    fn repeats_conflicts(&self) -> bool {
        false
    }
}

/// The list of parts, in ascending order as S3 demands.
pub(crate) fn completed(parts: &BTreeMap<i32, Part>) -> CompletedMultipartUpload {
    let parts = parts.iter().map(|(number, part)| {
        CompletedPart::builder()
            .part_number(*number)
            .set_e_tag(part.etag.clone())
            .set_checksum_crc64_nvme(part.headers.crc64.clone())
            .set_checksum_crc32(part.headers.crc32.clone())
            .build()
    });
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.collect()))
        .build()
}
