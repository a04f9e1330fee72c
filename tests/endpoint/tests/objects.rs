//! PUT, GET, HEAD, COPY: contents, ranges, conditions, checksums, odd keys.

use aws_sdk_s3::types::ChecksumMode;

use super::*;

#[tokio::test]
async fn what_is_put_is_got() {
    let endpoint = start();
    let client = client(&endpoint);
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body("hello"))
        .metadata("mtime", "1.5");
    let put = put.content_type("text/plain").send().await.unwrap();
    assert_eq!(put.e_tag(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
    let got = client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(got.e_tag(), put.e_tag());
    assert_eq!(
        (got.content_type(), got.content_length()),
        (Some("text/plain"), Some(5))
    );
    assert_eq!(got.metadata().unwrap()["mtime"], "1.5");
    assert_eq!(got.last_modified().unwrap().subsec_nanos(), 0);
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"hello");
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (head.content_length(), head.e_tag()),
        (Some(5), put.e_tag())
    );
    assert_eq!(endpoint.object(BUCKET, "k").unwrap().body(), "hello");
}

#[tokio::test]
async fn empty_and_large_objects_come_back() {
    let endpoint = start();
    let client = client(&endpoint);
    for len in [0, 1, 65_535, 3_000_001] {
        let data = noise(len);
        client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(body(data.clone()))
            .send()
            .await
            .unwrap();
        let got = client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        assert_eq!(got.body.collect().await.unwrap().to_vec(), data);
    }
}

#[tokio::test]
async fn odd_keys_stay_apart_and_come_back() {
    let endpoint = start();
    let client = client(&endpoint);
    for key in ODD_KEYS {
        client
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .body(body(key))
            .send()
            .await
            .unwrap();
    }
    assert_eq!(endpoint.objects(BUCKET).len(), ODD_KEYS.len());
    for key in ODD_KEYS {
        let got = client
            .get_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        assert_eq!(
            got.body.collect().await.unwrap().to_vec(),
            key.as_bytes(),
            "{key:?}"
        );
        client
            .head_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        client
            .delete_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
    }
    assert_eq!(endpoint.objects(BUCKET).len(), 0);
}

#[tokio::test]
async fn keys_end_at_1024_bytes() {
    let endpoint = start();
    let client = client(&endpoint);
    let put = |len: usize| {
        client
            .put_object()
            .bucket(BUCKET)
            .key("é".repeat(len / 2))
            .body(body("x"))
            .send()
    };
    put(1024).await.unwrap();
    assert_eq!(failure(put(1026).await), (400, "KeyTooLongError".into()));
}

#[tokio::test]
async fn ranges() {
    let endpoint = start();
    let client = client(&endpoint);
    endpoint.put(BUCKET, "k", "0123456789", None);
    let get = |range: &str| {
        client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .range(range)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
    };
    let got = get("bytes=2-4").await.unwrap();
    assert_eq!(
        (got.content_range(), got.content_length()),
        (Some("bytes 2-4/10"), Some(3))
    );
    assert_eq!(got.checksum_crc64_nvme(), None);
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"234");
    assert_eq!(
        get("bytes=-2")
            .await
            .unwrap()
            .body
            .collect()
            .await
            .unwrap()
            .to_vec(),
        b"89"
    );
    assert_eq!(
        failure(get("bytes=10-").await),
        (416, "InvalidRange".into())
    );
    let entry = &endpoint.log()[0];
    assert_eq!(
        (entry.range.as_deref(), entry.status, entry.bytes_out),
        (Some("bytes=2-4"), Some(206), 3)
    );
}

#[tokio::test]
async fn missing_things_have_names() {
    let endpoint = start();
    let client = client(&endpoint);
    let get = |bucket: &str| client.get_object().bucket(bucket).key("k").send();
    assert_eq!(failure(get(BUCKET).await), (404, "NoSuchKey".into()));
    assert_eq!(failure(get("absent").await), (404, "NoSuchBucket".into()));
    assert_eq!(
        failure(client.head_object().bucket(BUCKET).key("k").send().await),
        (404, "NotFound".into())
    );
    assert_eq!(
        failure(client.head_bucket().bucket("absent").send().await),
        (404, "NotFound".into())
    );
    let put = client
        .put_object()
        .bucket("absent")
        .key("k")
        .body(body(noise(1 << 20)))
        .send()
        .await;
    assert_eq!(failure(put), (404, "NoSuchBucket".into()));
}

#[tokio::test]
async fn conditional_writes() {
    let endpoint = start();
    let client = client(&endpoint);
    let put = || client.put_object().bucket(BUCKET).key("k").body(body("x"));
    assert_eq!(
        failure(put().if_match("\"0000\"").send().await),
        (404, "NoSuchKey".into())
    );
    let etag = put()
        .if_none_match("*")
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    assert_eq!(
        failure(put().if_none_match("*").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(
        failure(put().if_match("\"0000\"").send().await),
        (412, "PreconditionFailed".into())
    );
    put().if_match(etag).send().await.unwrap();
    assert!(endpoint.log().iter().all(|entry| entry.conditional));
}

#[tokio::test]
async fn conditional_reads() {
    let endpoint = start();
    let client = client(&endpoint);
    endpoint.put(BUCKET, "k", "x", None);
    let etag = endpoint.object(BUCKET, "k").unwrap().etag();
    let get = || client.get_object().bucket(BUCKET).key("k");
    get().if_match(format!("\"{etag}\"")).send().await.unwrap();
    assert_eq!(
        failure(get().if_match("\"0000\"").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(
        failure(get().if_none_match(format!("\"{etag}\"")).send().await).0,
        304
    );
    assert_eq!(
        failure(
            client
                .head_object()
                .bucket(BUCKET)
                .key("k")
                .if_match("\"0000\"")
                .send()
                .await
        )
        .0,
        412
    );
}

#[tokio::test]
async fn archived_objects_are_shown_but_not_given() {
    let endpoint = start();
    let client = client(&endpoint);
    endpoint.put(BUCKET, "k", "x", None);
    endpoint.set_storage_class(BUCKET, "k", "GLACIER");
    let got = client.get_object().bucket(BUCKET).key("k").send().await;
    assert_eq!(failure(got), (403, "InvalidObjectState".into()));
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(head.storage_class().unwrap().as_str(), "GLACIER");
}

#[tokio::test]
async fn copies_keep_the_content() {
    let endpoint = start();
    let client = client(&endpoint);
    endpoint.put(BUCKET, "a b/é", "x", None);
    let copy = client
        .copy_object()
        .bucket(BUCKET)
        .key("copy")
        .copy_source("bucket/a%20b/%C3%A9");
    copy.send().await.unwrap();
    assert_eq!(endpoint.object(BUCKET, "copy").unwrap().body(), "x");
}

/// botocore waits for it even if there is no body to wait with.
#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let endpoint = Endpoint::start(Config {
        anonymous: true,
        ..Config::with_bucket(BUCKET)
    })
    .unwrap();
    let mut stream = tokio::net::TcpStream::connect(endpoint.url().trim_start_matches("http://"))
        .await
        .unwrap();
    for body in ["", "x"] {
        let length = body.len();
        let head = format!(
            "PUT /bucket/k HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert_eq!(endpoint.object(BUCKET, "k").unwrap().body(), body);
    }
}
