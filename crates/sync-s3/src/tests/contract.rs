//! What every store must do, with every way to talk to a server.

use s3_endpoint::{Config, Precision};
use sync_core::testing::contract;

use super::{BUCKET, Fixture};
use crate::{Checksums, Choice, Conditions};

/// The least that S3 takes.
const PART: u64 = 5 * 1024 * 1024;

#[tokio::test]
async fn with_the_defaults() {
    let fixture = Fixture::new().await;
    contract(&fixture.store, PART).await;
    assert!(fixture.server.objects(BUCKET).is_empty());
    assert!(fixture.server.open_uploads(BUCKET).is_empty());
}

#[tokio::test]
async fn below_a_prefix() {
    for place in ["bucket/some/prefix", "s3://bucket//"] {
        let fixture =
            Fixture::with_options(|options| options.location = place.parse().unwrap()).await;
        fixture.server.put(BUCKET, "outside", "x", None);
        fixture.server.put(BUCKET, "some/prefix-not", "x", None);
        contract(&fixture.store, PART).await;
        assert_eq!(fixture.server.objects(BUCKET).len(), 2);
    }
}

#[tokio::test]
async fn with_every_checksum() {
    for checksums in [Checksums::Crc64Nvme, Checksums::Crc32, Checksums::None] {
        let fixture = Fixture::with_options(|options| options.checksums = checksums).await;
        contract(&fixture.store, PART).await;
    }
}

#[tokio::test]
async fn with_and_without_signed_bodies() {
    for sign in [Choice::Always, Choice::Never] {
        let fixture = Fixture::with_options(|options| options.sign_payload = sign).await;
        contract(&fixture.store, PART).await;
    }
}

#[tokio::test]
async fn without_conditional_requests() {
    let fixture = Fixture::with_options(|options| options.conditions = Conditions::Client).await;
    contract(&fixture.store, PART).await;
}

/// HEAD and GET tell times cut to the second, the listing does not.
#[tokio::test]
async fn with_times_in_milliseconds_a_listed_entry_is_still_the_same() {
    let config = Config {
        precision: Precision::Millisecond,
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |options| options.conditions = Conditions::Client).await;
    fixture.server.put(
        BUCKET,
        "a",
        "1",
        "2024-05-01T12:00:00.123Z"
            .parse::<chrono::DateTime<_>>()
            .unwrap(),
    );
    let listed = fixture.list().await.unwrap();
    let sync_core::Listed::Entry(entry) = &listed[0] else {
        panic!("{listed:?}");
    };
    assert_eq!(entry.modified.timestamp_subsec_millis(), 123);
    use sync_core::Store as _;
    for result in fixture.store.delete(std::slice::from_ref(entry)).await {
        result.unwrap();
    }
    assert_eq!(fixture.body("a"), None);
}
