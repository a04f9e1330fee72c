//! Removes everything that a probe has written, and reports what it could not remove.
//!
//! First the recorded objects, by version where the server named one. Then whatever is
//! still listed below the probe key, for requests whose answers were lost.

use aws_sdk_s3::types::EncodingType;
use futures::StreamExt as _;
use futures::stream;

use crate::doctor::probe::Probe;
use crate::error::Failure;
use crate::list::url_encoding::decode_if;
use crate::versioning::{self, Versioning};
use crate::write::session;

/// Requests at once.
const AT_ONCE: usize = 8;

impl Probe {
    /// Removes everything. [`left`](Self::left) names afterwards what could not be removed.
    /// May be called again.
    pub async fn clean(&self) {
        if self.left().is_empty() && !self.traces.lock().lost_upload {
            return;
        }
        self.abort_uploads().await;
        if !self.has_versions() {
            let keys = self.traces.lock().keys.iter().cloned().collect();
            self.delete_keys(keys).await;
            let rest = self.listed_keys().await.unwrap_or_default();
            self.traces.lock().keys.extend(rest.iter().cloned());
            self.delete_keys(rest).await;
        }
        // In a bucket with versions, a deletion without a version adds one.
        if self.has_versions() {
            let noted = self.traces.lock().versions.iter().cloned().collect();
            self.delete_versions(noted).await;
            match self.listed_versions().await {
                Ok(rest) => {
                    self.traces.lock().versions.extend(rest.iter().cloned());
                    self.delete_versions(rest).await;
                    self.forget_keys_without_versions().await;
                }
                Err(_) => self.delete_plainly().await,
            }
        }
    }

    fn has_versions(&self) -> bool {
        !self.traces.lock().versions.is_empty()
    }

    /// What this probe may have left in the bucket: keys, and keys of unfinished uploads.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let made = self.traces.lock();
        let of_versions = made.versions.iter().map(|(key, _)| key);
        let uploads = made
            .uploads
            .iter()
            .map(|(key, _)| format!("{key} (upload)"));
        let mut left: Vec<String> = made.keys.iter().chain(of_versions).cloned().collect();
        left.extend(uploads);
        left.sort_unstable();
        left.dedup();
        left
    }

    async fn abort_uploads(&self) {
        let lost = self.traces.lock().lost_upload;
        if lost && let Ok(found) = self.listed_uploads().await {
            let mut made = self.traces.lock();
            made.uploads.extend(found);
            made.lost_upload = false;
        }
        let open: Vec<_> = self.traces.lock().uploads.iter().cloned().collect();
        stream::iter(open)
            .for_each_concurrent(AT_ONCE, async |(key, id)| {
                if session::abort(&self.bucket, &key, &id).await.is_ok() {
                    self.traces.lock().uploads.remove(&(key, id));
                }
            })
            .await;
    }

    async fn delete_keys(&self, keys: Vec<String>) {
        stream::iter(keys)
            .for_each_concurrent(AT_ONCE, async |key| {
                if self.delete(&key, None).await.is_ok() {
                    self.traces.lock().keys.remove(&key);
                }
            })
            .await;
    }

    async fn delete_versions(&self, versions: Vec<(String, String)>) {
        stream::iter(versions)
            .for_each_concurrent(AT_ONCE, async |(key, version)| {
                if self.delete(&key, Some(&version)).await.is_ok() {
                    let mut made = self.traces.lock();
                    made.versions.remove(&(key.clone(), version));
                    if !made.versions.iter().any(|(other, _)| *other == key) {
                        made.keys.remove(&key);
                    }
                }
            })
            .await;
    }

    async fn delete(&self, key: &str, version: Option<&str>) -> Result<(), Failure> {
        let sent = self
            .bucket
            .client
            .delete_object()
            .bucket(self.bucket.location.bucket())
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .send()
            .await;
        match sent.map_err(Failure::from) {
            Err(failure) if !failure.is_missing_key() => Err(failure),
            Ok(deleted) if version.is_none() => {
                if let Some(marker) = deleted.version_id {
                    self.traces.lock().versions.insert((key.to_owned(), marker));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Some servers name versions in their answers, but have none. Where the bucket keeps no
    /// versions, a key that is no longer listed is gone.
    async fn delete_plainly(&self) {
        let keeps_versions = matches!(
            versioning::versioning(&self.bucket).await,
            Versioning::On | Versioning::Suspended
        );
        if keeps_versions {
            return;
        }
        let noted: Vec<String> = {
            let made = self.traces.lock();
            let of_versions = made.versions.iter().map(|(key, _)| key);
            made.keys.iter().chain(of_versions).cloned().collect()
        };
        self.delete_keys(noted).await;
        let Ok(rest) = self.listed_keys().await else {
            return;
        };
        let mut made = self.traces.lock();
        made.keys = rest.into_iter().collect();
        made.versions.clear();
    }

    /// Forgets keys of which no version is listed: they are gone.
    async fn forget_keys_without_versions(&self) {
        let Ok(listed) = self.listed_versions().await else {
            return;
        };
        let mut made = self.traces.lock();
        let is_there = |key: &String| listed.iter().any(|(other, _)| other == key);
        made.keys.retain(is_there);
    }

    async fn listed_versions(&self) -> Result<Vec<(String, String)>, Failure> {
        let page = self
            .bucket
            .client
            .list_object_versions()
            .bucket(self.bucket.location.bucket())
            .prefix(self.full(""))
            .encoding_type(EncodingType::Url)
            .send()
            .await?;
        let is_encoded = page.encoding_type == Some(EncodingType::Url);
        let versions = page.versions.unwrap_or_default().into_iter();
        let versions = versions.map(|version| (version.key, version.version_id));
        let markers = page.delete_markers.unwrap_or_default().into_iter();
        let markers = markers.map(|marker| (marker.key, marker.version_id));
        let all = versions.chain(markers);
        Ok(all
            .filter_map(|(key, version)| Some((decode_if(is_encoded, key?).ok()?, version?)))
            .collect())
    }

    async fn listed_uploads(&self) -> Result<Vec<(String, String)>, Failure> {
        let page = self
            .bucket
            .client
            .list_multipart_uploads()
            .bucket(self.bucket.location.bucket())
            .prefix(self.full(""))
            .send()
            .await?;
        let uploads = page.uploads.unwrap_or_default().into_iter();
        Ok(uploads
            .filter_map(|upload| Some((upload.key?, upload.upload_id?)))
            .collect())
    }
}
