//! Goes on with an upload that a killed run has left open.
//!
//! The file is read and summed as ever; what is saved is sending again the
//! parts that the server has already. A part is kept only if its number, its
//! size and the CRC64NVME that the server computed when it came are those of
//! the file's part of now. Whatever has changed since is sent anew, and the
//! sum of the whole is checked by the server at the end.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_s3::operation::list_parts::ListPartsOutput;
use aws_sdk_s3::types;
use sync_core::{NewEntry, checksum::Crc64};

use crate::bucket::Bucket;
use crate::checksum;
use crate::client::retry;
use crate::error::Failure;
use crate::write::session::{PartAnswer, Session};

/// To go on is no more than a saving: it is not worth many attempts.
const ATTEMPTS: u32 = 3;

/// Pages of 1,000 parts, of which there are 10,000 at most.
const PAGES: usize = 20;

/// The numbers that parts may have.
const NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

/// The parts that an upload has already.
#[derive(Debug, Default)]
pub(crate) struct Kept(HashMap<i32, KeptPart>);

#[derive(Debug)]
struct KeptPart {
    etag: String,
    len: u64,
    checksum: Crc64,
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

/// The upload of `key` that an earlier run left, with its parts; `None` if
/// there is none of use. The others stay in the journal, to be aborted.
///
/// AWS dates an object by the beginning of its upload. One that was begun before
/// the file had its last change would be older than the file, and be sent whole
/// again by the next run; so a new one is begun.
pub(crate) async fn left(bucket: &Arc<Bucket>, entry: &NewEntry) -> Option<(Session, Kept)> {
    if !bucket.sums_whole_uploads() {
        return None;
    }
    let key = &entry.key;
    let full_key = bucket.full_key(key);
    let mut left = bucket.journal.as_ref()?.pending().ok()?;
    // An upload makes an object of what it was begun with, not of what is
    // wanted now.
    let settings = bucket.objects.digest();
    left.retain(|left| {
        left.key == full_key
            && left.settings == settings
            && left.covers.is_none_or(|covers| entry.changed <= covers)
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
        let page = page(session, marker.clone()).await?;
        check(session, marker.as_deref(), &page)?;
        for part in page.parts() {
            kept.add(part);
        }
        if page.is_truncated != Some(true) {
            return Ok(kept);
        }
        marker = page.next_part_number_marker;
    }
    Err(contradiction("it has no end"))
}

/// Refuses a list of parts that contradicts itself or is of another upload:
/// then nothing of it is believed, and the upload begins anew.
fn check(session: &Session, marker: Option<&str>, page: &ListPartsOutput) -> Result<(), Failure> {
    let full_key = session.bucket.full_key(&session.key);
    let is_other = |echoed: Option<&str>, asked: &str| {
        echoed.is_some_and(|echoed| !echoed.is_empty() && echoed != asked)
    };
    // The bucket may call itself otherwise than it was asked for.
    if is_other(page.upload_id(), &session.id) || is_other(page.key(), &full_key) {
        return Err(contradiction("it is of another upload"));
    }
    let asked = marker.unwrap_or("0");
    if is_other(page.part_number_marker(), asked) {
        return Err(contradiction("it begins elsewhere"));
    }
    let mut last: i32 = asked.parse().unwrap_or_default();
    for number in page.parts().iter().map(types::Part::part_number) {
        let in_order = number.filter(|number| *number > last && NUMBERS.contains(number));
        last = in_order.ok_or_else(|| contradiction("its numbers are out of order"))?;
    }
    let next = page.next_part_number_marker().unwrap_or_default();
    let follows = next.parse().is_ok_and(|next: i32| next >= last && next > 0);
    if page.is_truncated() == Some(true) && (!follows || next == asked) {
        return Err(contradiction("it does not say where it continues"));
    }
    Ok(())
}

fn contradiction(what: &str) -> Failure {
    Failure::protocol(format!("a list of parts contradicts itself: {what}"))
}

async fn page(session: &Session, marker: Option<String>) -> Result<ListPartsOutput, Failure> {
    let bucket = &session.bucket;
    let retries = retry::retries(ATTEMPTS.min(bucket.max_attempts));
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
        .map_err(Failure::from)
}
