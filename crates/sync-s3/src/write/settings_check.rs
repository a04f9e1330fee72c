//! Whether a server keeps the settings of an upload, which its answer does not say.
//!
//! AWS does, or refuses the upload. Others may ignore a header that they do not know.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::StorageClass;
use sync_core::Key;

use crate::bucket::Bucket;
use crate::client::retry::{self, SETTLE_ATTEMPTS};
use crate::error::Failure;
use crate::quirks::Quirk;

/// The storage class of objects that are written without one.
const STANDARD: &str = "STANDARD";

impl Bucket {
    /// Checks once in a run whether an object that was just written has what was asked for.
    pub(crate) async fn look_at_settings(&self, key: &Key) {
        let settings = &self.objects;
        let class = settings.storage_class.as_deref();
        let in_head = class.is_some_and(|class| class != STANDARD) || !settings.metadata.is_empty();
        let is_wanted = in_head || !settings.tags.is_empty();
        if !self.endpoint.is_foreign() || !is_wanted || !self.quirks.may_look_at_settings() {
            return;
        }
        if in_head && let Ok(Some(head)) = self.head_output(key, None, SETTLE_ATTEMPTS).await {
            self.compare_settings(&head);
        }
        if !settings.tags.is_empty() && !self.has_tags(key).await {
            self.quirks.note(Quirk::IgnoresTags);
        }
    }

    fn compare_settings(&self, head: &HeadObjectOutput) {
        // The header is missing for the standard class.
        let got = head.storage_class().map_or(STANDARD, StorageClass::as_str);
        if (self.objects.storage_class.as_deref()).is_some_and(|wanted| wanted != got) {
            self.quirks.note(Quirk::IgnoresStorageClass);
        }
        let has = |(name, value)| head.metadata().and_then(|all| all.get(name)) == Some(value);
        if !self.objects.metadata.iter().all(has) {
            self.quirks.note(Quirk::IgnoresMetadata);
        }
    }

    /// Whether the object has as many tags as it was given; assumed where that cannot be
    /// asked, as without the permission.
    async fn has_tags(&self, key: &Key) -> bool {
        let asked = self
            .client
            .get_object_tagging()
            .bucket(self.location.bucket())
            .key(self.key_label(key))
            .customize()
            .config_override(retry::at_most(SETTLE_ATTEMPTS))
            .send()
            .await;
        match asked.map_err(Failure::from) {
            Ok(answer) => answer.tag_set().len() == self.objects.tags.len(),
            Err(failure) => !failure.is_not_implemented(),
        }
    }
}
