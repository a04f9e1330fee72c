//! Servers that treat conditions, ETags and checksums otherwise than AWS: a run
//! notices it, loses nothing, and pays for it once.

use std::time::{Duration, Instant};

use s3_endpoint::{Action, Config, Fault, IfMatch, Sums};
use sync_core::NewEntry;
use sync_core::store::read_bytes;
use sync_core::{Entry, ErrorKind, Expected, Listed, Store as _, checksum::Crc64};

use super::{BUCKET, Fixture, bytes, entry, key};
use crate::{Conditions, S3Options};

/// A server, and a store that knows nothing of it.
async fn stranger(change: impl FnOnce(&mut Config)) -> Fixture {
    let mut config = Config::with_bucket(BUCKET);
    config.min_part_size = false;
    change(&mut config);
    Fixture::with(config, |options| options.conditions = Conditions::Auto).await
}

/// One that is known to be as AWS is.
async fn acquaintance(change: impl FnOnce(&mut S3Options)) -> Fixture {
    let config = Config {
        min_part_size: false,
        ..Config::with_bucket(BUCKET)
    };
    Fixture::with(config, change).await
}

/// What is sent in three parts, and how large they are in bytes.
const LARGE: usize = 2_500;
const PART: u64 = 1_000;

fn servers() -> [(&'static str, bool, IfMatch); 5] {
    [
        ("standard", true, IfMatch::Standard),
        ("unquoted", true, IfMatch::Unquoted),
        ("never", true, IfMatch::Never),
        ("unknown", true, IfMatch::Unknown),
        ("ignored", false, IfMatch::Standard),
    ]
}

async fn server(conditions: bool, if_match: IfMatch) -> Fixture {
    stranger(|config| {
        config.conditions = conditions;
        config.if_match = if_match;
    })
    .await
}

/// Objects as a listing shows them.
async fn listed(fixture: &Fixture) -> Vec<Entry> {
    let mut entries = Vec::new();
    for item in fixture.list().await.unwrap() {
        if let Listed::Entry(entry) = item {
            entries.push(entry);
        }
    }
    entries
}

async fn objects(fixture: &Fixture, count: usize) -> Vec<Entry> {
    for n in 0..count {
        fixture
            .server
            .put(BUCKET, &format!("k{n}"), format!("old {n}"), None);
    }
    let entries = listed(fixture).await;
    assert_eq!(entries.len(), count);
    fixture.server.clear_log();
    entries
}

async fn in_parts(fixture: &Fixture, name: &str, expected: &Expected) -> sync_core::Result<()> {
    let body = bytes(LARGE);
    let new = entry(name, body.len());
    let upload = fixture
        .store
        .write(&NewEntry::from(&new), PART, expected)
        .await?;
    for offset in (0..LARGE as u64).step_by(PART as usize) {
        let end = (offset + PART).min(LARGE as u64);
        let piece = body.slice(offset as usize..end as usize);
        upload.part(offset, piece.into()).await?;
    }
    upload.commit(Crc64::of(&body)).await
}

#[tokio::test]
async fn what_was_expected_is_replaced_and_deleted_at_every_server() {
    for (name, conditions, if_match) in servers() {
        let fixture = server(conditions, if_match).await;
        let entries = objects(&fixture, 12).await;
        for seen in &entries[..6] {
            let expected = Expected::Version(seen.clone());
            fixture
                .put(seen.key.as_str(), "new", expected)
                .await
                .unwrap();
            assert_eq!(fixture.body(seen.key.as_str()).unwrap(), "new", "{name}");
        }
        for seen in &entries[6..8] {
            let expected = Expected::Version(seen.clone());
            in_parts(&fixture, seen.key.as_str(), &expected)
                .await
                .unwrap();
        }
        fixture.put("fresh", "1", Expected::Absent).await.unwrap();
        in_parts(&fixture, "large", &Expected::Absent)
            .await
            .unwrap();
        for result in fixture.store.delete(&entries[8..]).await {
            result.unwrap();
        }
        assert_eq!(fixture.server.objects(BUCKET).len(), 10, "{name}");
    }
}

#[tokio::test]
async fn what_somebody_else_wrote_stays_at_every_server() {
    for (name, conditions, if_match) in servers() {
        // The very first request, and one that comes when all is known.
        for warm in [false, true] {
            let fixture = server(conditions, if_match).await;
            let entries = objects(&fixture, 8).await;
            if warm {
                let expected = Expected::Version(entries[0].clone());
                fixture.put("k0", "new", expected).await.unwrap();
                let expected = Expected::Version(entries[1].clone());
                in_parts(&fixture, "k1", &expected).await.unwrap();
                for result in fixture.store.delete(&entries[2..4]).await {
                    result.unwrap();
                }
            }
            for n in 4..8 {
                // As long as before, and in the same second.
                fixture
                    .server
                    .put(BUCKET, &format!("k{n}"), format!("NEW {n}"), None);
            }
            fixture.server.put(BUCKET, "fresh", "somebody's", None);
            let is_changed = |result: sync_core::Result<()>| {
                let kind = result.unwrap_err().kind();
                assert_eq!(kind, ErrorKind::Changed, "{name} {warm}");
            };
            let expected = Expected::Version(entries[4].clone());
            is_changed(fixture.put("k4", "new", expected).await);
            let expected = Expected::Version(entries[5].clone());
            is_changed(in_parts(&fixture, "k5", &expected).await);
            is_changed(fixture.put("fresh", "ours", Expected::Absent).await);
            is_changed(in_parts(&fixture, "fresh", &Expected::Absent).await);
            for result in fixture.store.delete(&entries[6..8]).await {
                is_changed(result);
            }
            for n in 4..8 {
                let body = fixture.body(&format!("k{n}")).unwrap();
                assert_eq!(body, format!("NEW {n}"), "{name} {warm}");
            }
            assert_eq!(fixture.body("fresh").unwrap(), "somebody's");
        }
    }
}

/// As docs/prices.md counts them.
#[tokio::test]
async fn a_server_is_tried_once_and_not_for_each_object() {
    const COUNT: usize = 20;
    for (conditions, if_match, puts, heads, looks) in [
        (true, IfMatch::Standard, 1, 1, false),
        (true, IfMatch::Unquoted, 2, 2, false),
        (true, IfMatch::Never, 3, 3, true),
        (true, IfMatch::Unknown, 2, 2, true),
        (false, IfMatch::Standard, 0, 1, true),
    ] {
        let fixture = server(conditions, if_match).await;
        let entries = objects(&fixture, COUNT).await;
        let writes = entries.iter().map(|seen| {
            let expected = Expected::Version(seen.clone());
            fixture.put(seen.key.as_str(), "new", expected)
        });
        for result in futures::future::join_all(writes).await {
            result.unwrap();
        }
        let more = fixture.server.count("PutObject") - COUNT;
        assert_eq!(more, puts, "{if_match:?}");
        // The first object has been looked at by its trial.
        let looks_before = if looks { COUNT - 1 } else { 0 };
        let asked = fixture.server.count("HeadObject");
        assert_eq!(asked, heads + looks_before, "{if_match:?}");
        assert_eq!(fixture.store.notes().is_empty(), !looks);
    }
}

#[tokio::test]
async fn what_a_server_does_not_do_is_noted() {
    for (conditions, if_match, note) in [
        (
            false,
            IfMatch::Standard,
            "ignores the conditions of uploads:",
        ),
        (
            true,
            IfMatch::Never,
            "refuses conditions that hold in uploads:",
        ),
        (
            true,
            IfMatch::Unknown,
            "does not implement conditional uploads:",
        ),
    ] {
        let fixture = server(conditions, if_match).await;
        let entries = objects(&fixture, 3).await;
        for seen in &entries {
            let expected = Expected::Version(seen.clone());
            fixture
                .put(seen.key.as_str(), "new", expected)
                .await
                .unwrap();
        }
        let notes = fixture.store.notes();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains(note), "{notes:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_trusted_is_not_tried() {
    let fixture = acquaintance(|_| {}).await;
    let entries = objects(&fixture, 1).await;
    let expected = Expected::Version(entries[0].clone());
    fixture.put("k0", "new", expected).await.unwrap();
    assert_eq!(fixture.server.log().len(), 1);
}

/// Changes the ETags of listings, or of answers about single objects.
fn edits(fixture: &Fixture, operations: &[&str], change: fn(&str) -> String) {
    for operation in operations {
        let edit = Action::edit(move |answer| {
            if let Some(etag) = answer.headers.get("etag") {
                let changed = change(etag.to_str().unwrap());
                answer.headers.insert("etag", changed.parse().unwrap());
            }
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            if text.contains("<ListBucketResult") {
                let mut pieces = text.split("<ETag>");
                let mut edited = pieces.next().unwrap_or_default().to_owned();
                for piece in pieces {
                    let (etag, rest) = piece.split_once("</ETag>").unwrap();
                    let etag = change(&etag.replace("&quot;", "\""));
                    let etag = etag.replace('"', "&quot;");
                    edited += &format!("<ETag>{etag}</ETag>{rest}");
                }
                answer.body = edited.into_bytes();
            }
        });
        fixture
            .server
            .inject(Fault::on(operation).always().act(edit));
    }
}

const LIST: &[&str] = &["ListObjectsV2"];
const ANSWERS: &[&str] = &["HeadObject", "GetObject"];

/// What becomes of ETags, and in which requests.
type Spelling = (&'static [&'static str], fn(&str) -> String);

/// How ETags are written, where: all of the same version.
fn spellings() -> Vec<Spelling> {
    fn other(etag: &str) -> String {
        format!(
            "\"{}\"",
            etag.trim_matches('"').chars().rev().collect::<String>()
        )
    }
    fn inner(etag: &str, suffix: &str) -> String {
        format!("\"{}{suffix}\"", etag.trim_matches('"'))
    }
    vec![
        (LIST, |etag| format!("W/{etag}")),
        (ANSWERS, |etag| format!("W/{etag}")),
        (ANSWERS, |etag| inner(etag, "-gzip")),
        (ANSWERS, |etag| format!("W/{}", inner(etag, "--gzip"))),
        (LIST, |etag| etag.trim_matches('"').to_owned()),
        (LIST, str::to_ascii_uppercase),
        (ANSWERS, str::to_ascii_uppercase),
        (LIST, |_| String::new()),
        (ANSWERS, |_| "\"\"".to_owned()),
        (LIST, other),
        (ANSWERS, other),
    ]
}

#[tokio::test]
async fn objects_are_recognised_however_their_etags_are_written() {
    for (number, (operations, change)) in spellings().into_iter().enumerate() {
        let fixture = stranger(|_| {}).await;
        edits(&fixture, operations, change);
        let entries = objects(&fixture, 6).await;
        for (n, seen) in entries.iter().enumerate() {
            let read = read_bytes(&fixture.store, seen, 0..seen.size).await;
            assert_eq!(read.unwrap(), format!("old {n}"), "{number}");
            let part = read_bytes(&fixture.store, seen, 1..3).await;
            assert_eq!(part.unwrap(), "ld", "{number}");
            fixture.store.digest(seen).await.unwrap();
        }
        for seen in &entries[..2] {
            let expected = Expected::Version(seen.clone());
            fixture
                .put(seen.key.as_str(), "new", expected)
                .await
                .unwrap();
            assert_eq!(fixture.body(seen.key.as_str()).unwrap(), "new", "{number}");
        }
        let expected = Expected::Version(entries[2].clone());
        in_parts(&fixture, "k2", &expected).await.unwrap();
        for result in fixture.store.delete(&entries[3..]).await {
            result.unwrap();
        }
        assert_eq!(fixture.server.objects(BUCKET).len(), 3, "{number}");
    }
}

#[tokio::test]
async fn another_version_is_noticed_however_etags_are_written() {
    for (number, (operations, change)) in spellings().into_iter().enumerate() {
        let fixture = stranger(|_| {}).await;
        edits(&fixture, operations, change);
        let entries = objects(&fixture, 4).await;
        for n in 0..4 {
            // Its size tells, too, where there is no ETag.
            fixture
                .server
                .put(BUCKET, &format!("k{n}"), format!("newer {n}"), None);
        }
        let read = read_bytes(&fixture.store, &entries[0], 0..entries[0].size).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Changed, "{number}");
        let expected = Expected::Version(entries[1].clone());
        let put = fixture.put("k1", "ours", expected).await;
        assert_eq!(put.unwrap_err().kind(), ErrorKind::Changed, "{number}");
        for result in fixture.store.delete(&entries[2..]).await {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Changed, "{number}");
        }
        assert_eq!(fixture.server.objects(BUCKET).len(), 4);
    }
}

#[tokio::test]
async fn a_version_of_the_same_size_and_second_is_noticed_by_its_etag() {
    for (operations, change) in spellings() {
        if change("\"a\"").trim_matches('"').is_empty() {
            continue;
        }
        let fixture = stranger(|_| {}).await;
        edits(&fixture, operations, change);
        let entries = objects(&fixture, 3).await;
        for n in 0..3 {
            fixture
                .server
                .put(BUCKET, &format!("k{n}"), format!("OLD {n}"), None);
        }
        let read = read_bytes(&fixture.store, &entries[0], 0..entries[0].size).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Changed);
        let expected = Expected::Version(entries[1].clone());
        let put = fixture.put("k1", "ours", expected).await;
        assert_eq!(put.unwrap_err().kind(), ErrorKind::Changed);
        let deleted = fixture.store.delete(&entries[2..]).await;
        assert_eq!(deleted[0].as_ref().unwrap_err().kind(), ErrorKind::Changed);
        assert_eq!(fixture.server.objects(BUCKET).len(), 3);
    }
}

#[tokio::test]
async fn content_md5_is_sent_where_it_is_demanded() {
    let fixture = stranger(|config| config.needs_md5 = true).await;
    let entries = objects(&fixture, 5).await;
    for n in 0..4 {
        fixture
            .put(&format!("new {n}"), "1", Expected::Absent)
            .await
            .unwrap();
    }
    in_parts(&fixture, "large", &Expected::Absent)
        .await
        .unwrap();
    fixture.server.clear_log();
    for result in fixture.store.delete(&entries).await {
        result.unwrap();
    }
    assert_eq!(fixture.server.objects(BUCKET).len(), 5);
    // In one batch, but for the trial; all of them with the header.
    assert_eq!(fixture.server.count("DeleteObject"), 0);
    assert_eq!(fixture.server.count("DeleteObjects"), 3);
    for sent in fixture.server.log() {
        let is_batch = sent.operation == "DeleteObjects";
        assert_eq!(sent.header("content-md5").is_some(), is_batch, "{sent:?}");
    }
}

#[tokio::test]
async fn only_the_sums_that_the_server_gave_are_sent_back() {
    let fixture = stranger(|config| config.checksums = Sums::Ignored).await;
    in_parts(&fixture, "large", &Expected::Absent)
        .await
        .unwrap();
    assert_eq!(fixture.body("large").unwrap().len(), LARGE);
}

#[tokio::test]
async fn the_algorithm_is_named_as_object_locks_demand() {
    let fixture = acquaintance(|_| {}).await;
    fixture.put("a", "1", Expected::Absent).await.unwrap();
    in_parts(&fixture, "b", &Expected::Absent).await.unwrap();
    let log = fixture.server.log();
    let carries_content = ["PutObject", "UploadPart"];
    let sent: Vec<_> = log
        .iter()
        .filter(|entry| carries_content.contains(&entry.operation))
        .collect();
    assert_eq!(sent.len(), 4);
    for entry in sent {
        let named = entry.header("x-amz-sdk-checksum-algorithm");
        assert_eq!(named, Some("CRC64NVME"), "{entry:?}");
    }
}

/// The answer that belongs to another upload, whether or not it tells a sum.
fn foreign(operation: &str, with_sum: bool) -> Fault {
    let edit = Action::edit(move |answer| {
        let etag = "\"5d41402abc4b2a76b9719d911017c592\"";
        answer.headers.insert("etag", etag.parse().unwrap());
        if with_sum {
            let sum = "rosUhgp5mIg=".parse().unwrap();
            answer.headers.insert("x-amz-checksum-crc64nvme", sum);
        } else {
            answer.headers.remove("x-amz-checksum-crc64nvme");
        }
    });
    Fault::on(operation).act(edit)
}

#[tokio::test]
async fn the_answer_of_another_upload_is_settled_by_a_look() {
    for with_sum in [true, false] {
        // What was sent is there.
        let fixture = acquaintance(|_| {}).await;
        fixture.server.inject(foreign("PutObject", with_sum));
        fixture.put("a", "1", Expected::Absent).await.unwrap();
        assert_eq!(fixture.server.count("HeadObject"), 1, "{with_sum}");
        assert_eq!(fixture.server.count("PutObject"), 1, "{with_sum}");

        // Something else is there.
        let fixture = acquaintance(|_| {}).await;
        fixture.server.inject(foreign("PutObject", with_sum));
        let replaced = Action::run(|state| state.put(BUCKET, "a", "2", None));
        fixture
            .server
            .inject(Fault::on("HeadObject").always().act(replaced));
        let error = fixture.put("a", "1", Expected::Absent).await.unwrap_err();
        assert!(error.to_string().contains("'a'"), "{error}");
        assert_eq!(fixture.body("a").unwrap(), "2", "{with_sum}");
    }
}

/// As a network answers that asks who is there, before it lets anything pass.
#[tokio::test]
async fn an_answer_that_says_nothing_of_an_upload_is_settled_by_a_look() {
    let page = || {
        Fault::on("PutObject").act(Action::edit(|answer| {
            answer.headers.remove("etag");
            answer.headers.remove("x-amz-checksum-crc64nvme");
            answer.body = b"<html>who are you?</html>".to_vec();
        }))
    };
    // What was sent is there.
    let fixture = acquaintance(|_| {}).await;
    fixture.server.inject(page());
    fixture.put("a", "1", Expected::Absent).await.unwrap();
    assert_eq!(fixture.server.count("HeadObject"), 1);
    assert_eq!(fixture.server.count("PutObject"), 1);

    // It is not, so it is sent again.
    let fixture = acquaintance(|_| {}).await;
    fixture.server.inject(page());
    let lose = Action::run(|state| drop(state.remove(BUCKET, "a")));
    fixture.server.inject(Fault::on("HeadObject").act(lose));
    fixture.put("a", "1", Expected::Absent).await.unwrap();
    assert_eq!(fixture.server.count("PutObject"), 2);
    assert_eq!(fixture.body("a").unwrap(), "1");
}

#[tokio::test]
async fn the_answer_of_another_part_makes_it_go_again() {
    for with_sum in [true, false] {
        let fixture = acquaintance(|_| {}).await;
        // A sum that was compared before makes it known what ETags are.
        fixture.put("small", "1", Expected::Absent).await.unwrap();
        fixture.server.inject(foreign("UploadPart", with_sum));
        in_parts(&fixture, "large", &Expected::Absent)
            .await
            .unwrap();
        assert_eq!(fixture.server.count("UploadPart"), 4, "{with_sum}");
        assert_eq!(fixture.body("large").unwrap(), bytes(LARGE));
    }
}

#[tokio::test]
async fn a_server_whose_etags_are_no_md5s_is_as_good() {
    let fixture = stranger(|config| {
        config.fast_etags = true;
        config.checksums = Sums::Ignored;
    })
    .await;
    fixture.put("a", "1", Expected::Absent).await.unwrap();
    in_parts(&fixture, "b", &Expected::Absent).await.unwrap();
    fixture.put("c", "12", Expected::Absent).await.unwrap();
    fixture.put("d", "123", Expected::Absent).await.unwrap();
    assert_eq!(fixture.server.objects(BUCKET).len(), 4);
    // A store that knows nothing of it yet.
    let reader = super::store(&fixture.server, |_| {}).await;
    for name in ["a", "c", "d"] {
        let seen = reader.stat(&key(name)).await.unwrap().unwrap();
        read_bytes(&reader, &seen, 0..seen.size).await.unwrap();
    }
}

#[tokio::test]
async fn damage_is_noticed_by_an_etag_that_is_an_md5() {
    // Whether another object shows what ETags are here.
    for others in [0, 1, 4] {
        let fixture = stranger(|config| config.checksums = Sums::Checked).await;
        for n in 0..others {
            fixture.object(&format!("other {n}"), format!("{n}")).await;
        }
        let seen = fixture.object("a", "hello").await;
        let flip = || Action::FlipBit { offset: 1 };
        let once = fixture
            .server
            .inject(Fault::on("GetObject").key("a").act(flip()));
        let read = read_bytes(&fixture.store, &seen, 0..5).await;
        assert_eq!(read.unwrap(), "hello", "{others}");
        assert_eq!(once.count(), 1);
        fixture
            .server
            .inject(Fault::on("GetObject").key("a").always().act(flip()));
        let error = read_bytes(&fixture.store, &seen, 0..5).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{others}");
        assert!(error.to_string().contains("ETag"), "{error}");
    }
}

#[tokio::test]
async fn what_is_in_the_way_is_told_at_once() {
    // An empty directory may be what is in the way: one more attempt.
    for (attempts, status, code, message) in [
        (
            1,
            400,
            "XMinioParentIsObject",
            "Object-prefix is already an object",
        ),
        (
            2,
            409,
            "XMinioObjectExistsAsDirectory",
            "Object name already exists as a directory.",
        ),
        (
            1,
            500,
            "InternalError",
            "We encountered an internal error: cause(not a directory)",
        ),
        (2, 500, "InternalError", "open /data/a: is a directory"),
    ] {
        let fixture = acquaintance(|options| options.max_attempts = 10).await;
        let refused = Action::Error {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            headers: Vec::new(),
        };
        let hits = fixture
            .server
            .inject(Fault::on("PutObject").always().act(refused));
        let error = fixture.put("a/b", "1", Expected::Absent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked, "{error}");
        assert_eq!(hits.count(), attempts, "{code}");
    }
}

#[tokio::test]
async fn settings_that_a_server_ignores_are_noted_once() {
    let fixture = acquaintance(|options| {
        options.objects.encryption = Some(crate::Encryption::S3);
        options.objects.storage_class = Some("STANDARD_IA".to_owned());
    })
    .await;
    let forget = Action::edit(|answer| {
        answer.headers.remove("x-amz-server-side-encryption");
        answer.headers.remove("x-amz-storage-class");
    });
    for operation in ["PutObject", "HeadObject"] {
        fixture
            .server
            .inject(Fault::on(operation).always().act(forget.clone()));
    }
    for name in ["a", "b", "c"] {
        fixture.put(name, "1", Expected::Absent).await.unwrap();
    }
    let notes = fixture.store.notes();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("ignores encryption") && notes[1].contains("ignores storage_class"));
    assert_eq!(fixture.server.count("HeadObject"), 1);
}

#[tokio::test]
async fn settings_that_are_obeyed_are_not_noted() {
    let fixture = acquaintance(|options| {
        options.objects.encryption = Some(crate::Encryption::S3);
        options.objects.storage_class = Some("STANDARD_IA".to_owned());
    })
    .await;
    fixture.put("a", "1", Expected::Absent).await.unwrap();
    in_parts(&fixture, "b", &Expected::Absent).await.unwrap();
    assert!(
        fixture.store.notes().is_empty(),
        "{:?}",
        fixture.store.notes()
    );
}

#[tokio::test]
async fn content_md5_is_tried_where_a_batch_is_refused_without_a_reason() {
    let fixture = stranger(|config| config.needs_md5 = true).await;
    let entries = objects(&fixture, 4).await;
    let mute = Action::edit(|answer| {
        if answer.status == 400 {
            answer.body = b"<Error><Code>InvalidRequest</Code></Error>".to_vec();
        }
    });
    fixture
        .server
        .inject(Fault::on("DeleteObjects").always().act(mute));
    for result in fixture.store.delete(&entries).await {
        result.unwrap();
    }
    assert!(fixture.server.objects(BUCKET).is_empty());
    assert_eq!(fixture.server.count("DeleteObject"), 0);
}

#[tokio::test]
async fn a_user_who_may_only_write_needs_no_trial() {
    let fixture = stranger(|_| {}).await;
    let denied = Action::error(403, "AccessDenied");
    fixture
        .server
        .inject(Fault::on("HeadObject").always().act(denied));
    for name in ["a", "b"] {
        fixture.put(name, "1", Expected::Absent).await.unwrap();
    }
    assert_eq!(fixture.server.count("HeadObject"), 1);
}

/// Each answer takes a while, and a refused condition looks like a request that
/// timed out.
#[tokio::test]
async fn writes_do_not_wait_for_a_trial_that_gets_no_answer() {
    const COUNT: usize = 12;
    const WHILE: Duration = Duration::from_millis(500);
    let fixture = stranger(|_| {}).await;
    let entries = objects(&fixture, COUNT).await;
    let timed_out = Action::edit(|answer| {
        if answer.status == 412 {
            answer.status = 400;
            answer.body = b"<Error><Code>RequestTimeout</Code></Error>".to_vec();
        }
    });
    let slowly = Fault::on("PutObject").always().act(Action::Stall(WHILE));
    fixture.server.inject(slowly);
    fixture
        .server
        .inject(Fault::on("PutObject").always().act(timed_out));
    let begun = Instant::now();
    let puts = entries.iter().map(|seen| {
        let expected = Expected::Version(seen.clone());
        fixture.put(seen.key.as_str(), "new", expected)
    });
    let results = futures::future::join_all(puts).await;
    let took = begun.elapsed();
    let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].kind(), ErrorKind::Timeout);
    // The trial had two attempts.
    assert_eq!(fixture.server.count("PutObject"), COUNT + 1);
    // Each of the others was looked at, and sent under its condition.
    assert_eq!(fixture.server.count("HeadObject"), COUNT);
    let is_conditional =
        |entry: &s3_endpoint::Entry| entry.headers.iter().any(|(name, _)| name == "if-match");
    let log = fixture.server.log();
    let mut puts = log.iter().filter(|entry| entry.operation == "PutObject");
    assert!(puts.all(is_conditional));
    assert!(took < WHILE * COUNT as u32 * 3 / 4, "one by one: {took:?}");
    let notes = fixture.store.notes();
    assert!(notes[0].contains("did not answer"), "{notes:?}");

    // What somebody else wrote is left alone.
    fixture.server.put(BUCKET, "k1", "theirs", None);
    let expected = Expected::Version(entries[1].clone());
    let error = fixture.put("k1", "newer", expected).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    assert_eq!(fixture.body("k1").unwrap(), "theirs");
}
