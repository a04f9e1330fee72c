//! What is left open by a run that was killed: found and aborted, and nothing
//! of others with it.

use std::io;
use std::sync::{Arc, Mutex};

use s3_endpoint::{Action, Fault};
use sync_core::NewEntry;
use sync_core::{ErrorKind, Expected, Result, Store as _, Writer, checksum::Crc64};

use super::{BUCKET, Fixture, bytes, entry, store};
use crate::{LeftUploads, OpenUpload, S3Store, UploadJournal};

const PART: usize = 5 * 1024 * 1024;

/// A journal in memory; `full` is why it cannot be written or read.
#[derive(Debug, Default)]
pub(super) struct Memory {
    open: Mutex<Vec<OpenUpload>>,
    full: Option<&'static str>,
}

impl Memory {
    fn keys(&self) -> Vec<String> {
        let open = self.open.lock().unwrap();
        open.iter().map(|upload| upload.key.clone()).collect()
    }

    fn check(&self) -> io::Result<()> {
        self.full.map_or(Ok(()), |why| Err(io::Error::other(why)))
    }
}

impl UploadJournal for Memory {
    fn record(&self, upload: &OpenUpload) -> io::Result<()> {
        self.check()?;
        self.open.lock().unwrap().push(upload.clone());
        Ok(())
    }

    fn remove(&self, upload_id: &str) {
        let mut open = self.open.lock().unwrap();
        open.retain(|upload| upload.upload_id != upload_id);
    }

    fn pending(&self) -> io::Result<Vec<OpenUpload>> {
        self.check()?;
        Ok(self.open.lock().unwrap().clone())
    }
}

/// A store below `p/` with this journal.
async fn fixture(journal: &Arc<Memory>) -> Fixture {
    let journal = Arc::clone(journal);
    Fixture::with_options(|options| {
        options.location = "bucket/p/".parse().unwrap();
        options.journal = Some(journal);
    })
    .await
}

async fn begin(store: &S3Store, name: &str) -> Result<Box<dyn Writer>> {
    let entry = entry(name, PART + 1);
    store
        .write(&NewEntry::from(&entry), PART as u64, &Expected::Absent)
        .await
}

/// An upload that nobody ends, as of a run that was killed.
async fn leave(store: &S3Store, name: &str) {
    std::mem::forget(begin(store, name).await.unwrap());
}

/// An upload of somebody else, who has no part in our journal.
async fn foreign(fixture: &Fixture, name: &str) {
    leave(&store(&fixture.server, |_| {}).await, name).await;
}

fn open(fixture: &Fixture) -> Vec<String> {
    let uploads = fixture.server.open_uploads(BUCKET);
    uploads.into_iter().map(|upload| upload.key).collect()
}

#[track_caller]
fn aborted(left: &LeftUploads, count: usize) {
    assert!(left.failed.is_empty(), "{left:?}");
    assert_eq!(left.aborted, count);
}

#[tokio::test]
async fn only_what_we_left_is_aborted() {
    let journal = Arc::default();
    let fixture = fixture(&journal).await;
    foreign(&fixture, "p/a").await;
    foreign(&fixture, "p/theirs").await;
    leave(&fixture.store, "a").await;
    leave(&fixture.store, "b").await;
    assert_eq!(journal.keys(), ["p/a", "p/b"]);

    aborted(&fixture.store.abort_left_uploads().await, 2);
    assert_eq!(open(&fixture), ["p/a", "p/theirs"]);
    assert!(journal.keys().is_empty());

    fixture.server.clear_log();
    aborted(&fixture.store.abort_left_uploads().await, 0);
    assert!(fixture.server.log().is_empty(), "no request for nothing");
}

#[tokio::test]
async fn what_ended_is_forgotten() {
    let journal = Arc::default();
    let fixture = fixture(&journal).await;
    let body = bytes(PART + 1);
    let writer = begin(&fixture.store, "done").await.unwrap();
    assert_eq!(journal.keys(), ["p/done"], "noted before the first part");
    for (start, part) in [(0, body.slice(..PART)), (PART, body.slice(PART..))] {
        writer.part(start as u64, part.into()).await.unwrap();
    }
    writer.commit(Crc64::of(&body)).await.unwrap();
    assert!(journal.keys().is_empty());

    begin(&fixture.store, "stopped")
        .await
        .unwrap()
        .abort()
        .await;
    assert!(journal.keys().is_empty());

    let writer = begin(&fixture.store, "lacks parts").await.unwrap();
    writer.commit(Crc64::EMPTY).await.unwrap_err();
    assert!(journal.keys().is_empty());
}

#[tokio::test]
async fn what_is_gone_already_is_forgotten_too() {
    let journal = Arc::default();
    let fixture = fixture(&journal).await;
    leave(&fixture.store, "a").await;
    // The abort is carried out, but nobody learns of it.
    let lost = Fault::on("AbortMultipartUpload").always();
    fixture.server.inject(lost.act(Action::LoseAnswer));
    assert_eq!(fixture.store.abort_left_uploads().await.aborted, 0);
    fixture.server.clear_faults();

    aborted(&fixture.store.abort_left_uploads().await, 0);
    assert!(journal.keys().is_empty());
}

#[tokio::test]
async fn what_could_not_be_aborted_stays_noted() {
    let journal = Arc::default();
    let fixture = fixture(&journal).await;
    let denied = Fault::on("AbortMultipartUpload").key("p/a").always();
    let hits = fixture
        .server
        .inject(denied.act(Action::error(403, "AccessDenied")));
    begin(&fixture.store, "a").await.unwrap().abort().await;
    assert_eq!(hits.count(), 1);
    leave(&fixture.store, "b").await;

    let left = fixture.store.abort_left_uploads().await;
    assert_eq!(left.aborted, 1, "the other one");
    let text = left.failed[0].to_string();
    assert!(text.starts_with("cannot abort the unfinished upload of 'a': "));
    assert!(text.contains("s3:AbortMultipartUpload"), "{text}");
    assert_eq!(journal.keys(), ["p/a"]);

    fixture.server.clear_faults();
    aborted(&fixture.store.abort_left_uploads().await, 1);
    assert!(open(&fixture).is_empty());
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_uploaded() {
    let journal = Arc::new(Memory {
        full: Some("'uploads.jsonl': no space"),
        ..Memory::default()
    });
    let fixture = fixture(&journal).await;
    let error = begin(&fixture.store, "a").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert_eq!(
        error.to_string(),
        "cannot upload 'a': the journal of open uploads fails: 'uploads.jsonl': no space"
    );
    assert!(open(&fixture).is_empty());
    assert_eq!(fixture.server.count("UploadPart"), 0);

    let left = fixture.store.abort_left_uploads().await;
    assert!(left.failed[0].to_string().contains("'uploads.jsonl'"));
}
