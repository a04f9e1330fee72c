//! A server whose clock is wrong.

use chrono::{TimeDelta, Utc};

use super::*;

#[tokio::test]
async fn the_clock_shifts_dates_and_the_sdk_follows() {
    let endpoint = start();
    // A refused request teaches the SDK the time; it needs a second attempt.
    let retry = RetryConfig::standard().with_initial_backoff(Duration::ZERO);
    let client = Client::from_conf(settings(&endpoint).retry_config(retry).build());
    for hours in [1, -1] {
        endpoint.set_clock_offset(TimeDelta::hours(hours));
        client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(body("x"))
            .send()
            .await
            .unwrap();
        let ahead = endpoint.object(BUCKET, "k").unwrap().modified() - Utc::now();
        assert_eq!((ahead.as_seconds_f64() / 3600.0).round(), hours as f64);
    }
    let statuses: Vec<_> = endpoint.log().iter().map(|entry| entry.status).collect();
    assert_eq!(statuses, [Some(403), Some(200), Some(403), Some(200)]);
}

#[tokio::test]
async fn without_the_check_any_time_is_good() {
    let endpoint = Endpoint::start(Config {
        check_skew: false,
        ..Config::with_bucket(BUCKET)
    })
    .unwrap();
    endpoint.set_clock_offset(TimeDelta::days(400));
    client(&endpoint)
        .list_objects_v2()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
}
