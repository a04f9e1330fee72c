//! Buckets that keep versions: what is kept, how it is listed, and how it is read.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use chrono::{DateTime, TimeDelta, Utc};

use super::{BUCKET, body, client, failure, start};
use crate::{Config, Endpoint, VersionOrder};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn versioned(config: Config) -> Endpoint {
    let endpoint = Endpoint::start(config).unwrap();
    endpoint.set_versioning(BUCKET, Some("Enabled"));
    endpoint
}

/// Two keys with deletions and a tie.
fn history(endpoint: &Endpoint) {
    endpoint.put(BUCKET, "a", "1", at(1));
    endpoint.put(BUCKET, "a", "22", at(2));
    endpoint.remove_at(BUCKET, "a", at(2));
    endpoint.put(BUCKET, "a", "333", at(4));
    endpoint.put(BUCKET, "b", "4444", at(5));
    endpoint.remove_at(BUCKET, "b", at(6));
}

/// The elements of all pages in document order: the key, and its size or that it is
/// a marker.
async fn document(endpoint: &Endpoint, size: i32) -> Vec<String> {
    let client = client(endpoint);
    let (mut all, mut key, mut id) = (Vec::new(), None::<String>, None::<String>);
    loop {
        let request = client.list_object_versions().bucket(BUCKET).max_keys(size);
        let request = request.set_key_marker(key).set_version_id_marker(id);
        let page = request.send().await.unwrap();
        // The SDK keeps the order within each kind only.
        all.extend(page.versions().iter().map(|version| {
            let latest = if version.is_latest() == Some(true) {
                "*"
            } else {
                ""
            };
            format!(
                "{}{}{latest}",
                version.key().unwrap(),
                version.size().unwrap()
            )
        }));
        all.extend(page.delete_markers().iter().map(|marker| {
            let latest = if marker.is_latest() == Some(true) {
                "*"
            } else {
                ""
            };
            format!("{}-{latest}", marker.key().unwrap())
        }));
        if page.is_truncated() != Some(true) {
            return all;
        }
        key = page.next_key_marker;
        id = page.next_version_id_marker;
    }
}

#[tokio::test]
async fn every_page_size_lists_every_version_once_and_in_order() {
    let endpoint = versioned(Config::with_bucket(BUCKET));
    history(&endpoint);
    let newest_first = ["a3*", "a-", "a2", "a1", "b-*", "b4"];
    assert_eq!(document(&endpoint, 1).await, newest_first);
    for size in 2..8 {
        let mut all = document(&endpoint, size).await;
        all.sort();
        assert_eq!(all, ["a-", "a1", "a2", "a3*", "b-*", "b4"], "{size}");
    }
}

#[tokio::test]
async fn the_oldest_may_come_first() {
    let config = Config {
        version_order: VersionOrder::OldestFirst,
        ..Config::with_bucket(BUCKET)
    };
    let endpoint = versioned(config);
    history(&endpoint);
    let oldest_first = ["a1", "a2", "a-", "a3*", "b4", "b-*"];
    assert_eq!(document(&endpoint, 1).await, oldest_first);
}

#[tokio::test]
async fn markers_are_among_the_versions_or_after_them() {
    for (order, kinds) in [
        (VersionOrder::NewestFirst, "VDVVDV"),
        (VersionOrder::Torn, "VVVVDD"),
        (VersionOrder::OldestFirst, "VVDVVD"),
    ] {
        let config = Config {
            version_order: order,
            anonymous: true,
            ..Config::with_bucket(BUCKET)
        };
        let endpoint = versioned(config);
        history(&endpoint);
        let xml = get(&endpoint, "bucket?versions").await;
        let starts = xml.split('<').filter_map(|tag| match tag {
            "Version>" => Some('V'),
            "DeleteMarker>" => Some('D'),
            _ => None,
        });
        assert_eq!(starts.collect::<String>(), kinds, "{xml}");
    }
}

#[tokio::test]
async fn directories_are_named_once_with_all_that_was_ever_in_them() {
    let endpoint = versioned(Config {
        page_size: 2,
        ..Config::with_bucket(BUCKET)
    });
    for key in ["a", "d/1", "d/2", "e/1", "f/1/2", "g"] {
        endpoint.put(BUCKET, key, "1", at(1));
    }
    endpoint.remove_at(BUCKET, "e/1", at(2));
    let client = client(&endpoint);
    let (mut all, mut marker) = (Vec::new(), None::<String>);
    loop {
        let request = client.list_object_versions().bucket(BUCKET).delimiter("/");
        let page = request.set_key_marker(marker).send().await.unwrap();
        all.extend(
            page.versions()
                .iter()
                .map(|it| it.key().unwrap().to_owned()),
        );
        let directories = page.common_prefixes().iter();
        all.extend(directories.map(|it| it.prefix().unwrap().to_owned()));
        if page.is_truncated() != Some(true) {
            break;
        }
        marker = page.next_key_marker;
    }
    all.sort();
    assert_eq!(all, ["a", "d/", "e/", "f/", "g"]);
}

/// The body of an answer to a GET without a signature.
async fn get(endpoint: &Endpoint, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = endpoint.url().replace("http://", "");
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_version_is_read_by_its_id_and_a_marker_is_not() {
    let endpoint = versioned(Config::with_bucket(BUCKET));
    history(&endpoint);
    let client = client(&endpoint);
    let versions = endpoint.versions(BUCKET);
    let get = |key: &str, id: &str| client.get_object().bucket(BUCKET).key(key).version_id(id);
    let oldest = versions["a"][0].id();
    let answer = get("a", oldest).send().await.unwrap();
    assert_eq!(answer.version_id(), Some(oldest));
    assert_eq!(answer.body.collect().await.unwrap().to_vec(), b"1");
    let head = client.head_object().bucket(BUCKET).key("a");
    let head = head.version_id(versions["a"][1].id()).send().await.unwrap();
    assert_eq!(head.content_length(), Some(2));
    let marker = get("a", versions["a"][2].id()).send().await;
    assert_eq!(failure(marker), (405, "MethodNotAllowed".into()));
    let unknown = get("a", "nothing").send().await;
    assert_eq!(failure(unknown), (404, "NoSuchVersion".into()));
    let current = client.get_object().bucket(BUCKET).key("b").send().await;
    assert_eq!(failure(current), (404, "NoSuchKey".into()));
}

#[tokio::test]
async fn writes_and_deletions_of_a_client_are_versions() {
    let endpoint = start();
    let client = client(&endpoint);
    put(&client, "a", "old").await;
    enable(&client, BucketVersioningStatus::Enabled).await;
    let second = put(&client, "a", "second").await;
    client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    assert_eq!(ids(&endpoint), ["null", second.as_deref().unwrap(), "-"]);
    // Suspended, a write replaces the version `null` and nothing else.
    enable(&client, BucketVersioningStatus::Suspended).await;
    assert_eq!(put(&client, "a", "third").await.as_deref(), Some("null"));
    assert_eq!(ids(&endpoint), [second.as_deref().unwrap(), "-", "null"]);
    let deleted = client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));
    assert_eq!(ids(&endpoint), [second.as_deref().unwrap(), "-", "-"]);
    // A version that is deleted by its id is gone for ever.
    for version in endpoint.versions(BUCKET)["a"].iter().skip(1) {
        let request = client.delete_object().bucket(BUCKET).key("a");
        request.version_id(version.id()).send().await.unwrap();
    }
    assert_eq!(endpoint.object(BUCKET, "a").unwrap().body(), "second");
}

async fn put(client: &Client, key: &str, text: &str) -> Option<String> {
    let request = client.put_object().bucket(BUCKET).key(key);
    request.body(body(text)).send().await.unwrap().version_id
}

async fn enable(client: &Client, status: BucketVersioningStatus) {
    let status = VersioningConfiguration::builder().status(status).build();
    let request = client.put_bucket_versioning().bucket(BUCKET);
    request
        .versioning_configuration(status)
        .send()
        .await
        .unwrap();
}

/// The ids of the versions of `a` from the oldest on; `-` for a marker.
fn ids(endpoint: &Endpoint) -> Vec<String> {
    let versions = endpoint.versions(BUCKET);
    let ids = versions["a"].iter().map(|version| match version.object() {
        Some(_) => version.id().to_owned(),
        None => "-".to_owned(),
    });
    ids.collect()
}

#[tokio::test]
async fn lifecycle_rules_are_told() {
    let endpoint = start();
    let client = client(&endpoint);
    let ask = || client.get_bucket_lifecycle_configuration().bucket(BUCKET);
    let none = failure(ask().send().await);
    assert_eq!(none, (404, "NoSuchLifecycleConfiguration".into()));
    endpoint.set_lifecycle(
        BUCKET,
        Some(
            "<Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix>a/</Prefix></Filter>\
             <NoncurrentVersionExpiration><NoncurrentDays>90</NoncurrentDays>\
             </NoncurrentVersionExpiration></Rule>",
        ),
    );
    let answer = ask().send().await.unwrap();
    let expiration = answer.rules()[0].noncurrent_version_expiration().unwrap();
    assert_eq!(expiration.noncurrent_days(), Some(90));
}
