//! Going on with what a killed run has sent.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::TimeDelta;
use s3_endpoint::{Action, Fault};
use sync_core::NewEntry;
use sync_core::{Expected, Store as _, Writer, checksum::Crc64};

use super::{BUCKET, Fixture, bytes, entry, store};
use crate::{
    Checksums, ContentType, Encryption, ObjectSettings, OpenUpload, S3Options, UploadJournal,
};

const PART: usize = 5 * 1024 * 1024;
const LEN: usize = 2 * PART + 7;

/// What an earlier run left, and nothing else.
#[derive(Debug, Default)]
struct Left(Mutex<Vec<OpenUpload>>);

impl UploadJournal for Left {
    fn record(&self, _: &OpenUpload) -> std::io::Result<()> {
        Ok(())
    }

    fn remove(&self, upload_id: &str) {
        let mut open = self.0.lock().unwrap();
        open.retain(|upload| upload.upload_id != upload_id);
    }

    fn pending(&self) -> std::io::Result<Vec<OpenUpload>> {
        Ok(self.0.lock().unwrap().clone())
    }
}

/// A server on which a killed run has left an upload of `a` with its first
/// two parts, and the store of the next run.
async fn after_a_kill(sent: &Bytes, change: impl FnOnce(&mut S3Options)) -> (Fixture, Arc<Left>) {
    let killed = Fixture::new().await;
    let writer = begin(&killed).await;
    for (start, part) in cut(sent).into_iter().take(2) {
        writer.part(start, part.clone().into()).await.unwrap();
    }
    std::mem::forget(writer);
    let left = killed.server.open_uploads(BUCKET).into_iter();
    let left = left.map(|upload| OpenUpload {
        key: upload.key,
        upload_id: upload.upload_id,
        settings: String::new(),
        covers: None,
    });
    let journal = Arc::new(Left(Mutex::new(left.collect())));
    let of_next = Arc::clone(&journal);
    let next = store(&killed.server, |options| {
        options.journal = Some(of_next);
        change(options);
    });
    let fixture = Fixture {
        store: next.await,
        server: killed.server,
    };
    fixture.server.clear_log();
    (fixture, journal)
}

async fn begin(fixture: &Fixture) -> Box<dyn Writer> {
    let entry = NewEntry::from(&entry("a", LEN));
    let begun = fixture.store.write(&entry, PART as u64, &Expected::Absent);
    begun.await.unwrap()
}

fn cut(all: &Bytes) -> Vec<(u64, Bytes)> {
    let starts = (0..all.len()).step_by(PART);
    starts
        .map(|start| {
            let part = all.slice(start..all.len().min(start + PART));
            (start as u64, part)
        })
        .collect()
}

/// Uploads `all`, and how many parts were sent.
async fn upload(fixture: &Fixture, all: &Bytes) -> usize {
    let writer = begin(fixture).await;
    for (start, part) in cut(all) {
        writer.part(start, part.into()).await.unwrap();
    }
    writer.commit(Crc64::of(all)).await.unwrap();
    assert_eq!(fixture.body("a").as_ref(), Some(all));
    fixture.server.count("UploadPart")
}

#[tokio::test]
async fn parts_that_are_there_are_not_sent_again() {
    let (fixture, journal) = after_a_kill(&bytes(LEN), |_| {}).await;
    assert_eq!(upload(&fixture, &bytes(LEN)).await, 1);
    assert_eq!(fixture.server.count("CreateMultipartUpload"), 0);
    assert_eq!(fixture.server.count("ListParts"), 1);
    assert_eq!(fixture.store.resumed_bytes(), 2 * PART as u64);
    assert!(journal.pending().unwrap().is_empty());
    assert_eq!(fixture.server.open_uploads(BUCKET), []);
}

/// AWS would date the object before its file, and the next run send all of it.
#[tokio::test]
async fn an_upload_begun_before_the_file_had_its_last_change_is_begun_anew() {
    let modified = entry("a", LEN).modified;
    for (covers, parts, begun) in [
        (modified - TimeDelta::nanoseconds(1), 3, 1),
        (modified, 1, 0),
    ] {
        let (fixture, journal) = after_a_kill(&bytes(LEN), |_| {}).await;
        journal.0.lock().unwrap()[0].covers = Some(covers);
        assert_eq!(upload(&fixture, &bytes(LEN)).await, parts);
        assert_eq!(fixture.server.count("CreateMultipartUpload"), begun);
        assert_eq!(fixture.store.abort_left_uploads().await.aborted, begun);
        assert_eq!(fixture.server.open_uploads(BUCKET), []);
    }
}

#[tokio::test]
async fn a_part_that_is_not_the_same_any_more_is_sent_again() {
    let old = bytes(LEN);
    let mut new = old.to_vec();
    new[PART - 1] ^= 1;
    let (fixture, _) = after_a_kill(&old, |_| {}).await;
    assert_eq!(upload(&fixture, &new.into()).await, 2);
    assert_eq!(fixture.store.resumed_bytes(), PART as u64);
}

#[tokio::test]
async fn an_upload_that_is_gone_is_begun_anew() {
    let (fixture, journal) = after_a_kill(&bytes(LEN), |_| {}).await;
    let gone = journal.pending().unwrap();
    store(&fixture.server, |options| {
        options.journal = Some(Arc::new(Left(Mutex::new(gone))));
    })
    .await
    .abort_left_uploads()
    .await;
    fixture.server.clear_log();
    assert_eq!(upload(&fixture, &bytes(LEN)).await, 3);
    assert!(journal.pending().unwrap().is_empty());
}

#[tokio::test]
async fn where_parts_cannot_be_listed_the_upload_is_begun_anew_and_the_old_one_stays_noted() {
    let (fixture, journal) = after_a_kill(&bytes(LEN), |_| {}).await;
    let denied = Action::error(403, "AccessDenied");
    fixture
        .server
        .inject(Fault::on("ListParts").always().act(denied));
    assert_eq!(upload(&fixture, &bytes(LEN)).await, 3);
    assert_eq!(journal.pending().unwrap().len(), 1);
}

/// Without a sum of each part, nothing proves that it is the file's.
#[tokio::test]
async fn nothing_is_kept_without_a_checksum_to_prove_it() {
    for checksums in [Checksums::None, Checksums::Crc32] {
        let change = |options: &mut S3Options| options.checksums = checksums;
        let (fixture, _) = after_a_kill(&bytes(LEN), change).await;
        assert_eq!(upload(&fixture, &bytes(LEN)).await, 3, "{checksums:?}");
    }
}

#[tokio::test]
async fn a_server_that_lists_parts_without_sums_keeps_none() {
    let (fixture, _) = after_a_kill(&bytes(LEN), |_| {}).await;
    let strip = Action::edit(|answer| {
        let text = String::from_utf8(answer.body.clone()).unwrap();
        answer.body = text.replace("ChecksumCRC64NVME", "Other").into_bytes();
    });
    let listed = fixture
        .server
        .inject(Fault::on("ListParts").always().act(strip));
    assert_eq!(upload(&fixture, &bytes(LEN)).await, 3);
    assert_eq!(listed.count(), 1);
}

#[tokio::test]
async fn what_was_begun_with_other_settings_is_begun_anew_and_the_old_one_aborted() {
    let change: [fn(&mut ObjectSettings); 6] = [
        |it| it.storage_class = Some("GLACIER".to_owned()),
        |it| it.encryption = Some(Encryption::S3),
        |it| it.encryption = Some(Encryption::Kms(Some("key".to_owned()))),
        |it| it.acl = Some("private".to_owned()),
        |it| it.content_type = ContentType::Guess,
        |it| it.cache_control = Some("no-cache".to_owned()),
    ];
    for change in change {
        let (fixture, journal) = after_a_kill(&bytes(LEN), |it| change(&mut it.objects)).await;
        assert_eq!(upload(&fixture, &bytes(LEN)).await, 3);
        assert_eq!(fixture.server.count("ListParts"), 0);
        assert_eq!(journal.pending().unwrap().len(), 1);
        assert_eq!(fixture.store.abort_left_uploads().await.aborted, 1);
        assert_eq!(fixture.server.open_uploads(BUCKET), []);
    }
}

#[tokio::test]
async fn what_was_begun_with_the_same_settings_is_gone_on_with() {
    let settings = ObjectSettings {
        storage_class: Some("GLACIER".to_owned()),
        ..ObjectSettings::default()
    };
    let digest = settings.digest();
    let (fixture, journal) = after_a_kill(&bytes(LEN), |it| it.objects = settings).await;
    journal.0.lock().unwrap()[0].settings = digest;
    assert_eq!(upload(&fixture, &bytes(LEN)).await, 1);
    assert_eq!(fixture.server.count("CreateMultipartUpload"), 0);
}

/// Nothing of a list of parts that contradicts itself is believed.
#[tokio::test]
async fn a_list_of_parts_that_contradicts_itself_keeps_none() {
    for (from, to) in [
        ("<Key>a<", "<Key>b<"),
        ("<UploadId>", "<UploadId>x"),
        ("<PartNumber>2<", "<PartNumber>1<"),
        ("<PartNumber>1<", "<PartNumber>0<"),
        ("<PartNumber>2<", "<PartNumber>10001<"),
        ("<IsTruncated>false<", "<IsTruncated>true<"),
    ] {
        let (fixture, journal) = after_a_kill(&bytes(LEN), |_| {}).await;
        let change = Action::edit(move |answer| {
            let text = String::from_utf8(answer.body.clone()).unwrap();
            assert!(text.contains(from), "{from}: {text}");
            let text = text.replace(from, to);
            // Where it continues is not said.
            answer.body = text.replace("NextPartNumberMarker", "Other").into_bytes();
        });
        fixture
            .server
            .inject(Fault::on("ListParts").always().act(change));
        assert_eq!(upload(&fixture, &bytes(LEN)).await, 3, "{from}");
        assert_eq!(fixture.store.resumed_bytes(), 0, "{from}");
        assert_eq!(journal.pending().unwrap().len(), 1, "{from}");
    }
}
