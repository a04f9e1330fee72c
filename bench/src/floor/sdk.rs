//! The AWS SDK in one thread, with nothing around it.

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation,
        ResponseChecksumValidation,
    },
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Action, CONCURRENCY, Piece, pieces};
use crate::{content::Content, layout::Layout, sums::PART};

/// Whether the content of an upload is signed, which hashes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// As is usual over http.
    Payload,
    /// As is usual over https.
    Unsigned,
}

/// Does `action` with all files of `layout`.
pub async fn run(
    action: Action,
    layout: Layout,
    url: &str,
    bucket: &str,
    signing: Signing,
) -> Result<()> {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
        .endpoint_url(url)
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    let floor = Floor {
        client: Client::from_conf(config),
        bucket,
        signing,
    };
    match action {
        Action::List => floor.list(layout).await,
        Action::Get => floor.get(layout).await,
        Action::Put if layout.size(0) <= PART => floor.put(layout).await,
        Action::Put => floor.put_parts(layout).await,
    }
}

struct Floor<'a> {
    client: Client,
    bucket: &'a str,
    signing: Signing,
}

impl Floor<'_> {
    async fn list(&self, layout: Layout) -> Result<()> {
        let request = self.client.list_objects_v2().bucket(self.bucket);
        let mut pages = request.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += page?.contents().len() as u64;
        }
        ensure!(count == layout.count, "the listing has {count} entries");
        Ok(())
    }

    async fn get(&self, layout: Layout) -> Result<()> {
        let work = pieces(layout).map(|piece| async move {
            let range = format!("bytes={}-{}", piece.range.start, piece.range.end - 1);
            let answer = self
                .client
                .get_object()
                .bucket(self.bucket)
                .key(&piece.key)
                .set_range((!piece.is_whole()).then_some(range))
                .send()
                .await?;
            let mut body = answer.body;
            let mut len = 0;
            while let Some(bytes) = body.try_next().await? {
                len += bytes.len() as u64;
            }
            ensure!(len == piece.range.end - piece.range.start, "{len} bytes");
            Ok(())
        });
        stream::iter(work)
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    async fn put(&self, layout: Layout) -> Result<()> {
        let work = pieces(layout).map(|piece| async move {
            let Piece { index, size, .. } = piece;
            let content = Content { index, size }.copy(0..size);
            let request = self
                .client
                .put_object()
                .bucket(self.bucket)
                .key(piece.key)
                .body(content.into())
                .customize();
            match self.signing {
                Signing::Payload => request.send().await?,
                Signing::Unsigned => request.disable_payload_signing().send().await?,
            };
            anyhow::Ok(())
        });
        stream::iter(work)
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// One file after the other, the parts of each at once.
    async fn put_parts(&self, layout: Layout) -> Result<()> {
        for (index, key, size) in layout.files() {
            // All parts of a file are alike.
            let content = Content { index, size }.copy(0..PART.min(size));
            let (client, bucket) = (&self.client, self.bucket);
            let create = client.create_multipart_upload().bucket(bucket).key(&key);
            let id = create.send().await?.upload_id;
            let id = id.context("an upload without an id")?;
            let of_file = pieces(layout).filter(|piece| piece.index == index);
            let work = of_file.map(|piece| self.part(piece, &id, &content));
            let mut parts: Vec<CompletedPart> = stream::iter(work)
                .buffer_unordered(CONCURRENCY)
                .try_collect()
                .await?;
            parts.sort_by_key(CompletedPart::part_number);
            let parts = CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build();
            let complete = client.complete_multipart_upload().bucket(bucket).key(key);
            complete
                .upload_id(id)
                .multipart_upload(parts)
                .send()
                .await?;
        }
        Ok(())
    }

    async fn part(&self, piece: Piece, id: &str, content: &Bytes) -> Result<CompletedPart> {
        let number = i32::try_from(piece.number())?;
        let len = usize::try_from(piece.range.end - piece.range.start)?;
        let request = self
            .client
            .upload_part()
            .bucket(self.bucket)
            .key(piece.key)
            .upload_id(id)
            .part_number(number)
            .body(ByteStream::from(content.slice(..len)))
            .customize();
        let answer = match self.signing {
            Signing::Payload => request.send().await?,
            Signing::Unsigned => request.disable_payload_signing().send().await?,
        };
        let part = CompletedPart::builder().part_number(number);
        Ok(part.set_e_tag(answer.e_tag).build())
    }
}
