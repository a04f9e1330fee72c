//! Uploads with a key of SSE-C: that they fail where the server does not encrypt by it, and
//! what AWS may mean by a refusal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use futures::future::join_all;
use s3_endpoint::{Action, Config, Fault, Sums};
use sync_core::{
    ErrorKind, Expected, NewEntry, Store as _, StoreError, checksum::Crc64, setting::Setting,
    store::read_bytes,
};

use super::{BUCKET, Fixture, bytes, entry, hint_of, names};
use crate::error::{Attempted, Failure};
use crate::{S3Options, S3Store};

/// A file of a key, which is removed at the end.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str) -> Self {
        let name = format!("s3mirror-sse-c-{name}-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        fs::write(&file, b"\x01 key of thirty-two bytes here.\x02").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        Self(file)
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A server that knows keys, or one that ignores them, and a store with a key.
async fn fixture(name: &str, customer_keys: bool) -> (Fixture, KeyFile) {
    fixture_with(
        name,
        Config {
            customer_keys,
            min_part_size: false,
            ..Config::with_bucket(BUCKET)
        },
    )
    .await
}

async fn fixture_with(name: &str, config: Config) -> (Fixture, KeyFile) {
    let file = KeyFile::new(name);
    let fixture = Fixture::with(config, |options| {
        options.customer_key_file = Some(file.0.clone());
    });
    (fixture.await, file)
}

fn counts(fixture: &Fixture, operations: [&str; 3]) -> [usize; 3] {
    operations.map(|operation| fixture.server.count(operation))
}

fn stored_unencrypted(error: &StoreError, key: &str) -> bool {
    let said = format!("'{key}' was stored unencrypted");
    error.kind() == ErrorKind::Unsupported
        && names(error, Setting::CustomerKey)
        && hint_of(error).contains(&said)
}

async fn in_parts(store: &S3Store, name: &str) -> Result<(), StoreError> {
    let body = bytes(10);
    let new = NewEntry::from(&entry(name, body.len()));
    let writer = store.write(&new, 5, &Expected::Absent).await?;
    for offset in [0, 5] {
        let part = body.slice(offset..offset + 5);
        writer.part(offset as u64, part.into()).await?;
    }
    writer.commit(Crc64::of(&body)).await
}

#[tokio::test]
async fn a_server_that_ignores_the_key_gets_one_object_and_no_other() {
    let (fixture, _file) = fixture("ignored", false).await;
    let keys = ["a", "b", "c", "d", "e", "f"];
    let puts = keys.map(|key| fixture.put(key, "secret", Expected::Absent));
    let errors: Vec<_> = join_all(puts)
        .await
        .into_iter()
        .map(Result::unwrap_err)
        .collect();
    let first = |(error, key): &(&StoreError, &str)| stored_unencrypted(error, key);
    assert_eq!(
        errors.iter().zip(keys).filter(first).count(),
        1,
        "{errors:?}"
    );
    for error in &errors {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(names(error, Setting::CustomerKey), "{error}");
    }
    in_parts(&fixture.store, "film").await.unwrap_err();
    let operations = ["PutObject", "HeadObject", "CreateMultipartUpload"];
    assert_eq!(counts(&fixture, operations), [1, 1, 0]);
    let notes = fixture.store.notes();
    assert!(notes.is_empty(), "{notes:?}");
}

#[tokio::test]
async fn an_upload_in_parts_that_is_stored_unencrypted_fails_too() {
    let (fixture, _file) = fixture("parts", false).await;
    let error = in_parts(&fixture.store, "film").await.unwrap_err();
    assert!(stored_unencrypted(&error, "film"), "{error}");
    fixture
        .put("a", "secret", Expected::Absent)
        .await
        .unwrap_err();
    let operations = ["CompleteMultipartUpload", "HeadObject", "PutObject"];
    assert_eq!(counts(&fixture, operations), [1, 1, 0]);
}

/// Of uploads that are under way, no further part is sent.
#[tokio::test]
async fn what_is_under_way_ends_once_the_key_is_known_to_be_ignored() {
    let (fixture, _file) = fixture("under-way", false).await;
    let new = NewEntry::from(&entry("film", 10));
    let writer = fixture
        .store
        .write(&new, 5, &Expected::Absent)
        .await
        .unwrap();
    writer.part(0, bytes(5).into()).await.unwrap();
    fixture
        .put("a", "secret", Expected::Absent)
        .await
        .unwrap_err();
    let error = writer.part(5, bytes(5).into()).await.unwrap_err();
    assert!(names(&error, Setting::CustomerKey), "{error}");
    writer.abort().await;
    assert_eq!(fixture.server.count("UploadPart"), 1);
    assert_eq!(fixture.server.open_uploads(BUCKET), []);
}

#[tokio::test]
async fn a_server_that_names_the_encryption_is_not_asked() {
    let (fixture, _file) = fixture("named", true).await;
    for key in ["a", "b"] {
        fixture.put(key, "secret", Expected::Absent).await.unwrap();
    }
    in_parts(&fixture.store, "film").await.unwrap();
    assert_eq!(fixture.server.count("HeadObject"), 0);
}

/// One look is enough, unless the server says sometimes what it has done, and sometimes not.
#[tokio::test]
async fn a_server_that_encrypts_and_does_not_say_so_is_asked_once() {
    let (fixture, _file) = fixture("unsaid", true).await;
    let say_nothing = || {
        Action::edit(|answer| {
            let name = "x-amz-server-side-encryption-customer-algorithm";
            answer.headers.remove(name);
        })
    };
    for operation in ["PutObject", "CreateMultipartUpload", "UploadPart"] {
        let fault = Fault::on(operation).always();
        fixture.server.inject(fault.act(say_nothing()));
    }
    in_parts(&fixture.store, "film").await.unwrap();
    for key in ["a", "b"] {
        fixture.put(key, "secret", Expected::Absent).await.unwrap();
    }
    assert_eq!(fixture.server.count("HeadObject"), 1);
}

/// Where no ETag is an MD5, another object shows that: one that the server does not refuse to
/// read with a key.
#[tokio::test]
async fn what_etags_are_is_learned_from_objects_without_a_key() {
    let config = Config {
        fast_etags: true,
        checksums: Sums::Ignored,
        ..Config::with_bucket(BUCKET)
    };
    let (fixture, _file) = fixture_with("etags", config).await;
    for key in ["a", "b"] {
        fixture.server.put(BUCKET, key, "not encrypted", None);
    }
    let seen = fixture.stat("a").await.unwrap();
    let body = read_bytes(&fixture.store, &seen, 0..seen.size).await;
    assert_eq!(body.unwrap(), "not encrypted");
}

fn denied(code: &str) -> Failure {
    Failure {
        status: Some(403),
        ..Failure::of_key(Some(code), Some("Access Denied"))
    }
}

#[tokio::test]
async fn where_aws_denies_an_upload_with_a_key_the_bucket_may_block_it() {
    let file = KeyFile::new("blocked");
    let connect = |url: Option<&str>, key: Option<PathBuf>| {
        let options = S3Options {
            region: Some("us-east-1".to_owned()),
            endpoint_url: url.map(str::to_owned),
            customer_key_file: key,
            ..S3Options::new(BUCKET.parse().unwrap())
        };
        S3Store::connect_as(options, None)
    };
    let aws = Some("https://s3.us-east-1.amazonaws.com");
    let upload = Attempted {
        what: "upload",
        name: "a",
        permission: "s3:PutObject",
    };
    for (url, key, attempted, code, is_named) in [
        (aws, true, upload, "AccessDenied", true),
        (aws, false, upload, "AccessDenied", false),
        (aws, true, upload, "AllAccessDisabled", false),
        (aws, true, Attempted::look_up("a"), "AccessDenied", false),
        (
            Some("https://minio.example.com"),
            true,
            upload,
            "AccessDenied",
            false,
        ),
    ] {
        let key = key.then(|| file.0.clone());
        let store = connect(url, key).await.unwrap();
        let error = store.bucket.fail(denied(code), attempted);
        let hint = hint_of(&error);
        assert_eq!(hint.contains("BlockedEncryptionTypes"), is_named, "{hint}");
        assert_eq!(names(&error, Setting::CustomerKey), is_named);
        if is_named {
            assert!(hint.contains("the permission s3:PutObject"), "{hint}");
        }
    }
}
