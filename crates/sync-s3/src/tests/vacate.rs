//! A server that keeps directories refuses an object where one is: an empty one
//! gives way, and one with objects does not.

use s3_endpoint::{Action, Config, Fault};
use sync_core::NewEntry;
use sync_core::{ErrorKind, Expected, Result, Store as _, checksum::Crc64};

use super::{BUCKET, Fixture, bytes, entry, hint_of};

const PART: u64 = 1_000;

/// Requests of a kind that each server refuses in its own words.
#[derive(Debug, Clone, Copy)]
enum Server {
    /// Says that a directory is in the way (JuiceFS).
    Named,
    /// Fails for a reason that it does not give, and answers for directories
    /// (SeaweedFS).
    Vague,
}

impl Server {
    fn refusal(self) -> Action {
        let message = match self {
            Self::Named => "We encountered an internal error: cause(is a directory)",
            Self::Vague => "We encountered an internal error, please try again.",
        };
        Action::Error {
            status: 500,
            code: "InternalError".to_owned(),
            message: message.to_owned(),
            headers: Vec::new(),
        }
    }

    /// How many attempts it takes to see the reason.
    fn attempts(self) -> usize {
        match self {
            Self::Named => 1,
            Self::Vague => 3,
        }
    }
}

async fn fixture() -> Fixture {
    let config = Config {
        min_part_size: false,
        ..Config::with_bucket(BUCKET)
    };
    Fixture::with(config, |options| options.max_attempts = 10).await
}

async fn in_parts(fixture: &Fixture, expected: &Expected) -> Result<()> {
    let body = bytes(1_500);
    let upload = fixture
        .store
        .write(&NewEntry::from(&entry("a", 1_500)), PART, expected)
        .await?;
    for piece in [body.slice(..1_000), body.slice(1_000..)] {
        let offset = if piece.len() == 1_000 { 0 } else { PART };
        upload.part(offset, piece.into()).await?;
    }
    upload.commit(Crc64::of(&body)).await
}

/// The cases: how it is sent, by which request, and to which server.
const CASES: [(bool, &str, Server); 3] = [
    (false, "PutObject", Server::Named),
    (true, "CompleteMultipartUpload", Server::Named),
    (true, "CompleteMultipartUpload", Server::Vague),
];

async fn send(fixture: &Fixture, in_several_parts: bool) -> Result<()> {
    if in_several_parts {
        in_parts(fixture, &Expected::Absent).await
    } else {
        fixture.put("a", bytes(1_500), Expected::Absent).await
    }
}

#[tokio::test]
async fn an_empty_directory_gives_way_and_one_with_objects_does_not() {
    for (in_several_parts, operation, server) in CASES {
        let fixture = fixture().await;
        for directory in ["a/", "a/x/", "a/x/y/", "a-b/", "b/a/"] {
            fixture.server.put(BUCKET, directory, "", None);
        }
        fixture.server.clear_log();
        let refused = Fault::on(operation).times(server.attempts() as u64);
        fixture.server.inject(refused.act(server.refusal()));
        send(&fixture, in_several_parts).await.unwrap();
        let keys: Vec<_> = fixture.server.objects(BUCKET).into_keys().collect();
        assert_eq!(keys, ["a", "a-b/", "b/a/"], "{operation} {server:?}");
        assert_eq!(fixture.body("a").unwrap(), bytes(1_500));
        assert_eq!(fixture.server.count(operation), server.attempts() + 1);

        let fixture = self::fixture().await;
        for object in ["a/", "a/x/", "a/z/deep/1"] {
            fixture.server.put(BUCKET, object, "", None);
        }
        fixture.server.clear_log();
        fixture
            .server
            .inject(Fault::on(operation).always().act(server.refusal()));
        let error = send(&fixture, in_several_parts).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Blocked, "{error}");
        let hint = hint_of(&error);
        assert!(hint.contains("others below its name"), "{hint}");
        assert_eq!(fixture.server.count("DeleteObject"), 0);
        assert_eq!(fixture.server.count(operation), server.attempts());
        assert_eq!(fixture.server.objects(BUCKET).len(), 3);
    }
}

/// One try a write: a server that refuses for another reason is not asked for
/// ever.
#[tokio::test]
async fn a_directory_is_removed_once_for_each_write() {
    let fixture = fixture().await;
    let refusal = Server::Named.refusal();
    fixture
        .server
        .inject(Fault::on("PutObject").always().act(refusal));
    let error = send(&fixture, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Blocked, "{error}");
    assert_eq!(fixture.server.count("PutObject"), 2);
    assert_eq!(fixture.server.count("DeleteObject"), 1);
}

/// A failure that passes is ridden out, and nothing is deleted for it.
#[tokio::test]
async fn a_completion_that_fails_without_a_directory_is_tried_again() {
    for status in [500, 503] {
        let fixture = fixture().await;
        let code = if status == 500 {
            "InternalError"
        } else {
            "SlowDown"
        };
        let fault = Fault::on("CompleteMultipartUpload").times(4);
        fixture
            .server
            .inject(fault.act(Action::error(status, code)));
        send(&fixture, true).await.unwrap();
        assert_eq!(fixture.server.count("CompleteMultipartUpload"), 5);
        assert_eq!(fixture.server.count("DeleteObject"), 0);
        assert_eq!(fixture.body("a").unwrap(), bytes(1_500));
    }
}

/// All attempts are made, and no more.
#[tokio::test]
async fn a_completion_has_as_many_attempts_as_it_is_given() {
    let config = Config {
        min_part_size: false,
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |options| options.max_attempts = 4).await;
    let down = Action::error(500, "InternalError");
    let fault = Fault::on("CompleteMultipartUpload").always();
    let hits = fixture.server.inject(fault.act(down));
    let error = send(&fixture, true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(hits.count(), 4);
}

/// SeaweedFS keeps an object and a directory of its name as one entry.
#[tokio::test]
async fn an_object_that_is_a_directory_gives_way_unless_somebody_has_changed_it() {
    for is_changed in [false, true] {
        let fixture = fixture().await;
        let seen = fixture.object("a", "old").await;
        // It answers for the directory whenever it is asked.
        let there = Action::edit(|answer| answer.status = 200);
        let heads = Fault::on("HeadObject").key("a/").always();
        fixture.server.inject(heads.act(there));
        let refused = Fault::on("CompleteMultipartUpload").times(3);
        fixture.server.inject(refused.act(Server::Vague.refusal()));
        if is_changed {
            fixture.server.put(BUCKET, "a", "theirs", None);
        }
        let sent = in_parts(&fixture, &Expected::Version(seen)).await;
        if is_changed {
            let error = sent.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
            assert_eq!(fixture.body("a").unwrap(), "theirs");
        } else {
            sent.unwrap();
            assert_eq!(fixture.body("a").unwrap(), bytes(1_500));
        }
    }
}
