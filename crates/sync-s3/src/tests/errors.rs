//! What people are told, for each way in which a request can fail.

use std::time::{Duration, Instant};

use s3_endpoint::{Action, Config, Endpoint, Fault};
use sync_core::NewEntry;
use sync_core::setting::Setting;
use sync_core::store::read_bytes;
use sync_core::{ErrorKind, Expected, Store as _, StoreError};

use super::{BUCKET, Fixture, hint_of, key, names, store};
use crate::{Access, Encryption, S3Options, S3Store};

/// `(status, code, kind, a part of the hint)`, for a PutObject.
const TABLE: [(u16, &str, ErrorKind, &str); 28] = [
    (
        400,
        "InvalidBucketName",
        ErrorKind::RootMissing,
        "63 lower-case letters",
    ),
    (
        404,
        "NoSuchAccessPoint",
        ErrorKind::RootMissing,
        "access point",
    ),
    (403, "AccessDenied", ErrorKind::Denied, "s3:PutObject"),
    (403, "AllAccessDisabled", ErrorKind::Denied, "provider"),
    (403, "AccountProblem", ErrorKind::Denied, "provider"),
    (400, "ObjectLocked", ErrorKind::Denied, "retention"),
    (
        403,
        "InvalidAccessKeyId",
        ErrorKind::Credentials,
        "access key",
    ),
    (
        403,
        "SignatureDoesNotMatch",
        ErrorKind::Credentials,
        "secret key",
    ),
    (
        403,
        "SignatureDoesNotMatch",
        ErrorKind::Credentials,
        "proxy",
    ),
    (400, "ExpiredToken", ErrorKind::Credentials, "aws sso login"),
    (
        400,
        "InvalidToken",
        ErrorKind::Credentials,
        "AWS_SESSION_TOKEN",
    ),
    (403, "NotSignedUp", ErrorKind::Credentials, "provider"),
    (403, "RequestTimeTooSkewed", ErrorKind::Credentials, "clock"),
    (403, "RequestExpired", ErrorKind::Credentials, "clock"),
    (
        500,
        "InternalError",
        ErrorKind::Unavailable,
        "run again later",
    ),
    (502, "BadGateway", ErrorKind::Unavailable, "run again later"),
    (
        501,
        "NotImplemented",
        ErrorKind::Unsupported,
        "checksums none",
    ),
    (
        405,
        "MethodNotAllowed",
        ErrorKind::Unsupported,
        "checksums none",
    ),
    (400, "BadDigest", ErrorKind::Corrupt, "run again"),
    (
        400,
        "XAmzContentSHA256Mismatch",
        ErrorKind::Corrupt,
        "run again",
    ),
    (507, "QuotaExceeded", ErrorKind::NoSpace, "quota"),
    (
        400,
        "XMinioAdminBucketQuotaExceeded",
        ErrorKind::NoSpace,
        "quota",
    ),
    (400, "EntityTooLarge", ErrorKind::Other, "smaller part_size"),
    (400, "EntityTooSmall", ErrorKind::Other, "larger part_size"),
    (400, "SomethingNew", ErrorKind::Other, ""),
    (418, "Teapot", ErrorKind::Other, ""),
    (404, "NoSuchKey", ErrorKind::NotFound, ""),
    (403, "InvalidObjectState", ErrorKind::Archived, "restore"),
];

/// The same, where the hint names a setting.
const SETTINGS: [(u16, &str, ErrorKind, Setting); 11] = [
    (
        404,
        "NoSuchBucket",
        ErrorKind::RootMissing,
        Setting::EndpointUrl,
    ),
    (
        400,
        "AccessControlListNotSupported",
        ErrorKind::Other,
        Setting::Acl,
    ),
    (
        301,
        "PermanentRedirect",
        ErrorKind::WrongRegion,
        Setting::Region,
    ),
    (
        400,
        "AuthorizationHeaderMalformed",
        ErrorKind::WrongRegion,
        Setting::Region,
    ),
    (
        400,
        "IllegalLocationConstraintException",
        ErrorKind::WrongRegion,
        Setting::Region,
    ),
    (503, "SlowDown", ErrorKind::Throttled, Setting::Concurrency),
    (
        503,
        "ServiceUnavailable",
        ErrorKind::Throttled,
        Setting::Concurrency,
    ),
    (
        429,
        "TooManyRequests",
        ErrorKind::Throttled,
        Setting::Concurrency,
    ),
    (
        400,
        "RequestTimeout",
        ErrorKind::Timeout,
        Setting::Concurrency,
    ),
    (
        400,
        "InvalidEncryptionAlgorithmError",
        ErrorKind::Other,
        Setting::Encryption,
    ),
    (
        400,
        "KMS.DisabledException",
        ErrorKind::Other,
        Setting::KmsKey,
    ),
];

#[tokio::test]
async fn every_fault_has_its_kind_and_says_what_to_do() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    let texts = TABLE.map(|(status, code, kind, text)| (status, code, kind, text, None));
    let settings =
        SETTINGS.map(|(status, code, kind, setting)| (status, code, kind, "", Some(setting)));
    for (status, code, kind, text, setting) in texts.into_iter().chain(settings) {
        fixture.server.inject(
            Fault::on("PutObject")
                .always()
                .act(Action::error(status, code)),
        );
        let error = fixture
            .put("dir/a", "x", Expected::Absent)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let is_hinted = setting.is_some() || !text.is_empty();
        assert_eq!(error.hint().is_some(), is_hinted, "{error}");
        assert!(hint_of(&error).contains(text), "{error}");
        assert!(
            setting.is_none_or(|setting| names(&error, setting)),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.starts_with("cannot upload 'dir/a': "), "{text}");
        assert!(text.contains(code) && text.len() < 250, "{text}");
        fixture.server.clear_faults();
    }
}

#[tokio::test]
async fn a_head_has_no_body_and_still_tells() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    for (status, kind) in [
        (403, ErrorKind::Denied),
        (301, ErrorKind::WrongRegion),
        (503, ErrorKind::Throttled),
        (500, ErrorKind::Unavailable),
    ] {
        fixture.server.inject(
            Fault::on("HeadObject")
                .always()
                .act(Action::error(status, "X")),
        );
        let error = fixture.store.stat(&key("a")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        fixture.server.clear_faults();
    }
    assert_eq!(fixture.store.stat(&key("a")).await.unwrap(), None);
}

#[tokio::test]
async fn the_right_region_is_named() {
    let config = Config {
        region: Some("eu-central-1".to_owned()),
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |_| {}).await;
    let error = fixture.list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongRegion, "{error}");
    assert!(
        hint_of(&error).contains("use region eu-central-1"),
        "{error}"
    );
    let error = fixture.put("a", "x", Expected::Absent).await.unwrap_err();
    assert!(
        hint_of(&error).contains("use region eu-central-1"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_bucket_is_told_by_every_operation() {
    let server = Endpoint::start(Config::default()).unwrap();
    let fixture = Fixture {
        store: store(&server, |_| {}).await,
        server,
    };
    let entry = super::entry("a", 1);
    let errors: [StoreError; 4] = [
        fixture.list().await.unwrap_err(),
        fixture.put("a", "x", Expected::Absent).await.unwrap_err(),
        read_bytes(&fixture.store, &entry, 0..1).await.unwrap_err(),
        fixture
            .store
            .write(&NewEntry::from(&entry), 1, &Expected::Absent)
            .await
            .err()
            .unwrap(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::RootMissing, "{error}");
        assert!(hint_of(&error).contains("create the bucket"), "{error}");
    }
}

async fn unreachable(url: &str) -> (StoreError, Duration) {
    let mut options = S3Options::new(BUCKET.parse().unwrap());
    options.endpoint_url = Some(url.to_owned());
    options.access = Access::Anonymous;
    options.max_attempts = 2;
    let store = S3Store::connect(options).await.unwrap();
    let start = Instant::now();
    let error = store.stat(&key("a")).await.unwrap_err();
    (error, start.elapsed())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_the_reason() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let (error, time) = unreachable(&url).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let text = error.to_string();
    assert!(text.contains("onnection refused"), "{text}");
    assert!(text.contains(&url), "{text}");
    assert!(time < Duration::from_secs(5), "{time:?}");
}

#[tokio::test]
async fn something_that_does_not_speak_s3_is_told() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    fixture
        .server
        .inject(Fault::any().always().act(Action::edit(|answer| {
            answer.body = b"<html>hello</html>".to_vec();
        })));
    let error = fixture.list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(
        error.to_string().contains("not that of an S3 server"),
        "{error}"
    );
    assert!(names(&error, Setting::EndpointUrl), "{error}");
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_not_passed_over() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    let mut options = S3Options::new(BUCKET.parse().unwrap());
    options.endpoint_url = Some(server.url());
    options.profile = Some("no-such-profile".to_owned());
    let store = S3Store::connect(options).await.unwrap();
    let error = store.stat(&key("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
    assert!(error.to_string().contains("no-such-profile"), "{error}");
    assert!(server.log().is_empty());
}

/// Otherwise a web server's "page not found" would count as deleted.
#[tokio::test]
async fn a_page_not_found_says_nothing_of_an_object() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    let entry = fixture.object("a\n", "x").await;
    fixture
        .server
        .inject(Fault::any().always().act(Action::edit(|answer| {
            answer.status = 404;
            answer.body = b"<html>not found</html>".to_vec();
        })));
    for result in fixture.store.delete(std::slice::from_ref(&entry)).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Other);
    }
    let error = read_bytes(&fixture.store, &entry, 0..1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other, "{error}");
}

#[tokio::test]
async fn wrong_secrets_are_told_and_never_shown() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    let mut options = S3Options::new(BUCKET.parse().unwrap());
    options.endpoint_url = Some(server.url());
    options.max_attempts = 1;
    let secret = aws_sdk_s3::config::Credentials::new(
        s3_endpoint::ACCESS_KEY,
        "wrong-geheim",
        None,
        None,
        "test",
    );
    let store = S3Store::connect_as(options, Some(secret)).await.unwrap();
    let error = store
        .put(
            &NewEntry::from(&super::entry("a", 1)),
            "x".into(),
            sync_core::checksum::Crc64::of(b"x"),
            &Expected::Absent,
        )
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
    assert!(!format!("{error} {error:?} {store:?}").contains("geheim"));
}

/// A store of `server` that signs nothing.
async fn anonymous(server: &Endpoint) -> S3Store {
    let mut options = S3Options::new(BUCKET.parse().unwrap());
    options.endpoint_url = Some(server.url());
    options.access = Access::Anonymous;
    S3Store::connect(options).await.unwrap()
}

/// A connection that held the client that holds it would never be closed.
#[tokio::test]
async fn a_dropped_store_leaves_nothing_behind() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    let store = anonymous(&server).await;
    store.stat(&key("a")).await.unwrap_err();
    let clock = std::sync::Arc::downgrade(&store.bucket.clock);
    drop(store);
    assert_eq!(clock.strong_count(), 0);
}

#[tokio::test]
async fn an_anonymous_request_is_not_signed() {
    let config = Config {
        anonymous: true,
        ..Config::with_bucket(BUCKET)
    };
    let server = Endpoint::start(config).unwrap();
    server.put(BUCKET, "a", "x", None);
    let store = anonymous(&server).await;
    assert!(store.stat(&key("a")).await.unwrap().is_some());
    assert!(
        server
            .log()
            .iter()
            .all(|entry| entry.header("authorization").is_none())
    );
}

#[tokio::test]
async fn passing_errors_are_ridden_out() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 10).await;
    fixture.server.inject(
        Fault::any()
            .fraction(0.3, 7)
            .act(Action::error(503, "SlowDown")),
    );
    for n in 0..5 {
        fixture
            .put(&n.to_string(), "x", Expected::Absent)
            .await
            .unwrap();
    }
    fixture.server.clear_faults();
    assert_eq!(fixture.list().await.unwrap().len(), 5);
}

#[tokio::test]
async fn permissions_are_those_that_the_settings_need() {
    let fixture = Fixture::with_options(|options| {
        options.objects.acl = Some("private".to_owned());
        options.objects.encryption = Some(Encryption::Kms(None));
        options.expected_owner = Some(s3_endpoint::OWNER.to_owned());
    })
    .await;
    let denied = Action::error(403, "AccessDenied");
    fixture.server.inject(Fault::any().always().act(denied));
    let put = fixture.put("a", "x", Expected::Absent).await.unwrap_err();
    let entry = super::entry("b", 1);
    let begun = fixture
        .store
        .write(&NewEntry::from(&entry), 1, &Expected::Absent)
        .await;
    for error in [put, begun.err().unwrap()] {
        let hint = hint_of(&error);
        for part in ["s3:PutObjectAcl", "kms:GenerateDataKey", s3_endpoint::OWNER] {
            assert!(hint.contains(part), "{hint}");
        }
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Action {
    Action::Error {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
        headers: Vec::new(),
    }
}

/// The text of the error of an upload that a server refuses like this.
async fn refused(name: &str, action: Action, change: impl FnOnce(&mut S3Options)) -> String {
    let fixture = Fixture::with_options(change).await;
    fixture
        .server
        .inject(Fault::on("PutObject").always().act(action));
    let put = fixture.put(name, "1", Expected::Absent).await;
    let error = put.unwrap_err();
    format!("{error} {}", hint_of(&error))
}

#[tokio::test]
async fn what_a_server_lacks_is_told_by_what_was_asked_of_it() {
    let lacking = || refusal(501, "NotImplemented", "A header is not implemented");
    let text = refused("a", lacking(), |options| {
        options.objects.encryption = Some(crate::Encryption::S3);
    })
    .await;
    assert!(text.contains("try without encryption"), "{text}");
    assert!(!text.contains("no_conditions"), "{text}");
    let text = refused("a", lacking(), |_| {}).await;
    assert!(text.contains("checksums none"), "{text}");
}

#[tokio::test]
async fn a_wrong_key_is_no_missing_permission_whatever_its_code() {
    for message in [
        "Forbidden: Invalid signature",
        "Forbidden: No such key: GK0123456789",
        "The access key is unknown",
    ] {
        let text = refused("a", refusal(403, "AccessDenied", message), |_| {}).await;
        assert!(text.contains("check the access key"), "{text}");
        assert!(!text.contains("s3:PutObject"), "{text}");
    }
    let text = refused("a", refusal(403, "AccessDenied", "Access Denied"), |_| {}).await;
    assert!(text.contains("s3:PutObject"), "{text}");
}

#[tokio::test]
async fn an_object_lock_is_no_missing_permission() {
    for message in [
        "Access Denied because object protected by object lock.",
        "Object is WORM protected and cannot be overwritten",
    ] {
        let text = refused("a", refusal(403, "AccessDenied", message), |_| {}).await;
        assert!(text.contains("until its retention ends"), "{text}");
        assert!(!text.contains("s3:PutObject"), "{text}");
    }
}

/// Who sends no credentials lacks no permission of theirs.
#[tokio::test]
async fn what_is_not_for_everybody_asks_for_credentials() {
    let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
    let store = anonymous(&server).await;
    let error = store.stat(&key("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    let hint = hint_of(&error);
    assert!(hint.contains("instead of anonymous access"), "{hint}");
}

/// A list has no checksum that could be left out.
#[tokio::test]
async fn a_request_that_the_server_does_not_know_is_no_matter_of_checksums() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    fixture.server.inject(
        Fault::any()
            .always()
            .act(Action::error(405, "MethodNotAllowed")),
    );
    let error = fixture.list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let hint = hint_of(&error);
    assert!(
        names(&error, Setting::EndpointUrl) && !names(&error, Setting::Checksums),
        "{hint}"
    );
}

/// The answer of a web server that guards the storage has no code of S3.
#[tokio::test]
async fn a_login_that_is_asked_for_is_told() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1).await;
    fixture
        .server
        .inject(Fault::any().always().act(Action::edit(|answer| {
            answer.status = 401;
            answer.body = b"<html>who are you?</html>".to_vec();
        })));
    let error = fixture.list().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    let hint = hint_of(&error);
    assert!(
        hint.contains("asks for a login") && names(&error, Setting::EndpointUrl),
        "{hint}"
    );
}

#[tokio::test]
async fn a_name_too_long_is_told_and_not_tried_again() {
    for (status, code, message) in [
        (400, "KeyTooLongError", "Your key is too long"),
        (500, "InternalError", "rename /data/x: file name too long"),
        (
            503,
            "ServiceUnavailable",
            "LMDB: MDB_BAD_VALSIZE: Unsupported size of key",
        ),
    ] {
        let fixture = Fixture::with_options(|options| options.max_attempts = 10).await;
        let hits = fixture.server.inject(
            Fault::on("PutObject")
                .always()
                .act(refusal(status, code, message)),
        );
        let error = fixture.put("a", "1", Expected::Absent).await.unwrap_err();
        assert!(hint_of(&error).contains("no name this long"), "{error}");
        assert_eq!(hits.count(), 1, "{code}");
    }
    // Where nothing but the length is suspicious.
    let name = ["k".repeat(200), "k".repeat(200), "k".repeat(200)].join("/");
    let text = refused(
        &name,
        refusal(503, "ServiceUnavailable", "try later"),
        |_| {},
    )
    .await;
    assert!(
        text.contains("602 bytes") && !text.contains("concurrency"),
        "{text}"
    );
}

#[tokio::test]
async fn an_error_without_a_message_shows_its_code() {
    let text = refused("a", refusal(403, "AccessDenied", ""), |_| {}).await;
    assert!(
        text.contains("'a': AccessDenied") && !text.contains(":  ("),
        "{text}"
    );
}

#[tokio::test]
async fn a_document_of_another_kind_is_told_by_its_root() {
    for (body, said) in [
        (
            "<?xml version=\"1.0\"?><Tenants/>",
            "another kind ('Tenants')",
        ),
        (
            "<html><body>Welcome</body></html>",
            "not that of an S3 server",
        ),
    ] {
        let fixture = Fixture::new().await;
        let edit = Action::edit(move |answer| {
            answer.status = 200;
            answer.body = body.into();
        });
        fixture
            .server
            .inject(Fault::on("CreateMultipartUpload").always().act(edit));
        let entry = super::entry("a", 11 << 20);
        let begun = fixture
            .store
            .write(&NewEntry::from(&entry), 5 << 20, &Expected::Absent)
            .await;
        let Err(error) = begun else {
            panic!("it began")
        };
        let text = format!("{error} {}", hint_of(&error));
        assert!(text.contains(said), "{text}");
        let blames_endpoint = text.contains("endpoint_url");
        assert_eq!(blames_endpoint, body.starts_with("<html"), "{text}");
    }
}
