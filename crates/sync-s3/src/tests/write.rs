//! Uploads: conditions, lost answers, damaged bodies, parts.

use bytes::Bytes;
use s3_endpoint::{Action, Answer, Fault};
use sync_core::NewEntry;
use sync_core::store::read_bytes;
use sync_core::{ErrorKind, Expected, Result, Store as _, checksum::Crc64};

use super::{BUCKET, Fixture, bytes, entry};
use crate::{Checksums, Choice, Conditions, Encryption, S3Options};

const PART: usize = 5 * 1024 * 1024;

/// Two parts and a bit, in reverse order.
async fn write(fixture: &Fixture, name: &str, body: &Bytes, expected: &Expected) -> Result<()> {
    let entry = entry(name, body.len());
    let writer = fixture
        .store
        .write(&NewEntry::from(&entry), PART as u64, expected)
        .await?;
    for start in (0..body.len()).step_by(PART).rev() {
        let part = body.slice(start..body.len().min(start + PART));
        writer.part(start as u64, part.into()).await?;
    }
    writer.commit(Crc64::of(body)).await
}

/// Sends `body` as one part or as several.
async fn send(fixture: &Fixture, parts: bool, body: &Bytes, expected: Expected) -> Result<()> {
    if parts {
        write(fixture, "a", body, &expected).await
    } else {
        fixture.put("a", body.clone(), expected).await
    }
}

fn operation(parts: bool) -> &'static str {
    if parts {
        "CompleteMultipartUpload"
    } else {
        "PutObject"
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_is_no_failure() {
    for (parts, checksums) in [
        (false, Checksums::Auto),
        (false, Checksums::Crc32),
        (false, Checksums::None),
        (true, Checksums::Auto),
        (true, Checksums::Crc32),
        (true, Checksums::None),
    ] {
        let fixture = Fixture::with_options(|options| options.checksums = checksums).await;
        fixture
            .server
            .inject(Fault::on(operation(parts)).act(Action::LoseAnswer));
        let body = bytes(PART + 10);
        send(&fixture, parts, &body, Expected::Absent)
            .await
            .unwrap();
        assert_eq!(fixture.body("a").unwrap(), body);

        let first = fixture.stat("a").await.unwrap();
        fixture
            .server
            .inject(Fault::on(operation(parts)).act(Action::LoseAnswer));
        let body = bytes(PART + 11);
        send(&fixture, parts, &body, Expected::Version(first))
            .await
            .unwrap();
        assert_eq!(fixture.body("a").unwrap(), body);
        assert!(fixture.server.open_uploads(BUCKET).is_empty());
    }
}

#[tokio::test]
async fn the_last_attempts_answer_may_be_lost_too() {
    for parts in [false, true] {
        let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
        fixture
            .server
            .inject(Fault::on(operation(parts)).act(Action::LoseAnswer));
        let body = bytes(PART + 10);
        send(&fixture, parts, &body, Expected::Absent)
            .await
            .unwrap();
        assert_eq!(fixture.body("a").unwrap(), body);
    }
}

#[tokio::test]
async fn somebody_elses_object_is_left_alone() {
    for conditions in [Conditions::Server, Conditions::Client] {
        for parts in [false, true] {
            let fixture = Fixture::with_options(|options| options.conditions = conditions).await;
            let body = bytes(PART + 10);
            let seen = fixture.object("a", "seen").await;
            fixture.server.put(BUCKET, "a", "theirs", None);
            for expected in [Expected::Absent, Expected::Version(seen)] {
                let error = send(&fixture, parts, &body, expected).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
                assert!(error.to_string().contains("'a'"), "{error}");
            }
            assert_eq!(fixture.body("a").unwrap(), "theirs");
            assert!(fixture.server.open_uploads(BUCKET).is_empty());
        }
    }
}

/// A first attempt that never arrived, and then somebody else who is quicker:
/// the second attempt's refusal is none of our own doing.
#[tokio::test]
async fn somebody_elses_object_of_the_same_size_is_not_taken_for_ours() {
    for checksums in [Checksums::Auto, Checksums::None] {
        for parts in [false, true] {
            let fixture = Fixture::with_options(|options| options.checksums = checksums).await;
            let theirs = Bytes::from(vec![7; PART + 10]);
            let put = theirs.clone();
            let quicker = Action::run(move |state| state.put(BUCKET, "a", put.clone(), None));
            let operation = operation(parts);
            fixture
                .server
                .inject(Fault::on(operation).act(Action::Reset));
            fixture
                .server
                .inject(Fault::on(operation).nth(2).act(quicker));
            let error = send(&fixture, parts, &bytes(PART + 10), Expected::Absent)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
            assert_eq!(fixture.body("a").unwrap(), theirs);
        }
    }
}

/// The very same content is there, but not by us: there was only one attempt.
#[tokio::test]
async fn the_same_content_by_somebody_else_is_a_change() {
    let fixture = Fixture::new().await;
    fixture.object("a", "same").await;
    let error = fixture
        .put("a", "same", Expected::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
}

#[tokio::test]
async fn a_version_that_is_gone_is_as_good_as_the_version() {
    for conditions in [Conditions::Server, Conditions::Client] {
        for parts in [false, true] {
            let fixture = Fixture::with_options(|options| options.conditions = conditions).await;
            let seen = fixture.object("a", "seen").await;
            fixture.server.remove(BUCKET, "a");
            let body = bytes(PART + 10);
            send(&fixture, parts, &body, Expected::Version(seen))
                .await
                .unwrap();
            assert_eq!(fixture.body("a").unwrap(), body);
        }
    }
}

/// SeaweedFS refuses for the sake of an empty directory of the same name.
#[tokio::test]
async fn a_refusal_for_the_sake_of_nothing_is_overcome() {
    let fixture = Fixture::new().await;
    let refuse = Action::error(412, "PreconditionFailed");
    fixture
        .server
        .inject(Fault::on("PutObject").times(3).act(refuse));
    fixture.put("a", "x", Expected::Absent).await.unwrap();
    let log = fixture.server.log();
    let puts: Vec<_> = log.iter().filter(|e| e.operation == "PutObject").collect();
    let conditional: Vec<_> = puts.iter().map(|put| put.conditional).collect();
    assert_eq!(conditional, [true, true, true, false]);
    assert_eq!(fixture.server.count("HeadObject"), 3);
}

#[tokio::test]
async fn a_conflict_is_tried_again_and_then_named() {
    let fixture = Fixture::new().await;
    let conflict = || Action::error(409, "ConditionalRequestConflict");
    fixture
        .server
        .inject(Fault::on("PutObject").act(conflict()));
    fixture.put("a", "x", Expected::Absent).await.unwrap();
    fixture
        .server
        .inject(Fault::on("PutObject").always().act(conflict()));
    let error = fixture.put("b", "x", Expected::Absent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");

    // Of a completion the whole upload would have to be repeated.
    fixture
        .server
        .inject(Fault::on("CompleteMultipartUpload").act(conflict()));
    let error = write(&fixture, "c", &bytes(PART + 1), &Expected::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(fixture.server.open_uploads(BUCKET).is_empty());
}

/// It reads as an answer without fields; what became of the upload is looked up.
#[tokio::test]
async fn a_completion_whose_answer_was_cut_is_settled_by_a_look() {
    let fixture = Fixture::new().await;
    let cut = |answer: &mut Answer| {
        answer.body = b"<CompleteMultipartUploadResult>".to_vec();
    };
    let fault = Fault::on("CompleteMultipartUpload").always();
    fixture.server.inject(fault.act(Action::edit(cut)));
    let body = bytes(PART + 1);
    let written = write(&fixture, "a", &body, &Expected::Absent).await;
    written.unwrap();
    assert_eq!(fixture.body("a").unwrap(), body);
    assert_eq!(fixture.server.count("HeadObject"), 1);

    // The same words, but nothing was done.
    fixture.server.clear_faults();
    let undone = move |answer: &mut Answer| {
        answer.status = 200;
        cut(answer);
    };
    let fault = Fault::on("CompleteMultipartUpload").always();
    fixture.server.inject(fault.act(Action::edit(undone)));
    let fault = Fault::on("CompleteMultipartUpload").always();
    fixture
        .server
        .inject(fault.act(Action::error(500, "InternalError")));
    let written = write(&fixture, "b", &body, &Expected::Absent).await;
    assert_eq!(written.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(fixture.body("b"), None);
}

#[tokio::test]
async fn a_completion_that_fails_inside_a_200_is_a_failure_or_tried_again() {
    let fixture = Fixture::new().await;
    let internal = || Action::OkWithErrorBody {
        code: "InternalError".to_owned(),
        message: "We encountered an internal error. Please try again.".to_owned(),
    };
    let body = bytes(PART + 1);
    fixture
        .server
        .inject(Fault::on("CompleteMultipartUpload").act(internal()));
    write(&fixture, "a", &body, &Expected::Absent)
        .await
        .unwrap();
    assert_eq!(fixture.body("a").unwrap(), body);

    fixture.server.inject(
        Fault::on("CompleteMultipartUpload")
            .always()
            .act(internal()),
    );
    let error = write(&fixture, "b", &body, &Expected::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(fixture.body("b"), None);
    assert!(fixture.server.open_uploads(BUCKET).is_empty());
}

#[tokio::test]
async fn a_body_damaged_on_its_way_is_sent_again() {
    for (parts, operation) in [(false, "PutObject"), (true, "UploadPart")] {
        for sign in [Choice::Always, Choice::Never] {
            let fixture = Fixture::with_options(|options| options.sign_payload = sign).await;
            let body = bytes(PART + 1);
            let flip = || Action::FlipReceivedBit { offset: 0 };
            fixture
                .server
                .inject(Fault::on(operation).times(2).act(flip()));
            send(&fixture, parts, &body, Expected::Absent)
                .await
                .unwrap();
            assert_eq!(fixture.body("a").unwrap(), body);

            fixture
                .server
                .inject(Fault::on(operation).always().act(flip()));
            let first = fixture.stat("a").await.unwrap();
            let error = send(&fixture, parts, &body, Expected::Version(first))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        }
    }
}

#[tokio::test]
async fn requests_carry_one_sum_and_no_chunks() {
    let fixture = Fixture::new().await;
    let body = bytes(PART + 1);
    fixture
        .put("one", body.clone(), Expected::Absent)
        .await
        .unwrap();
    write(&fixture, "two", &body, &Expected::Absent)
        .await
        .unwrap();
    for entry in fixture.server.log() {
        assert_eq!(entry.header("content-encoding"), None, "{entry:?}");
        assert_eq!(entry.header("x-amz-checksum-crc32"), None, "{entry:?}");
        assert_eq!(entry.header("x-amz-trailer"), None, "{entry:?}");
        if matches!(
            entry.operation,
            "PutObject" | "UploadPart" | "CompleteMultipartUpload"
        ) {
            assert!(
                entry.header("x-amz-checksum-crc64nvme").is_some(),
                "{entry:?}"
            );
        }
    }
    let whole = fixture.stat("two").await.unwrap();
    let digest = fixture.store.digest(&whole).await.unwrap();
    assert_eq!(digest, Some(Crc64::of(&body).into()));
    assert_eq!(
        fixture
            .server
            .object(BUCKET, "one")
            .unwrap()
            .metadata("mtime"),
        None
    );
}

#[tokio::test]
async fn parts_that_are_missing_or_wrong_never_become_an_object() {
    let fixture = Fixture::new().await;
    let body = bytes(PART + 1);
    let entry = NewEntry::from(&entry("a", body.len()));
    let begin = || fixture.store.write(&entry, PART as u64, &Expected::Absent);
    let first = body.slice(..PART);
    let last = body.slice(PART..);

    let writer = begin().await.unwrap();
    writer.part(0, first.clone().into()).await.unwrap();
    let error = writer.commit(Crc64::of(&body)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    let writer = begin().await.unwrap();
    writer.part(0, first.clone().into()).await.unwrap();
    writer.part(PART as u64, last.clone().into()).await.unwrap();
    let error = writer
        .commit(Crc64::of(b"something else"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    let writer = begin().await.unwrap();
    assert!(writer.part(1, last.clone().into()).await.is_err());
    assert!(
        writer
            .part(PART as u64 * 2, last.clone().into())
            .await
            .is_err()
    );
    writer.abort().await;

    assert!(fixture.server.open_uploads(BUCKET).is_empty());
    assert_eq!(fixture.body("a"), None);
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_nothing() {
    let fixture = Fixture::new().await;
    let entry = entry("a", PART + 1);
    let writer = fixture
        .store
        .write(&NewEntry::from(&entry), PART as u64, &Expected::Absent)
        .await
        .unwrap();
    assert_eq!(fixture.server.open_uploads(BUCKET).len(), 1);
    drop(writer);
    for _ in 0..100 {
        if fixture.server.open_uploads(BUCKET).is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the upload is still open");
}

#[tokio::test]
async fn an_empty_entry_can_be_written_in_parts() {
    let fixture = Fixture::new().await;
    write(&fixture, "a", &Bytes::new(), &Expected::Absent)
        .await
        .unwrap();
    assert_eq!(fixture.body("a").unwrap(), "");
}

#[tokio::test]
async fn odd_keys_go_up_and_come_down() {
    let fixture = Fixture::new().await;
    for name in [
        "a b+c",
        "%2F%",
        "ä/e\u{301}/😀",
        "a\nb",
        "a\r\nb",
        "\u{1}",
        "<&>\"'",
        "?x#y",
        "…",
    ] {
        fixture
            .put(name, name.to_owned(), Expected::Absent)
            .await
            .unwrap();
        assert_eq!(fixture.body(name).unwrap(), name);
        let entry = fixture.stat(name).await.unwrap();
        assert_eq!(
            read_bytes(&fixture.store, &entry, 0..entry.size)
                .await
                .unwrap(),
            name
        );
    }
    assert_eq!(fixture.list().await.unwrap().len(), 9);
}

#[tokio::test]
async fn keys_are_measured_with_the_prefix() {
    let fixture =
        Fixture::with_options(|options| options.location = "bucket/ab".parse().unwrap()).await;
    let accepts = |len: usize| fixture.store.accepts(&super::key(&"x".repeat(len)));
    assert_eq!(fixture.store.prefix_len(), 3);
    assert_eq!(accepts(1021), Ok(()));
    assert!(
        accepts(1022)
            .unwrap_err()
            .to_string()
            .contains("1025 bytes")
    );
}

/// KMS gives an ETag that is no MD5 sum; the checksum proves whose object it is.
#[tokio::test]
async fn an_answer_that_was_lost_is_no_failure_either_where_kms_encrypts() {
    let change = |options: &mut S3Options| {
        options.objects.encryption = Some(Encryption::Kms(None));
    };
    let fixture = Fixture::with_options(change).await;
    for operation in ["PutObject", "CompleteMultipartUpload"] {
        let lost = Fault::on(operation).always().act(Action::LoseAnswer);
        fixture.server.inject(lost);
    }
    let body = bytes(PART + 1);
    fixture
        .put("one", body.clone(), Expected::Absent)
        .await
        .unwrap();
    write(&fixture, "two", &body, &Expected::Absent)
        .await
        .unwrap();
    assert_eq!(fixture.body("one"), fixture.body("two"));
}
