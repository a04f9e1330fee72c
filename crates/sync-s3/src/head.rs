//! The HEAD of an object, which several operations use.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use sync_core::{Entry, Key, checksum::Crc64, entry::StorageClass};

use crate::bucket::Bucket;
use crate::checksum;
use crate::client::customer_key::Keyed;
use crate::client::retry;
use crate::error::Failure;
use crate::etag::ETag;
use crate::http::clock;

/// An object as a HEAD describes it.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) entry: Entry,
    /// The checksum of the whole content, where the server has stored it.
    pub(crate) checksum: Option<Crc64>,
}

/// A HEAD.
pub(crate) struct HeadRequest {
    /// The key, as the SDK accepts it in an address.
    pub(crate) label: String,
    pub(crate) version_id: Option<String>,
    /// Whether the answer is to have the checksum.
    pub(crate) mode: Option<ChecksumMode>,
    pub(crate) attempts: u32,
}

impl Bucket {
    /// The object as it is now; `None` if it is not there.
    pub(crate) async fn head(&self, key: &Key) -> Result<Option<Head>, Failure> {
        self.head_within(key, self.max_attempts).await
    }

    /// The same, with fewer attempts.
    pub(crate) async fn head_within(
        &self,
        key: &Key,
        attempts: u32,
    ) -> Result<Option<Head>, Failure> {
        match self.head_output(key, None, attempts).await? {
            Some(output) => Head::of(key, &output).map(Some),
            None => Ok(None),
        }
    }

    /// The same of the version of this id, with all fields of the answer.
    pub(crate) async fn head_output(
        &self,
        key: &Key,
        version_id: Option<String>,
        attempts: u32,
    ) -> Result<Option<HeadObjectOutput>, Failure> {
        let label = self.key_label(key);
        self.head_of(label, version_id, attempts).await
    }

    /// The same for any name, which may be that of a directory.
    pub(crate) async fn head_at(
        &self,
        label: String,
        attempts: u32,
    ) -> Result<Option<HeadObjectOutput>, Failure> {
        self.head_of(label, None, attempts).await
    }

    async fn head_of(
        &self,
        label: String,
        version_id: Option<String>,
        attempts: u32,
    ) -> Result<Option<HeadObjectOutput>, Failure> {
        let request = HeadRequest {
            label,
            version_id,
            mode: self.checksum_mode(),
            attempts,
        };
        match self.send_head(&request).await {
            Ok(head) => Ok(Some(head)),
            Err(failure) if failure.is_missing_key() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends a HEAD; once more without the key of SSE-C, if that may be why it is refused.
    pub(crate) async fn send_head(
        &self,
        request: &HeadRequest,
    ) -> Result<HeadObjectOutput, Failure> {
        let refused = match self.send_head_once(request, Keyed::Yes).await {
            Err(failure) if self.may_be_due_to_key(&failure) => failure,
            settled => return settled,
        };
        let unkeyed = self.send_head_once(request, Keyed::No).await;
        unkeyed.map_err(|unkeyed| refused.explained_by(&unkeyed))
    }

    async fn send_head_once(
        &self,
        request: &HeadRequest,
        keyed: Keyed,
    ) -> Result<HeadObjectOutput, Failure> {
        let mut sent = self
            .client
            .head_object()
            .bucket(self.location.bucket())
            .key(&request.label)
            .set_version_id(request.version_id.clone())
            .set_checksum_mode(request.mode.clone())
            .customize()
            .interceptor(keyed);
        if request.attempts < self.max_attempts {
            sent = sent.config_override(retry::at_most(request.attempts));
        }
        Ok(sent.send().await?)
    }
}

impl Head {
    /// The object `key` as `output` describes it.
    pub(crate) fn of(key: &Key, output: &HeadObjectOutput) -> Result<Self, Failure> {
        let size = output
            .content_length()
            .and_then(|len| u64::try_from(len).ok());
        let modified = output.last_modified().and_then(clock::exact);
        let (Some(size), Some(modified)) = (size, modified) else {
            return Err(Failure::protocol("the answer lacks a size or a time"));
        };
        let mut entry = Entry::new(key.clone(), size, modified);
        entry.revision = output.e_tag().and_then(ETag::parse).map(ETag::revision);
        let class = output.storage_class();
        entry.class = class.and_then(|class| StorageClass::of(class.as_str()));
        let checksum = checksum::whole(output.checksum_crc64_nvme(), output.checksum_type());
        Ok(Self { entry, checksum })
    }
}
