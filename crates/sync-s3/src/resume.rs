//! Goes on with an upload that a killed run has left open.
//!
//! The file is read and summed as ever; what is saved is sending again the
//! parts that the server has already. A part is kept only if its number, its
//! size and the CRC64NVME that the server computed when it came are those of
//! the file's part of now. Whatever has changed since is sent anew, and the
//! sum of the whole is checked by the server at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::operation::list_parts::ListPartsOutput;
use aws_sdk_s3::types;
use sync_core::{Crc64, Entry};

use crate::checksum;
use crate::error::Failure;
use crate::options::Checksums;
use crate::session::{PartAnswer, Session};
use crate::store::Bucket;
use crate::timing;

/// To go on is no more than a saving: it is not worth many attempts.
const ATTEMPTS: u32 = 3;

/// Pages of 1,000 parts, of which there are 10,000 at most.
const PAGES: usize = 20;

/// The parts that an upload has already.
#[derive(Debug, Default)]
pub(crate) struct Kept(HashMap<i32, KeptPart>);

#[derive(Debug)]
struct KeptPart {
    etag: String,
    len: u64,
    checksum: Crc64,
}

/// What was spared by going on with uploads of earlier runs.
#[derive(Debug, Default)]
pub(crate) struct Spared {
    pub(crate) bytes: AtomicU64,
}

impl Kept {
    /// What the server says of part `number`, if it has just these bytes.
    pub(crate) fn part(&self, number: i32, len: u64, checksum: Crc64) -> Option<PartAnswer> {
        self.0
            .get(&number)
            .filter(|part| part.len == len && part.checksum == checksum)
            .map(|part| PartAnswer {
                etag: Some(part.etag.clone()),
                crc64: Some(checksum::encode(part.checksum)),
                crc32: None,
            })
    }

    fn add(&mut self, part: &types::Part) {
        let sum = checksum::whole(part.checksum_crc64_nvme(), None);
        let len = part.size().and_then(|size| u64::try_from(size).ok());
        if let (Some(number), Some(etag), Some(len), Some(checksum)) =
            (part.part_number(), part.e_tag(), len, sum)
        {
            let etag = etag.to_owned();
            self.0.insert(
                number,
                KeptPart {
                    etag,
                    len,
                    checksum,
                },
            );
        }
    }
}

impl Spared {
    pub(crate) fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The upload of `key` that an earlier run left, with its parts; `None` if
/// there is none of use. The others stay in the journal, to be aborted.
///
/// AWS dates an object by the beginning of its upload. One that was begun before
/// the file had its last change would be older than the file, and be sent whole
/// again by the next run; so a new one is begun.
pub(crate) async fn left(bucket: &Arc<Bucket>, entry: &Entry) -> Option<(Session, Kept)> {
    if !matches!(bucket.checksums, Checksums::Auto | Checksums::Crc64Nvme) {
        return None;
    }
    let key = &entry.key;
    let full_key = bucket.full_key(key);
    let changed = entry.modified + entry.lag();
    let mut left = bucket.journal.as_ref()?.left().ok()?;
    // An upload makes an object of what it was begun with, not of what is
    // wanted now.
    let settings = bucket.objects.digest();
    left.retain(|left| {
        left.key == full_key
            && left.settings == settings
            && left.covers.is_none_or(|covers| changed <= covers)
    });
    // The youngest first: nothing else has been tried since.
    for upload in left.into_iter().rev() {
        let session = Session {
            bucket: Arc::clone(bucket),
            key: key.clone(),
            id: upload.upload_id,
        };
        match parts(&session).await {
            Ok(kept) if !kept.0.is_empty() => {
                let (key, parts) = (key.as_str(), kept.0.len());
                tracing::info!(key, parts, "going on with an upload of an earlier run");
                return Some((session, kept));
            }
            Err(failure) if failure.has_code(&["NoSuchUpload"]) => session.ended(),
            _ => {}
        }
    }
    None
}

async fn parts(session: &Session) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    let mut marker = None;
    for _ in 0..PAGES {
        let page = page(session, marker).await?;
        for part in page.parts() {
            kept.add(part);
        }
        marker = page.next_part_number_marker;
        if page.is_truncated != Some(true) || marker.is_none() {
            break;
        }
    }
    Ok(kept)
}

async fn page(session: &Session, marker: Option<String>) -> Result<ListPartsOutput, Failure> {
    let bucket = &session.bucket;
    let retries = timing::retries(ATTEMPTS.min(bucket.max_attempts));
    bucket
        .client
        .list_parts()
        .bucket(bucket.location.bucket())
        .key(bucket.key_label(&session.key))
        .upload_id(&session.id)
        .set_part_number_marker(marker)
        .customize()
        .config_override(aws_sdk_s3::Config::builder().retry_config(retries))
        .send()
        .await
        .map_err(|error| Failure::from(&error))
}
