//! Whether the ETags of a server are MD5s, where one does not match its content.
//!
//! An ETag of 32 hexadecimal digits is the MD5 of an object that was sent in one piece,
//! at AWS and at most other servers; but S3 does not promise that. One that does not
//! match means corrupt content, or it is not an MD5 at all. Other objects show which: one
//! whose ETag matches cannot be an accident.

use md5::{Digest, Md5};
use sync_core::{Entry, Key, Listed};

use crate::bucket::Bucket;
use crate::client::customer_key::Keyed;
use crate::etag::ETag;
use crate::list;
use crate::quirks::Md5ETags;
use crate::write::answer_check::is_by_kms;

/// How many objects are read for that, and how large they may be in bytes.
const SAMPLES: usize = 3;
const SAMPLE_SIZE: u64 = 64 * 1024;

impl Bucket {
    /// Whether ETags that look like MD5s are MD5s, according to other objects than `key`.
    /// They are assumed to be where there is no other object.
    pub(crate) async fn has_md5_etags(&self, key: &Key) -> bool {
        // The others wait for the result of the first.
        let _alone = self.quirks.md5_trial().await;
        match self.quirks.md5_etags() {
            Md5ETags::Yes => return true,
            Md5ETags::No => return false,
            Md5ETags::Unknown => {}
        }
        let verdict = self.sampled(key).await;
        if let Some(is_md5) = verdict {
            self.quirks.compared_etag(is_md5);
        }
        verdict.unwrap_or(true)
    }

    /// Whether the ETag of any other small object is the MD5 of its content;
    /// `None` if there is nothing to compare.
    async fn sampled(&self, key: &Key) -> Option<bool> {
        let listed = list::first_page(self).await?;
        let mut others: Vec<Entry> = listed
            .into_iter()
            .flatten()
            .filter_map(|item| match item {
                Listed::Entry(entry) => Some(entry),
                Listed::Skipped(_) => None,
            })
            .filter(|entry| {
                let is_sum = ETag::of(entry).and_then(ETag::md5).is_some();
                entry.key != *key && entry.size <= SAMPLE_SIZE && is_sum
            })
            .collect();
        others.sort_by_key(|entry| entry.size);
        let mut verdict = None;
        for entry in others.iter().take(SAMPLES) {
            let Some(is_md5) = self.has_md5_etag(entry).await else {
                continue;
            };
            if is_md5 {
                return Some(true);
            }
            verdict = Some(false);
        }
        verdict
    }

    /// Whether the ETag of an object is the MD5 of its content; `None` if that is unknown. It is
    /// read without the key of SSE-C: that of an object which needs one is no MD5.
    async fn has_md5_etag(&self, entry: &Entry) -> Option<bool> {
        let answer = self
            .client
            .get_object()
            .bucket(self.location.bucket())
            .key(self.key_label(&entry.key))
            .customize()
            .interceptor(Keyed::No)
            .send()
            .await
            .ok()?;
        let is_encrypted =
            is_by_kms(answer.server_side_encryption()) || answer.sse_customer_algorithm().is_some();
        let len = answer.content_length()?;
        if is_encrypted || u64::try_from(len).ok()? > SAMPLE_SIZE {
            return None;
        }
        let md5 = answer.e_tag().and_then(ETag::parse).and_then(ETag::md5)?;
        let body = answer.body.collect().await.ok()?.into_bytes();
        Some(<[u8; 16]>::from(Md5::digest(&body)) == md5)
    }
}
