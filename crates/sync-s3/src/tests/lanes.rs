//! Requests that another thread drives, and the end of their store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use futures::future::{Either, select};
use s3_endpoint::{Action, Fault};
use sync_core::{Expected, Store as _};

use super::{Fixture, bytes};

/// So large that it goes to a lane as long as that has nothing else to do.
const LEN: usize = 3_000_000;

async fn fixture() -> Fixture {
    Fixture::with_options(|options| options.threads = 2).await
}

#[tokio::test]
async fn what_is_in_flight_ends_with_its_store() {
    let fixture = fixture().await;
    let stall = Action::Stall(Duration::from_secs(600));
    fixture.server.inject(Fault::any().always().act(stall));
    let clock = Arc::downgrade(&fixture.store.bucket.clock);
    {
        let put = Box::pin(fixture.put("a", bytes(LEN), Expected::Absent));
        let arrived = Box::pin(async {
            while fixture.server.log().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        assert!(matches!(select(put, arrived).await, Either::Right(_)));
    }
    let Fixture { server, store } = fixture;
    drop(store);
    // The lane holds it until it has dropped the request.
    let since = Instant::now();
    while clock.strong_count() > 0 {
        assert!(since.elapsed() < Duration::from_secs(20), "still in use");
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(server);
}

#[tokio::test]
async fn a_read_that_has_begun_does_not_need_its_store() {
    let fixture = fixture().await;
    let entry = fixture.object("a", bytes(LEN)).await;
    let pause = Action::StallBody {
        after: 700_000,
        pause: Duration::from_millis(200),
    };
    fixture.server.inject(Fault::on("GetObject").act(pause));
    let cut = Action::CutBodyAfter(100_000);
    fixture.server.inject(Fault::on("GetObject").act(cut));
    let range = 1..LEN as u64;
    let mut chunks = fixture.store.read(&entry, range).await.unwrap();
    let Fixture { server, store } = fixture;
    drop(store);
    let mut all = vec![0];
    while let Some(chunk) = chunks.try_next().await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    assert_eq!(all, bytes(LEN));
    drop(server);
}
