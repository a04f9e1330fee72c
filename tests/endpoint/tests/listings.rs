//! Listings as a client reads them.

use std::collections::BTreeSet;

use aws_sdk_s3::types::EncodingType;

use super::*;
use crate::ListOrder;

/// All keys, page by page, and the number of pages.
async fn list(client: &Client, prefix: &str) -> (Vec<String>, usize) {
    let mut pages = client
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(prefix)
        .into_paginator()
        .send();
    let (mut keys, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next().await {
        keys.extend(
            page.unwrap()
                .contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
        count += 1;
    }
    (keys, count)
}

#[tokio::test]
async fn pages_follow_each_other_in_byte_order() {
    let config = Config {
        page_size: 7,
        ..Config::with_bucket(BUCKET)
    };
    let endpoint = Endpoint::start(config).unwrap();
    for n in (0..100).rev() {
        endpoint.put(BUCKET, &format!("k{n:02}"), "", None);
    }
    endpoint.put(BUCKET, "other", "", None);
    let (keys, pages) = list(&client(&endpoint), "k").await;
    assert!(keys.is_sorted());
    assert_eq!((keys.len(), pages), (100, 15));
    assert_eq!(endpoint.count("ListObjectsV2"), 15);
}

#[tokio::test]
async fn other_orders_on_request() {
    for (list_order, sorted) in [
        (ListOrder::DirectoryWise, ["a/x", "a-b/y"]),
        (ListOrder::Bytes, ["a-b/y", "a/x"]),
    ] {
        let config = Config {
            list_order,
            page_size: 1,
            ..Config::with_bucket(BUCKET)
        };
        let endpoint = Endpoint::start(config).unwrap();
        endpoint.put(BUCKET, "a/x", "", None);
        endpoint.put(BUCKET, "a-b/y", "", None);
        assert_eq!(list(&client(&endpoint), "").await.0, sorted);
    }
}

#[tokio::test]
async fn odd_keys_are_listed_with_url_encoding() {
    let config = Config {
        page_size: 3,
        ..Config::with_bucket(BUCKET)
    };
    let endpoint = Endpoint::start(config).unwrap();
    for key in ODD_KEYS {
        endpoint.put(BUCKET, key, "", None);
    }
    let client = client(&endpoint);
    let mut pages = client
        .list_objects_v2()
        .bucket(BUCKET)
        .encoding_type(EncodingType::Url)
        .into_paginator()
        .send();
    let mut keys = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.encoding_type(), Some(&EncodingType::Url));
        for object in page.contents() {
            let plain = object.key().unwrap().replace('+', " ");
            keys.insert(
                percent_encoding::percent_decode_str(&plain)
                    .decode_utf8()
                    .unwrap()
                    .into_owned(),
            );
        }
    }
    assert_eq!(keys, ODD_KEYS.map(str::to_owned).into());
}

#[tokio::test]
async fn delimiters_roll_up() {
    let endpoint = start();
    for key in ["a", "a-b/y", "a/x", "a/y/z"] {
        endpoint.put(BUCKET, key, "x", None);
    }
    let client = client(&endpoint);
    let page = client
        .list_objects_v2()
        .bucket(BUCKET)
        .delimiter("/")
        .send()
        .await
        .unwrap();
    let prefixes: Vec<_> = page
        .common_prefixes()
        .iter()
        .filter_map(|prefix| prefix.prefix())
        .collect();
    assert_eq!(prefixes, ["a-b/", "a/"]);
    assert_eq!((page.contents().len(), page.key_count()), (1, Some(3)));
    let object = &page.contents()[0];
    assert_eq!((object.key(), object.size()), (Some("a"), Some(1)));
    assert_eq!(object.e_tag(), Some("\"9dd4e461268c8034f5c8564e155c67a6\""));
}

#[tokio::test]
async fn start_after_max_keys_and_bad_tokens() {
    let endpoint = start();
    for key in ["a", "b", "c"] {
        endpoint.put(BUCKET, key, "", None);
    }
    let client = client(&endpoint);
    let list = || client.list_objects_v2().bucket(BUCKET);
    let page = list().start_after("a").max_keys(1).send().await.unwrap();
    assert_eq!(page.contents()[0].key(), Some("b"));
    assert_eq!(
        (page.is_truncated(), page.max_keys()),
        (Some(true), Some(1))
    );
    let page = list().max_keys(0).send().await.unwrap();
    assert_eq!(
        (page.contents().len(), page.is_truncated()),
        (0, Some(false))
    );
    assert_eq!(
        failure(list().continuation_token("!").send().await),
        (400, "InvalidArgument".into())
    );
    let absent = client.list_objects_v2().bucket("absent").send().await;
    assert_eq!(failure(absent), (404, "NoSuchBucket".into()));
}

#[tokio::test]
async fn buckets_come_and_go() {
    let endpoint = start();
    let client = client(&endpoint);
    client
        .create_bucket()
        .bucket("second")
        .send()
        .await
        .unwrap();
    let again = client.create_bucket().bucket("second").send().await;
    assert_eq!(failure(again), (409, "BucketAlreadyOwnedByYou".into()));
    let buckets = client.list_buckets().send().await.unwrap();
    let names: Vec<_> = buckets
        .buckets()
        .iter()
        .filter_map(|bucket| bucket.name())
        .collect();
    assert_eq!(names, [BUCKET, "second"]);
    endpoint.put("second", "k", "", None);
    assert_eq!(
        failure(client.delete_bucket().bucket("second").send().await),
        (409, "BucketNotEmpty".into())
    );
    endpoint.remove("second", "k");
    client
        .delete_bucket()
        .bucket("second")
        .send()
        .await
        .unwrap();
    assert_eq!(
        failure(client.head_bucket().bucket("second").send().await).0,
        404
    );
}

/// Not a test of truth but of cost; run it with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn a_million_keys() {
    for list_order in [ListOrder::Bytes, ListOrder::DirectoryWise] {
        let resident = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            status
                .lines()
                .find(|line| line.starts_with("VmRSS"))
                .unwrap()
                .to_owned()
        };
        let endpoint = Endpoint::start(Config {
            list_order,
            ..Config::with_bucket(BUCKET)
        })
        .unwrap();
        let before = resident();
        let begun = std::time::Instant::now();
        for n in 0..1_000_000 {
            endpoint.put(BUCKET, &format!("dir{:04}/file{n:07}", n / 1000), "x", None);
        }
        println!(
            "{list_order:?}: filled in {:?}, {before} -> {}",
            begun.elapsed(),
            resident()
        );
        let begun = std::time::Instant::now();
        let (keys, pages) = list(&client(&endpoint), "").await;
        println!(
            "{} keys on {pages} pages in {:?}",
            keys.len(),
            begun.elapsed()
        );
        let busy: Duration = endpoint
            .log()
            .iter()
            .map(|entry| entry.end.unwrap() - entry.start)
            .sum();
        println!("of which the endpoint took {busy:?}");
    }
}
