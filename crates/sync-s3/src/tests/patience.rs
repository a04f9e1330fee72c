//! When the store stops trying.

use std::time::{Duration, Instant};

use s3_endpoint::{Action, Fault};
use sync_core::{ErrorKind, Store as _};

use super::{BUCKET, Fixture, hint_of, key};
use crate::client::deadline::Deadline;
use crate::error::{Failure, Origin};

#[tokio::test]
async fn after_ten_minutes_without_a_success_no_request_is_made() {
    let fixture = Fixture::new().await;
    let concurrency = &fixture.store.bucket.concurrency;
    concurrency.fail_for(Duration::from_secs(599));
    assert!(fixture.store.stat(&key("a")).await.unwrap().is_none());

    fixture.server.clear_log();
    concurrency.fail_for(Duration::from_secs(600));
    let error = fixture.store.stat(&key("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outage, "{error}");
    assert!(error.kind().stops_run());
    assert!(error.to_string().contains("10 minutes"), "{error}");
    assert!(hint_of(&error).contains("again"), "{error}");
    assert!(fixture.server.log().is_empty());
}

#[tokio::test]
async fn no_attempt_is_begun_after_the_deadline() {
    let fixture = Fixture::with_options(|options| options.max_attempts = 1000).await;
    let down = Action::error(500, "InternalError");
    fixture.server.inject(Fault::any().always().act(down));
    let begun = Instant::now();
    let client = &fixture.store.bucket.client;
    let sent = client
        .head_bucket()
        .bucket(BUCKET)
        .customize()
        .interceptor(Deadline::after(Duration::from_millis(300), None))
        .send();
    let failure = Failure::from(&sent.await.unwrap_err());
    assert_eq!(failure.origin, Origin::Timeout, "{failure:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(fixture.server.count("HeadBucket") < 20);
}
