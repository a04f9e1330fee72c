//! Checksums as the SDK sends and checks them.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ChecksumType};

use super::*;

#[tokio::test]
async fn every_checksum_is_verified_stored_and_shown() {
    let endpoint = start();
    let client = client(&endpoint);
    let algorithms =
        ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"].map(ChecksumAlgorithm::from);
    for algorithm in algorithms {
        let put = client
            .put_object()
            .bucket(BUCKET)
            .key("k")
            .body(body("123456789"));
        put.checksum_algorithm(algorithm.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(
            endpoint.object(BUCKET, "k").unwrap().checksum().0,
            algorithm.as_str()
        );
        // The SDK compares the checksum with the body itself.
        let got = client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        assert_eq!(got.checksum_type(), Some(&ChecksumType::FullObject));
        got.body.collect().await.unwrap();
    }
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body("123456789"));
    assert_eq!(
        failure(put.checksum_crc32("AAAAAA==").send().await),
        (400, "BadDigest".into())
    );
    let put = client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body("123456789"));
    assert_eq!(
        failure(put.content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await),
        (400, "BadDigest".into())
    );
}

#[tokio::test]
async fn without_a_checksum_s3_adds_crc64nvme() {
    let endpoint = start();
    let client = bare_client(&endpoint);
    client
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(body("123456789"))
        .send()
        .await
        .unwrap();
    assert_eq!(endpoint.log()[0].header("x-amz-checksum-crc32"), None);
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(head.checksum_crc64_nvme(), Some("rosUhgp5mIg="));
    let head = client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(head.checksum_crc64_nvme(), None);
}

/// From a file the SDK streams: aws-chunked, unsigned, the checksum behind.
#[tokio::test]
async fn aws_chunked_bodies_with_trailers() {
    let endpoint = start();
    let file = tempfile::NamedTempFile::new().unwrap();
    let data = noise(300_000);
    std::fs::write(file.path(), &data).unwrap();
    let stream = ByteStream::read_from()
        .path(file.path())
        .build()
        .await
        .unwrap();
    client(&endpoint)
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .body(stream)
        .send()
        .await
        .unwrap();
    let entry = &endpoint.log()[0];
    assert_eq!(entry.header("content-encoding"), Some("aws-chunked"));
    assert_eq!(entry.header("x-amz-trailer"), Some("x-amz-checksum-crc32"));
    assert!(entry.bytes_in > 300_000, "the framing counts too");
    let object = endpoint.object(BUCKET, "k").unwrap();
    assert_eq!(object.body(), data);
    assert_eq!(object.checksum().0, "CRC32");
}
