//! What is wrong with parts, and what S3 says to it.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};

use super::{
    multipart::{create, upload},
    *,
};

#[tokio::test]
async fn a_part_must_use_the_checksum_of_its_upload() {
    let endpoint = start();
    let client = client(&endpoint);
    let id = create(
        &client,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumType::FullObject,
    )
    .await;
    let part = || {
        client
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id)
            .part_number(1)
            .body(body("x"))
    };
    let other = part()
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .send()
        .await;
    assert_eq!(failure(other), (400, "InvalidRequest".into()));
    let wrong = part().checksum_crc64_nvme("AAAAAAAAAAA=").send().await;
    assert_eq!(failure(wrong), (400, "BadDigest".into()));
    let id = create(&client, ChecksumAlgorithm::Crc32, ChecksumType::Composite).await;
    let part = bare_client(&endpoint)
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .part_number(1);
    assert_eq!(
        failure(part.body(body("x")).send().await),
        (400, "InvalidRequest".into())
    );
}

/// The SDK gives parts a CRC32 of which the upload knows nothing.
#[tokio::test]
async fn undeclared_checksums_must_be_repeated() {
    let endpoint = start();
    let client = client(&endpoint);
    let created = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let id = created.upload_id().unwrap();
    let part = client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(id)
        .part_number(1);
    let part = part.body(body("x")).send().await.unwrap();
    let complete = |checksum: Option<String>| {
        let part = CompletedPart::builder()
            .part_number(1)
            .set_e_tag(part.e_tag.clone())
            .set_checksum_crc32(checksum);
        let upload = CompletedMultipartUpload::builder()
            .parts(part.build())
            .build();
        client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(id)
            .multipart_upload(upload)
            .send()
    };
    assert_eq!(failure(complete(None).await), (400, "InvalidPart".into()));
    complete(part.checksum_crc32.clone()).await.unwrap();
    assert_eq!(
        endpoint.object(BUCKET, "k").unwrap().checksum().0,
        "CRC64NVME"
    );
}

#[tokio::test]
async fn what_is_wrong_with_the_parts_is_told() {
    let endpoint = start();
    let client = client(&endpoint);
    let id = create(
        &client,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumType::FullObject,
    )
    .await;
    let right = upload(
        &client,
        &id,
        ChecksumAlgorithm::Crc64Nvme,
        &[noise(10), noise(10)],
    )
    .await;
    let complete = |parts: &[CompletedPart]| {
        let upload = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.to_vec()))
            .build();
        client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id)
            .multipart_upload(upload)
    };
    let parts = right.parts();
    let strange = CompletedPart::builder()
        .part_number(1)
        .e_tag("\"0000\"")
        .build();
    let swapped = [parts[1].clone(), parts[0].clone()];
    assert_eq!(
        failure(complete(parts).send().await),
        (400, "EntityTooSmall".into())
    );
    assert_eq!(
        failure(complete(&swapped).send().await),
        (400, "InvalidPartOrder".into())
    );
    assert_eq!(
        failure(complete(&[strange]).send().await),
        (400, "InvalidPart".into())
    );
    assert_eq!(
        failure(complete(&[]).send().await),
        (400, "MalformedXML".into())
    );
    let wrong_sum = complete(&parts[..1])
        .checksum_crc64_nvme("AAAAAAAAAAA=")
        .send()
        .await;
    assert_eq!(failure(wrong_sum), (400, "BadDigest".into()));
    let wrong_size = complete(&parts[..1]).mpu_object_size(11).send().await;
    assert_eq!(failure(wrong_size), (400, "InvalidRequest".into()));
    complete(&parts[..1])
        .mpu_object_size(10)
        .send()
        .await
        .unwrap();
    assert_eq!(
        failure(complete(&parts[..1]).send().await),
        (404, "NoSuchUpload".into())
    );
}
