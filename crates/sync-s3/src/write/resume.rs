//! Resumes an upload that a killed run has left open.
//!
//! The file is read and summed as usual; only the parts that the server has already are
//! not sent again. A part is reused only if its number, its size and the CRC64NVME that
//! the server computed are those of the file's part now. A part that has changed is
//! sent again, and the server checks the sum of the whole at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aws_sdk_s3::operation::list_parts::ListPartsOutput;
use aws_sdk_s3::types;
use sync_core::{NewEntry, checksum::Crc64};

use crate::bucket::Bucket;
use crate::checksum;
use crate::client::retry;
use crate::error::Failure;
use crate::write::session::{PartAnswer, Session};

/// Resuming only saves work: it is not worth many attempts.
const ATTEMPTS: u32 = 3;

/// Pages of 1,000 parts, of which there are 10,000 at most.
const PAGES: usize = 20;

/// The numbers that parts may have.
const NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

/// The parts that the server has already.
#[derive(Debug, Default)]
pub(crate) struct Kept(HashMap<i32, KeptPart>);

#[derive(Debug)]
struct KeptPart {
    etag: String,
    len: u64,
    checksum: Crc64,
}

impl Kept {
    /// What the server says about part `number`, if it has exactly these bytes.
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

/// A pending upload of an earlier run that can be resumed, with its parts; `None` if
/// there is none. The others stay in the journal, to be aborted.
///
/// AWS dates an object by the beginning of its upload. An upload that was begun before
/// the last change of the file would make an object older than the file, which the
/// next run would send again as a whole; so a new one is begun.
pub(crate) async fn resume(bucket: &Arc<Bucket>, entry: &NewEntry) -> Option<(Session, Kept)> {
    if !bucket.sums_whole_uploads() {
        return None;
    }
    let key = &entry.key;
    let full_key = bucket.full_key(key);
    let mut pending = bucket.journal.as_ref()?.pending().ok()?;
    // An object gets the settings with which its upload was begun, not those of
    // now.
    pending.retain(|upload| {
        upload.key == full_key
            && upload.settings == bucket.settings_mark(&upload.upload_id)
            && upload.covers.is_none_or(|covers| entry.changed <= covers)
    });
    // The latest first.
    for upload in pending.into_iter().rev() {
        let session = Session {
            bucket: Arc::clone(bucket),
            key: key.clone(),
            id: upload.upload_id,
            names_key: AtomicBool::new(false),
        };
        match parts(&session).await {
            Ok(kept) if !kept.0.is_empty() => {
                let (key, parts) = (key.as_str(), kept.0.len());
                tracing::info!(key, parts, "resumes an upload of an earlier run");
                return Some((session, kept));
            }
            Err(failure) if failure.has_code(&["NoSuchUpload"]) => session.forget(),
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

/// Refuses a list of parts that contradicts itself or belongs to another upload: then
/// the file is uploaded from its start.
fn check(session: &Session, marker: Option<&str>, page: &ListPartsOutput) -> Result<(), Failure> {
    let full_key = session.bucket.full_key(&session.key);
    let is_other = |echoed: Option<&str>, asked: &str| {
        echoed.is_some_and(|echoed| !echoed.is_empty() && echoed != asked)
    };
    // The name of the bucket may differ from that in the request.
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
    bucket
        .client
        .list_parts()
        .bucket(bucket.location.bucket())
        .key(bucket.key_label(&session.key))
        .upload_id(&session.id)
        .set_part_number_marker(marker)
        .customize()
        .config_override(retry::at_most(ATTEMPTS.min(bucket.max_attempts)))
        .send()
        .await
        .map_err(Failure::from)
}
