//! Deleting one and many.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::*;
use crate::{Action, Fault};

fn named(key: &str) -> ObjectIdentifier {
    ObjectIdentifier::builder().key(key).build().unwrap()
}

fn request(objects: impl IntoIterator<Item = ObjectIdentifier>) -> Delete {
    Delete::builder()
        .set_objects(Some(objects.into_iter().collect()))
        .build()
        .unwrap()
}

#[tokio::test]
async fn deleting_what_is_not_there_succeeds() {
    let endpoint = start();
    let client = client(&endpoint);
    client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(endpoint.log()[0].status, Some(204));
}

#[tokio::test]
async fn one_deletion_with_a_condition() {
    let endpoint = start();
    let client = client(&endpoint);
    endpoint.put(BUCKET, "k", "x", None);
    let etag = endpoint.object(BUCKET, "k").unwrap().etag();
    let delete = |etag: &str| {
        client
            .delete_object()
            .bucket(BUCKET)
            .key("k")
            .if_match(format!("\"{etag}\""))
            .send()
    };
    assert_eq!(
        failure(delete("0000").await),
        (412, "PreconditionFailed".into())
    );
    delete(&etag).await.unwrap();
    assert!(endpoint.object(BUCKET, "k").is_none());
}

#[tokio::test]
async fn many_deletions_answer_key_by_key() {
    let endpoint = start();
    let client = client(&endpoint);
    for key in ["a", "b", "c", "d"] {
        endpoint.put(BUCKET, key, key, None);
    }
    endpoint.inject(Fault::on("DeleteObjects").act(Action::fail_keys(["c"], "InternalError")));
    let etag = endpoint.object(BUCKET, "a").unwrap().etag();
    let guarded = |key: &str, etag: &str| {
        ObjectIdentifier::builder()
            .key(key)
            .e_tag(etag)
            .build()
            .unwrap()
    };
    let delete = request([
        guarded("a", &format!("\"{etag}\"")),
        guarded("b", "\"0000\""),
        named("c"),
        named("d"),
    ]);
    let answer = client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    let deleted: Vec<_> = answer
        .deleted()
        .iter()
        .filter_map(|deleted| deleted.key())
        .collect();
    assert_eq!(deleted, ["a", "d"]);
    let errors: Vec<_> = answer
        .errors()
        .iter()
        .map(|error| (error.key().unwrap(), error.code().unwrap()))
        .collect();
    assert_eq!(
        errors,
        [("b", "PreconditionFailed"), ("c", "InternalError")]
    );
    assert_eq!(
        endpoint.objects(BUCKET).into_keys().collect::<Vec<_>>(),
        ["b", "c"]
    );
}

#[tokio::test]
async fn a_thousand_keys_and_no_more() {
    let endpoint = start();
    let client = client(&endpoint);
    let keys = |count: usize| request((0..count).map(|n| named(&format!("k{n}"))));
    for n in 0..1000 {
        endpoint.put(BUCKET, &format!("k{n}"), "", None);
    }
    let delete = |count| {
        client
            .delete_objects()
            .bucket(BUCKET)
            .delete(keys(count))
            .send()
    };
    assert_eq!(failure(delete(1001).await), (400, "MalformedXML".into()));
    assert_eq!(delete(1000).await.unwrap().deleted().len(), 1000);
    assert_eq!(endpoint.objects(BUCKET).len(), 0);
}

/// All odd keys but those that XML cannot hold, which spoil their request.
#[tokio::test]
async fn odd_keys_are_deleted_unless_xml_cannot_hold_them() {
    let endpoint = start();
    let client = client(&endpoint);
    for key in ODD_KEYS {
        endpoint.put(BUCKET, key, "", None);
    }
    let delete = request(ODD_KEYS.map(named));
    let all = client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await;
    assert_eq!(failure(all), (400, "MalformedXML".into()));
    let holdable = ODD_KEYS
        .into_iter()
        .filter(|key| *key != "\u{1}")
        .map(named);
    let delete = request(holdable);
    client
        .delete_objects()
        .bucket(BUCKET)
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(
        endpoint.objects(BUCKET).into_keys().collect::<Vec<_>>(),
        ["\u{1}"]
    );
}
