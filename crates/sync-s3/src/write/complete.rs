//! CompleteMultipartUpload: the moment at which the object appears.
//!
//! It carries the condition and the checksum of the whole. It can answer 200 and still
//! have failed; the SDK parses the body and reports that as an error, which is retried
//! or settled like any other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::types::{ChecksumType, CompletedMultipartUpload, CompletedPart};
use sync_core::Result;

use crate::checksum::{self, Content};
use crate::client::retry;
use crate::client::retry::SETTLE_ATTEMPTS;
use crate::error::{Failure, Origin};
use crate::etag::ETag;
use crate::head::Head;
use crate::quirks::Request;
use crate::write::answer_check::foreign;
use crate::write::conditional::{Attempts, Condition, WriteRequest};
use crate::write::session::{Part, Session};

/// The CompleteMultipartUpload of an upload.
pub(crate) struct Completion<'a> {
    session: &'a Session,
    parts: &'a BTreeMap<i32, Part>,
    list: CompletedMultipartUpload,
    content: Content,
}

#[async_trait]
impl WriteRequest for Completion<'_> {
    async fn send(&self, condition: &Condition, attempts: &Attempts) -> Result<(), Failure> {
        let done = self.send_once(condition, attempts).await?;
        if done.e_tag().is_none() {
            // An answer that was truncated looks like one without fields.
            let message = "the server does not say what became of the upload";
            return Err(Failure::new(Origin::Answer, message));
        }
        let Session { bucket, key, .. } = self.session;
        bucket.look_at_settings(key).await;
        self.check(&done).await
    }

    fn kind(&self) -> Request {
        Request::Complete
    }

    fn is_ours(&self, found: &Head) -> bool {
        let etag = || checksum::parts_etag(self.parts.values().map(Part::etag));
        self.content.is(&found.entry, found.checksum, etag)
    }

    fn repeats_conflicts(&self) -> bool {
        false
    }
}

impl<'a> Completion<'a> {
    /// Completes `session`, whose `parts` make up `content`.
    pub(crate) fn new(
        session: &'a Session,
        parts: &'a BTreeMap<i32, Part>,
        content: Content,
    ) -> Self {
        Self {
            session,
            parts,
            list: completed(parts),
            content,
        }
    }

    /// Sends one CompleteMultipartUpload.
    pub(crate) async fn send_once(
        &self,
        condition: &Condition,
        attempts: &Attempts,
    ) -> Result<CompleteMultipartUploadOutput, Failure> {
        let Session {
            bucket, key, id, ..
        } = self.session;
        let whole = bucket.sums_whole_uploads();
        bucket
            .client
            .complete_multipart_upload()
            .bucket(bucket.location.bucket())
            .key(bucket.key_label(key))
            .upload_id(id)
            .multipart_upload(self.list.clone())
            .set_checksum_crc64_nvme(whole.then(|| checksum::encode(self.content.checksum)))
            .set_checksum_type(whole.then_some(ChecksumType::FullObject))
            .set_if_match(condition.if_match())
            .set_if_none_match(condition.if_none_match())
            .customize()
            .interceptor(attempts.clone())
            .config_override(retry::for_complete(attempts.share, bucket.max_attempts))
            .send()
            .await
            .map_err(Failure::from)
    }

    /// Whether the answer describes this upload: by the sum of the whole, else by an
    /// ETag that is derived from those of the parts. Not every server derives it so;
    /// then the object must have that ETag.
    async fn check(&self, done: &CompleteMultipartUploadOutput) -> Result<(), Failure> {
        let sum = checksum::whole(done.checksum_crc64_nvme(), done.checksum_type());
        if let Some(sum) = sum {
            return if sum == self.content.checksum {
                Ok(())
            } else {
                Err(foreign())
            };
        }
        let revision = |text: &str| ETag::parse(text).map(ETag::revision);
        let etag = done.e_tag().and_then(revision);
        let ours = checksum::parts_etag(self.parts.values().map(Part::etag));
        let ours = ours.as_deref().and_then(revision);
        if ours.is_none() || etag == ours {
            return Ok(());
        }
        let Session { bucket, key, .. } = self.session;
        match bucket.head_within(key, SETTLE_ATTEMPTS).await? {
            Some(found)
                if found.entry.size == self.content.size && found.entry.revision == etag =>
            {
                Ok(())
            }
            _ => Err(foreign()),
        }
    }
}

/// The list of parts, in ascending order as S3 demands.
fn completed(parts: &BTreeMap<i32, Part>) -> CompletedMultipartUpload {
    let parts = parts.iter().map(|(number, part)| {
        CompletedPart::builder()
            .part_number(*number)
            .set_e_tag(part.answer.etag.clone())
            .set_checksum_crc64_nvme(part.answer.crc64.clone())
            .set_checksum_crc32(part.answer.crc32.clone())
            .build()
    });
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.collect()))
        .build()
}
