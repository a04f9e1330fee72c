//! Listing the open uploads and their parts.

use std::ops::Bound;

use s3s::{
    S3Result,
    dto::{
        ChecksumAlgorithm, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
        ListPartsOutput, MultipartUpload, Part as PartEntry,
    },
};

use crate::{
    buckets::owner,
    conditions::timestamp,
    customer_key::{check_upload, sent},
    list::{Text, max_keys},
    multipart::{Part, Upload},
    object::{ETag, set_checksum_value},
    state::State,
};

impl State {
    pub(crate) fn list_multipart_uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> S3Result<ListMultipartUploadsOutput> {
        let text = Text::of(input.encoding_type.as_ref())?;
        let limit = max_keys(input.max_uploads)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let key_marker = input.key_marker.clone().unwrap_or_default();
        // Without an upload to continue after, all uploads of the marked key are
        // behind; the greatest identifier says so.
        let id_marker = input
            .upload_id_marker
            .clone()
            .unwrap_or_else(|| char::MAX.to_string());
        let mut last = None;
        let (uploads, more) = self.with_bucket(&input.bucket, |bucket| {
            let from = if key_marker.is_empty() {
                Bound::Unbounded
            } else {
                Bound::Excluded((key_marker, id_marker))
            };
            let mut found = bucket
                .uploads
                .range((from, Bound::Unbounded))
                .filter(|((key, _), _)| key.starts_with(&prefix));
            let page: Vec<_> = found.by_ref().take(limit).collect();
            last = page.last().map(|((key, id), _)| (key.clone(), id.clone()));
            let entries: Vec<_> = page
                .into_iter()
                .map(|((key, id), upload)| upload_entry(&text, key, id, upload))
                .collect();
            Ok((entries, limit > 0 && found.next().is_some()))
        })?;
        let (next_key, next_id) = last.filter(|_| more).unzip();
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            uploads: Some(uploads),
            is_truncated: Some(more),
            max_uploads: i32::try_from(limit).ok(),
            prefix: input.prefix.map(|prefix| text.write(&prefix)),
            key_marker: Some(text.write(&input.key_marker.unwrap_or_default())),
            upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
            next_key_marker: next_key.map(|key: String| text.write(&key)),
            next_upload_id_marker: next_id,
            encoding_type: input.encoding_type,
            ..ListMultipartUploadsOutput::default()
        })
    }

    pub(crate) fn list_parts(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let limit = max_keys(input.max_parts)?;
        let after = input
            .part_number_marker
            .and_then(|marker| u16::try_from(marker).ok())
            .unwrap_or(0);
        let name = input.bucket.clone();
        let key = self.config.key(sent!(input))?;
        self.with_bucket(&name, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            if upload.declared.is_some() {
                check_upload(upload.extra.customer_key.as_deref(), key.as_deref())?;
            }
            let mut found = upload
                .parts
                .range((Bound::Excluded(after), Bound::Unbounded));
            let page: Vec<_> = found
                .by_ref()
                .take(limit)
                .map(|(number, part)| part_entry(*number, part))
                .collect();
            let more = limit > 0 && found.next().is_some();
            Ok(ListPartsOutput {
                next_part_number_marker: page
                    .last()
                    .and_then(|part| part.part_number)
                    .filter(|_| more),
                part_number_marker: Some(i32::from(after)),
                is_truncated: Some(more),
                max_parts: i32::try_from(limit).ok(),
                checksum_algorithm: upload
                    .declared
                    .map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
                checksum_type: upload.declared.map(|_| upload.checksum_type()),
                owner: Some(owner()),
                parts: Some(page),
                bucket: Some(input.bucket),
                key: Some(input.key),
                upload_id: Some(input.upload_id),
                ..ListPartsOutput::default()
            })
        })
    }
}

fn upload_entry(text: &Text, key: &str, id: &str, upload: &Upload) -> MultipartUpload {
    MultipartUpload {
        key: Some(text.write(key)),
        upload_id: Some(id.to_owned()),
        initiated: Some(timestamp(upload.initiated)),
        owner: Some(owner()),
        checksum_algorithm: upload
            .declared
            .map(|algorithm| ChecksumAlgorithm::from_static(algorithm.name())),
        checksum_type: upload.declared.map(|_| upload.checksum_type()),
        ..MultipartUpload::default()
    }
}

fn part_entry(number: u16, part: &Part) -> PartEntry {
    let etag = ETag {
        digest: part.digest,
        parts: 0,
    };
    let mut entry = PartEntry {
        part_number: Some(i32::from(number)),
        size: i64::try_from(part.body.len()).ok(),
        e_tag: Some(etag.into()),
        last_modified: Some(timestamp(part.modified)),
        ..PartEntry::default()
    };
    set_checksum_value!(entry, part.checksum.algorithm, part.checksum.base64());
    entry
}
