//! Deletions: batches, errors for single keys, conditions.

use std::time::Duration;

use s3_endpoint::{Action, Config, Fault, max_in_flight};
use sync_core::{Entry, ErrorKind, Store as _};

use super::{BUCKET, Fixture};
use crate::Conditions;

async fn objects(fixture: &Fixture, keys: &[&str]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for key in keys {
        entries.push(fixture.object(key, key.to_string()).await);
    }
    fixture.server.clear_log();
    entries
}

fn left(fixture: &Fixture) -> Vec<String> {
    fixture.server.objects(BUCKET).into_keys().collect()
}

#[tokio::test]
async fn batches_hold_a_thousand_keys() {
    let fixture = Fixture::new().await;
    let mut entries = Vec::new();
    for n in 0..2_500 {
        fixture.server.put(BUCKET, &n.to_string(), "x", None);
    }
    for item in fixture.list().await.unwrap() {
        if let sync_core::Listed::Entry(entry) = item {
            entries.push(entry);
        }
    }
    fixture.server.clear_log();
    let results = fixture.store.delete(&entries).await;
    assert_eq!(results.len(), 2_500);
    assert!(results.iter().all(Result::is_ok));
    assert!(left(&fixture).is_empty());
    assert_eq!(fixture.server.count("DeleteObjects"), 3);
    assert_eq!(fixture.server.log().len(), 3);
}

#[tokio::test]
async fn control_characters_are_deleted_singly_and_all_else_in_one() {
    let fixture = Fixture::new().await;
    let keys = [
        "a\nb", "a\r\nb", "\u{1}", "\u{1f}", "\u{ffff}", "<&>\"'", "ä b+%", "😀", "\u{7f}",
    ];
    let entries = objects(&fixture, &keys).await;
    for result in fixture.store.delete(&entries).await {
        result.unwrap();
    }
    assert!(left(&fixture).is_empty());
    assert_eq!(fixture.server.count("DeleteObjects"), 1);
    assert_eq!(fixture.server.count("DeleteObject"), 5);
}

#[tokio::test]
async fn errors_of_single_keys_are_theirs_alone() {
    let fixture = Fixture::new().await;
    let entries = objects(&fixture, &["a", "b", "c", "d"]).await;
    fixture.server.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::fail_keys(["b"], "AccessDenied")),
    );
    fixture.server.inject(
        Fault::on("DeleteObjects")
            .times(2)
            .act(Action::fail_keys(["c"], "InternalError")),
    );
    fixture.server.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::fail_keys(["d"], "SlowDown")),
    );
    let results = fixture.store.delete(&entries).await;
    let kinds: Vec<_> = results
        .iter()
        .map(|result| result.as_ref().err().map(sync_core::StoreError::kind))
        .collect();
    assert_eq!(
        kinds,
        [
            None,
            Some(ErrorKind::Denied),
            None,
            Some(ErrorKind::Throttled)
        ]
    );
    let text = results[1].as_ref().unwrap_err().to_string();
    assert!(text.starts_with("cannot delete 'b': "), "{text}");
    assert!(text.contains("s3:DeleteObject"), "{text}");
    assert_eq!(left(&fixture), ["b", "d"]);
}

/// A server that keeps silent about a key has not deleted it.
#[tokio::test]
async fn a_key_that_the_answer_lacks_is_not_taken_for_deleted() {
    let fixture = Fixture::new().await;
    let entries = objects(&fixture, &["a", "b"]).await;
    let answer = concat!(
        r#"<?xml version="1.0"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">"#,
        "<Deleted><Key>a</Key></Deleted></DeleteResult>"
    );
    fixture.server.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::fail_keys(["a", "b"], "InternalError")),
    );
    fixture.server.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::edit(move |it| it.body = answer.as_bytes().to_vec())),
    );
    fixture
        .server
        .inject(Fault::on("DeleteObject").act(Action::error(403, "AccessDenied")));
    let results = fixture.store.delete(&entries).await;
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn what_changed_is_left_alone_and_what_is_gone_counts_as_deleted() {
    for conditions in [Conditions::Server, Conditions::Client] {
        let fixture = Fixture::with_options(|options| options.conditions = conditions).await;
        let entries = objects(&fixture, &["a", "b", "c", "n\nx", "n\ny", "n\nz"]).await;
        for key in ["b", "n\nx"] {
            fixture.server.put(BUCKET, key, "newer", None);
        }
        for key in ["c", "n\ny"] {
            fixture.server.remove(BUCKET, key);
        }
        let results = fixture.store.delete(&entries).await;
        let changed: Vec<_> = results
            .iter()
            .map(|r| r.as_ref().err().map(sync_core::StoreError::kind))
            .collect();
        let is = Some(ErrorKind::Changed);
        assert_eq!(changed, [None, is, None, is, None, None]);
        assert_eq!(left(&fixture), ["b", "n\nx"]);
    }
}

/// Of keys that are gone, none shows how the server treats conditions. An interrupted run may
/// have deleted thousands.
#[tokio::test]
async fn keys_that_are_gone_are_not_tried_one_by_one() {
    let config = Config {
        latency: Duration::from_millis(30),
        ..Config::with_bucket(BUCKET)
    };
    let fixture = Fixture::with(config, |options| options.conditions = Conditions::Auto).await;
    let names: Vec<_> = (0..200).map(|n| format!("k{n:03}")).collect();
    let entries = objects(
        &fixture,
        &names.iter().map(|name| &**name).collect::<Vec<_>>(),
    )
    .await;
    for name in &names[..150] {
        fixture.server.remove(BUCKET, name);
    }
    fixture.server.put(BUCKET, "k160", "newer", None);
    let results = fixture.store.delete(&entries).await;
    let failed = results.iter().filter_map(|result| result.as_ref().err());
    let failed: Vec<_> = failed.map(sync_core::StoreError::kind).collect();
    assert_eq!(failed, [ErrorKind::Changed]);
    assert_eq!(left(&fixture), ["k160"]);
    let at_once = max_in_flight(&fixture.server.log(), Some("HeadObject"));
    assert!(at_once > 8, "{at_once} at once");
    assert!(fixture.server.count("DeleteObjects") < 6);
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_fails_each_of_its_keys() {
    let fixture = Fixture::new().await;
    let entries = objects(&fixture, &["a", "b"]).await;
    fixture.server.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::error(403, "AccessDenied")),
    );
    for result in fixture.store.delete(&entries).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Denied);
    }
    assert_eq!(left(&fixture), ["a", "b"]);
}

#[tokio::test]
async fn a_server_without_batches_is_served_singly() {
    let fixture = Fixture::new().await;
    let entries = objects(&fixture, &["a", "b"]).await;
    fixture.server.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::error(501, "NotImplemented")),
    );
    for result in fixture.store.delete(&entries).await {
        result.unwrap();
    }
    assert!(left(&fixture).is_empty());
}

#[tokio::test]
async fn an_answer_that_was_lost_is_no_failure() {
    let fixture = Fixture::new().await;
    let entries = objects(&fixture, &["a", "b\n"]).await;
    for operation in ["DeleteObjects", "DeleteObject"] {
        fixture
            .server
            .inject(Fault::on(operation).act(Action::LoseAnswer));
    }
    for result in fixture.store.delete(&entries).await {
        result.unwrap();
    }
    assert!(left(&fixture).is_empty());
}
