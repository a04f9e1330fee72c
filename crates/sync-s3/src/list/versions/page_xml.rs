//! Parses the documents that answer a listing of versions (S3 API Reference,
//! "ListObjectVersions").
//!
//! Not by the SDK: it gives the versions and the delete markers of a page apart, and
//! so loses their order, which tells what came first within one second.

use chrono::{DateTime, Utc};
use sync_core::entry::StorageClass;

use crate::list::page_xml::{directory, encoding, flag, number, time};
use crate::list::xml::{Elements, Name, Seen, Unreadable};

/// A page as the server wrote it.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// In the order of the document.
    pub(crate) lines: Vec<Line>,
    pub(crate) bucket: Option<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) key_marker: Option<String>,
    pub(crate) version_id_marker: Option<String>,
    pub(crate) next_key_marker: Option<String>,
    pub(crate) next_version_id_marker: Option<String>,
    pub(crate) max_keys: Option<i32>,
    pub(crate) is_truncated: Option<bool>,
    /// Whether keys are encoded as in URLs.
    pub(crate) is_encoded: bool,
    /// Names of directories, where they were asked for.
    pub(crate) prefixes: Vec<Option<String>>,
}

/// A version or a delete marker.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// As the server writes it, in the bucket; where a pager has read it, below the prefix
    /// of the listing.
    pub(crate) key: String,
    pub(crate) id: Option<String>,
    pub(crate) modified: Option<DateTime<Utc>>,
    pub(crate) is_latest: bool,
    pub(crate) is_marker: bool,
    /// Whether the key has replacement characters, because it is not UTF-8.
    pub(crate) is_lossy: bool,
    pub(crate) size: Option<u64>,
    /// Only of what has no id of its own, for that may be replaced.
    pub(crate) etag: Option<String>,
    /// What its page shows of the order of versions and markers.
    pub(crate) kinds: Kinds,
    /// The storage class, but the usual one.
    pub(crate) class: Option<StorageClass>,
}

/// How the versions and the markers of a page stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kinds {
    /// There are only versions, or only markers.
    #[default]
    One,
    /// A marker precedes a version of its key: both are listed in one order.
    Mixed,
    /// No marker does, so their order among each other may be lost.
    Apart,
}

/// The id of what was written while versioning was not enabled.
pub(crate) const NULL: &str = "null";

impl Line {
    /// The id by which a request names it.
    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(NULL)
    }
}

/// Parses the page in `body`.
pub(crate) fn document(body: &[u8]) -> Result<Document, Unreadable> {
    let mut elements = Elements::of(body, b"ListVersionsResult")?;
    let mut document = Document::default();
    let mut seen = Seen::default();
    while let Some(name) = elements.child()? {
        let is_line = matches!(name, Name::Version | Name::DeleteMarker);
        if !is_line && name != Name::CommonPrefixes {
            seen.once(name)?;
        }
        if is_line {
            let is_marker = name == Name::DeleteMarker;
            document.lines.push(line(&mut elements, is_marker)?);
            continue;
        }
        match name {
            Name::Bucket => document.bucket = text(&mut elements)?,
            Name::Prefix => document.prefix = text(&mut elements)?,
            Name::KeyMarker => document.key_marker = text(&mut elements)?,
            Name::VersionIdMarker => document.version_id_marker = text(&mut elements)?,
            Name::NextKeyMarker => document.next_key_marker = text(&mut elements)?,
            Name::NextVersionIdMarker => document.next_version_id_marker = text(&mut elements)?,
            Name::MaxKeys => document.max_keys = number(&elements.text()?, "MaxKeys")?,
            Name::IsTruncated => document.is_truncated = Some(flag(&elements.text()?)?),
            Name::EncodingType => document.is_encoded = encoding(&elements.text()?)?.is_some(),
            Name::Error | Name::Contents => {
                return Err(Unreadable::Malformed(
                    "it has parts of another answer".into(),
                ));
            }
            Name::CommonPrefixes => document.prefixes.push(directory(&mut elements)?),
            _ => elements.skip()?,
        }
    }
    elements.end()?;
    Ok(document)
}

/// A text; an empty one counts as missing.
fn text(elements: &mut Elements<'_>) -> Result<Option<String>, Unreadable> {
    let text = elements.text()?;
    Ok((!text.is_empty()).then(|| text.into_owned()))
}

fn line(elements: &mut Elements<'_>, is_marker: bool) -> Result<Line, Unreadable> {
    let mut line = Line {
        is_marker,
        ..Line::default()
    };
    let mut seen = Seen::default();
    while let Some(name) = elements.child()? {
        seen.once(name)?;
        match name {
            Name::Key => line.key = elements.text()?.into_owned(),
            Name::VersionId => line.id = text(elements)?,
            Name::IsLatest => line.is_latest = elements.text()?.trim().eq_ignore_ascii_case("true"),
            Name::LastModified => {
                let modified = time(&elements.text()?);
                line.modified = modified.as_ref().and_then(crate::http::clock::exact);
            }
            Name::ETag => line.etag = text(elements)?,
            Name::Size => line.size = elements.text()?.parse().ok(),
            Name::StorageClass => line.class = StorageClass::of(&elements.text()?),
            _ => elements.skip()?,
        }
    }
    if line.id() != NULL {
        line.etag = None;
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inner: &str) -> Result<Document, Unreadable> {
        document(format!("<ListVersionsResult>{inner}</ListVersionsResult>").as_bytes())
    }

    #[test]
    fn a_page_keeps_the_order_of_versions_and_markers() {
        let page = read(
            "<Name>b</Name><Prefix/><KeyMarker/><VersionIdMarker/><MaxKeys>3</MaxKeys>\
             <NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>\
             <IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>\
             <DeleteMarker><Key>a</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest>\
             <LastModified>2026-11-01T12:00:00.000Z</LastModified></DeleteMarker>\
             <Version><Key>a</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest>\
             <LastModified>2026-11-01T11:00:00.250Z</LastModified><ETag>&quot;x&quot;</ETag>\
             <Size>5</Size><Owner><ID>1</ID></Owner></Version>\
             <DeleteMarker><Key>a</Key><VersionId>v1</VersionId></DeleteMarker>",
        )
        .unwrap();
        let kinds: Vec<_> = page.lines.iter().map(|line| line.is_marker).collect();
        assert_eq!(kinds, [true, false, true]);
        let version = &page.lines[1];
        assert_eq!(
            (version.id.as_deref(), version.size, version.is_latest),
            (Some("v2"), Some(5), false)
        );
        let modified = "2026-11-01T11:00:00.250Z".parse().unwrap();
        assert_eq!(version.modified, Some(modified));
        assert_eq!(page.next_version_id_marker.as_deref(), Some("v1"));
        assert_eq!((page.key_marker, page.is_truncated), (None, Some(true)));
        assert!(page.is_encoded);
    }

    #[test]
    fn what_is_not_a_whole_page_of_versions_is_refused() {
        for cut in ["<Version><Key>a</Key>", "<Version>", "<IsTruncated>tru"] {
            let text = format!("<ListVersionsResult>{cut}");
            assert!(matches!(
                document(text.as_bytes()),
                Err(Unreadable::Truncated)
            ));
        }
        for other in ["<html></html>", "<ListBucketResult/>", "<Error/>"] {
            assert!(matches!(
                document(other.as_bytes()),
                Err(Unreadable::OtherDocument)
            ));
        }
        for inner in [
            "<Contents/>",
            "<IsTruncated>maybe</IsTruncated>",
            "<Name>a</Name><Name>b</Name>",
            "<Version><Key>a</Key><Key>b</Key></Version>",
        ] {
            assert!(
                matches!(read(inner), Err(Unreadable::Malformed(_))),
                "{inner}"
            );
        }
    }
}
