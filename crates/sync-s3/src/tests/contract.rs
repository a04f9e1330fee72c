//! What every store must do, with every way to talk to a server.

use s3_endpoint::{Action, Config, Fault, Precision};
use sync_core::testing::{Clause, store_contract};

use super::{BUCKET, Fixture};
use crate::{Checksums, Choice, Conditions};

/// The least that S3 takes.
const PART: u64 = 5 * 1024 * 1024;

/// Checks `clause` over an empty bucket, which is empty again afterwards.
fn check(clause: &Clause, change: impl FnOnce(&mut crate::S3Options)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let fixture = Fixture::with_options(change).await;
        clause.check(&fixture.store).await;
        assert!(fixture.server.objects(BUCKET).is_empty());
        // Nobody is there to abort the upload; the next backup does it.
        if clause.name() != "a_dropped_writer_stays_invisible" {
            assert!(fixture.server.open_uploads(BUCKET).is_empty());
        }
    });
}

/// One module with the tests of each way.
macro_rules! with {
    ($($module:ident: $option:ident = $value:expr;)*) => {
        $(mod $module {
            use super::*;

            fn with_store(clause: &Clause) {
                check(clause, |options| options.$option = $value);
            }

            store_contract!(with_store, part_size: PART);
        })*
    };
}

with! {
    crc64nvme: checksums = Checksums::Crc64Nvme;
    crc32: checksums = Checksums::Crc32;
    no_checksum: checksums = Checksums::None;
    signed_bodies: sign_payload = Choice::Always;
    unsigned_bodies: sign_payload = Choice::Never;
}

mod the_defaults {
    use super::*;

    fn with_store(clause: &Clause) {
        check(clause, |_| {});
    }

    /// The second page of the listing does not come.
    fn with_broken_store(clause: &Clause) {
        let config = Config {
            page_size: 2,
            ..Config::with_bucket(BUCKET)
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::with(config, |_| {}).await;
            for name in ["a", "b", "c", "d", "e"] {
                fixture.server.put(BUCKET, name, "1", None);
            }
            let denied = Action::error(403, "AccessDenied");
            let second = Fault::on("ListObjectsV2").nth(2).always();
            fixture.server.inject(second.act(denied));
            clause.check(&fixture.store).await;
        });
    }

    store_contract!(with_store, broken: with_broken_store, part_size: PART);
}

/// Comparisons by a HEAD before: what happens in between goes unseen.
mod no_conditional_requests {
    use super::*;

    fn with_store(clause: &Clause) {
        check(clause, |options| options.conditions = Conditions::Client);
    }

    store_contract!(
        with_store,
        part_size: PART,
        conditional_write: false,
        conditional_delete: false,
    );
}

/// What is beside the prefix is not seen and stays.
fn check_below(location: &str, clause: &Clause) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let location = location.parse().unwrap();
        let fixture = Fixture::with_options(|options| options.location = location).await;
        fixture.server.put(BUCKET, "outside", "x", None);
        fixture.server.put(BUCKET, "some/prefix-not", "x", None);
        clause.check(&fixture.store).await;
        assert_eq!(fixture.server.objects(BUCKET).len(), 2);
    });
}

mod below_a_prefix {
    use super::*;

    fn with_store(clause: &Clause) {
        check_below("bucket/some/prefix", clause);
    }

    store_contract!(with_store, part_size: PART);
}

mod below_a_slash {
    use super::*;

    fn with_store(clause: &Clause) {
        check_below("s3://bucket//", clause);
    }

    store_contract!(with_store, part_size: PART);
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
