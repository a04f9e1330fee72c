//! The listing of versions and delete markers.
//!
//! Written here and not by `s3s`, which writes all versions before all markers; that
//! is only one of the orders in which servers list.

use std::{fmt::Write as _, ops::Bound};

use s3s::{S3Result, dto::ListObjectVersionsInput, s3_error};

use crate::{
    config::{KeyMarker, VersionOrder},
    list::{Text, max_keys},
    order::Encoded,
    state::{Bucket, State},
    versions::Version,
};

/// An answer as it was written here.
#[derive(Debug, Clone)]
pub(crate) struct RawXml(pub(crate) String);

/// A line of a page.
struct Line {
    key: String,
    version: Version,
    is_latest: bool,
}

#[derive(Default)]
struct Page {
    lines: Vec<Line>,
    directories: Vec<String>,
    /// The key and the version of the last line, or the last directory.
    last: Option<(String, Option<String>)>,
    is_truncated: bool,
}

impl Page {
    fn len(&self) -> usize {
        self.lines.len() + self.directories.len()
    }
}

impl State {
    pub(crate) fn list_object_versions(&self, input: &ListObjectVersionsInput) -> S3Result<RawXml> {
        let text = Text::of(input.encoding_type.as_ref())?;
        let limit = max_keys(input.max_keys)?;
        let page = self.with_bucket(&input.bucket, |bucket| {
            self.version_page(bucket, input, limit.min(self.config.page_size))
        })?;
        Ok(RawXml(self.document(&page, input, &text, limit)))
    }

    fn version_page(
        &self,
        bucket: &Bucket,
        input: &ListObjectVersionsInput,
        limit: usize,
    ) -> S3Result<Page> {
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let marker = input.key_marker.as_deref().filter(|key| !key.is_empty());
        let objects = &bucket.objects;
        let marker = marker.map(|key| objects.encode(key));
        let start = objects.start(prefix);
        let from = marker.clone().map_or(start.clone(), |key| key.max(start));
        let mut page = Page::default();
        let has_version = input
            .version_id_marker
            .as_ref()
            .is_some_and(|id| !id.is_empty());
        let is_after_key = marker.is_some() && !has_version;
        let mut is_skipping = is_after_key && self.config.key_marker == KeyMarker::SkipsOneLine;
        for encoded in bucket.keys(Bound::Included(&*from)) {
            let key = objects.decode(encoded);
            if !key.starts_with(prefix) {
                if objects.keeps_prefixes_together() {
                    break;
                }
                continue;
            }
            if let Some(directory) = directory_of(&key, input) {
                let is_past = |marker: &String| marker.starts_with(&*directory);
                let is_known = page.directories.last() == Some(&directory)
                    || input.key_marker.as_ref().is_some_and(is_past);
                if is_known {
                    continue;
                }
                if page.len() == limit {
                    page.is_truncated = limit > 0;
                    return Ok(page);
                }
                page.last = Some((directory.clone(), None));
                page.directories.push(directory);
                continue;
            }
            for line in self.lines(bucket, encoded, marker.as_ref(), input)? {
                if std::mem::take(&mut is_skipping) {
                    continue;
                }
                if page.len() == limit {
                    page.is_truncated = limit > 0;
                    return Ok(page);
                }
                page.last = Some((line.key.clone(), Some(line.version.id.clone())));
                page.lines.push(line);
            }
        }
        Ok(page)
    }

    /// What is listed of one key: only what follows the markers.
    fn lines(
        &self,
        bucket: &Bucket,
        encoded: &Encoded,
        marker: Option<&Encoded>,
        input: &ListObjectVersionsInput,
    ) -> S3Result<Vec<Line>> {
        let key = bucket.objects.decode(encoded);
        let versions = bucket.versions_of(&key);
        let last = versions.len().saturating_sub(1);
        let lines = versions.into_iter().enumerate().map(|(at, version)| Line {
            key: key.clone(),
            version,
            is_latest: at == last,
        });
        let mut lines: Vec<_> = lines.collect();
        if self.config.version_order != VersionOrder::OldestFirst {
            lines.reverse();
        }
        if marker != Some(encoded) {
            return Ok(lines);
        }
        let id = input.version_id_marker.as_deref();
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            let is_again = self.config.key_marker != KeyMarker::Excluded;
            return Ok(if is_again { lines } else { Vec::new() });
        };
        let at = lines.iter().position(|line| line.version.id == id);
        let at = at.ok_or_else(|| s3_error!(InvalidArgument, "Invalid version id specified"))?;
        Ok(lines.split_off(at + 1))
    }

    fn document(
        &self,
        page: &Page,
        input: &ListObjectVersionsInput,
        text: &Text,
        limit: usize,
    ) -> String {
        let key = |key: &str| escaped(&text.write(key));
        let given = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListVersionsResult \
             xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name><Prefix>{}</Prefix>\
             <KeyMarker>{}</KeyMarker><VersionIdMarker>{}</VersionIdMarker>",
            escaped(&input.bucket),
            key(&given(&input.prefix)),
            key(&given(&input.key_marker)),
            escaped(&given(&input.version_id_marker)),
        );
        if let Some((last, id)) = page.last.as_ref().filter(|_| page.is_truncated) {
            let _ = write!(xml, "<NextKeyMarker>{}</NextKeyMarker>", key(last));
            if let Some(id) = id {
                let id = escaped(id);
                let _ = write!(xml, "<NextVersionIdMarker>{id}</NextVersionIdMarker>");
            }
        }
        if input.encoding_type.is_some() {
            xml += "<EncodingType>url</EncodingType>";
        }
        let is_truncated = page.is_truncated;
        let _ = write!(
            xml,
            "<MaxKeys>{limit}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>"
        );
        let mut lines: Vec<_> = page.lines.iter().collect();
        if self.config.version_order == VersionOrder::Torn {
            lines.sort_by_key(|line| line.version.object.is_none());
        }
        for line in lines {
            self.write_line(&mut xml, line, &key(&line.key));
        }
        for directory in &page.directories {
            let name = key(directory);
            let _ = write!(
                xml,
                "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"
            );
        }
        xml + "</ListVersionsResult>"
    }

    fn write_line(&self, xml: &mut String, line: &Line, key: &str) {
        let Line {
            version, is_latest, ..
        } = line;
        let id = escaped(&version.id);
        let modified = version.modified.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let common = format!(
            "<Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{is_latest}</IsLatest>\
             <LastModified>{modified}</LastModified>"
        );
        let _ = match &version.object {
            None => write!(xml, "<DeleteMarker>{common}</DeleteMarker>"),
            Some(object) => {
                let etag = self.config.etags.then(|| object.etag());
                let etag = etag.map(|etag| format!("<ETag>&quot;{etag}&quot;</ETag>"));
                write!(
                    xml,
                    "<Version>{common}{}<Size>{}</Size><StorageClass>{}</StorageClass></Version>",
                    etag.unwrap_or_default(),
                    object.size(),
                    escaped(object.storage_class())
                )
            }
        };
    }
}

/// The directory that stands for `key`, where they are asked for.
fn directory_of(key: &str, input: &ListObjectVersionsInput) -> Option<String> {
    let delimiter = input.delimiter.as_deref().filter(|it| !it.is_empty())?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let (inner, _) = key.strip_prefix(prefix)?.split_once(delimiter)?;
    Some([prefix, inner, delimiter].concat())
}

/// As the text of an element.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml += "&amp;",
            '<' => xml += "&lt;",
            '>' => xml += "&gt;",
            c if c.is_control() => {
                let _ = write!(xml, "&#{};", u32::from(c));
            }
            c => xml.push(c),
        }
    }
    xml
}
