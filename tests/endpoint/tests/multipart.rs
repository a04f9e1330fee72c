//! Multipart uploads from beginning to end.

use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
};

use super::*;

const PART: usize = 5 << 20;

/// Sends parts and returns what completing needs.
pub(super) async fn upload(
    client: &Client,
    id: &str,
    algorithm: ChecksumAlgorithm,
    parts: &[Vec<u8>],
) -> CompletedMultipartUpload {
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(parts) {
        let sent = client
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(id)
            .part_number(number);
        let sent = sent
            .checksum_algorithm(algorithm.clone())
            .body(body(part.clone()))
            .send()
            .await
            .unwrap();
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(sent.e_tag);
        let part = part
            .set_checksum_crc32(sent.checksum_crc32)
            .set_checksum_crc64_nvme(sent.checksum_crc64_nvme);
        completed = completed.parts(part.build());
    }
    completed.build()
}

pub(super) async fn create(
    client: &Client,
    algorithm: ChecksumAlgorithm,
    kind: ChecksumType,
) -> String {
    let created = client.create_multipart_upload().bucket(BUCKET).key("k");
    let created = created
        .checksum_algorithm(algorithm)
        .checksum_type(kind)
        .metadata("a", "b")
        .send()
        .await
        .unwrap();
    created.upload_id.unwrap()
}

#[tokio::test]
async fn parts_become_an_object() {
    let endpoint = start();
    let client = client(&endpoint);
    let parts = [noise(PART), noise(PART), noise(17)];
    let kinds = [
        (ChecksumAlgorithm::Crc64Nvme, ChecksumType::FullObject),
        (ChecksumAlgorithm::Crc32, ChecksumType::FullObject),
        (ChecksumAlgorithm::Crc32, ChecksumType::Composite),
    ];
    for (algorithm, kind) in kinds {
        let id = create(&client, algorithm.clone(), kind.clone()).await;
        assert_eq!(endpoint.open_uploads(BUCKET).len(), 1);
        let completed = upload(&client, &id, algorithm.clone(), &parts).await;
        assert_eq!(endpoint.open_uploads(BUCKET)[0].parts, [1, 2, 3]);
        let done = client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id);
        let done = done
            .checksum_type(kind.clone())
            .multipart_upload(completed)
            .send()
            .await
            .unwrap();
        assert!(done.e_tag().unwrap().ends_with("-3\""));
        assert_eq!(done.checksum_type(), Some(&kind));
        let object = endpoint.object(BUCKET, "k").unwrap();
        assert_eq!(object.body(), parts.concat());
        assert_eq!(object.metadata("a"), Some("b"));
        assert_eq!(
            object.checksum().1.ends_with("-3"),
            kind == ChecksumType::Composite
        );
        // The SDK verifies full-object checksums.
        let got = client
            .get_object()
            .bucket(BUCKET)
            .key("k")
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        assert_eq!(got.body.collect().await.unwrap().to_vec(), parts.concat());
        assert_eq!(endpoint.open_uploads(BUCKET), []);
    }
}

#[tokio::test]
async fn the_time_is_that_of_initiation() {
    let endpoint = start();
    let client = client(&endpoint);
    let id = create(
        &client,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumType::FullObject,
    )
    .await;
    let initiated = endpoint.open_uploads(BUCKET)[0].initiated;
    endpoint.set_clock_offset(chrono::TimeDelta::seconds(100));
    let completed = upload(&client, &id, ChecksumAlgorithm::Crc64Nvme, &[noise(1)]).await;
    let done = client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id);
    done.multipart_upload(completed).send().await.unwrap();
    assert_eq!(endpoint.object(BUCKET, "k").unwrap().modified(), initiated);
}

#[tokio::test]
async fn completing_has_conditions() {
    let endpoint = start();
    let client = client(&endpoint);
    let id = create(
        &client,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumType::FullObject,
    )
    .await;
    let completed = upload(&client, &id, ChecksumAlgorithm::Crc64Nvme, &[noise(1)]).await;
    let complete = || {
        let complete = client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id);
        complete.multipart_upload(completed.clone())
    };
    assert_eq!(
        failure(complete().if_match("\"0000\"").send().await),
        (404, "NoSuchKey".into())
    );
    endpoint.put(BUCKET, "k", "x", None);
    assert_eq!(
        failure(complete().if_none_match("*").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(
        failure(complete().if_match("\"0000\"").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(endpoint.object(BUCKET, "k").unwrap().body(), "x");
    let etag = endpoint.object(BUCKET, "k").unwrap().etag();
    complete()
        .if_match(format!("\"{etag}\""))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn open_uploads_are_listed_and_aborted() {
    let endpoint = start();
    let client = client(&endpoint);
    for key in ["b", "a", "a"] {
        client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let page = client
            .list_multipart_uploads()
            .bucket(BUCKET)
            .max_uploads(1);
        let page = page
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .send()
            .await
            .unwrap();
        seen.extend(page.uploads().iter().map(|upload| {
            (
                upload.key.clone().unwrap(),
                upload.upload_id.clone().unwrap(),
            )
        }));
        if page.is_truncated() != Some(true) {
            break;
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
    }
    assert_eq!(
        seen.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        ["a", "a", "b"]
    );
    for (key, id) in seen {
        let part = client
            .upload_part()
            .bucket(BUCKET)
            .key(&key)
            .upload_id(&id)
            .part_number(3)
            .body(body("xyz"));
        part.send().await.unwrap();
        let parts = client
            .list_parts()
            .bucket(BUCKET)
            .key(&key)
            .upload_id(&id)
            .send()
            .await
            .unwrap();
        assert_eq!((parts.parts().len(), parts.parts()[0].size()), (1, Some(3)));
        let abort = || {
            client
                .abort_multipart_upload()
                .bucket(BUCKET)
                .key(&key)
                .upload_id(&id)
                .send()
        };
        abort().await.unwrap();
        assert_eq!(failure(abort().await), (404, "NoSuchUpload".into()));
    }
    assert_eq!(endpoint.open_uploads(BUCKET), []);
}
