//! Parses the documents that answer a listing (S3 API Reference, "ListObjectsV2"
//! and "Error responses"), as the SDK would.

use aws_sdk_s3::error::ErrorMetadata;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{CommonPrefix, EncodingType, Object, ObjectStorageClass};

use crate::list::url_encoding::decode;
use crate::list::xml::{Elements, Name, Seen, Unreadable};

/// The version of the operation that a page must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// ListObjects
    First,
    /// ListObjectsV2
    Second,
}

/// Parses the page in `body`. A second occurrence of an element that may occur once
/// is an error: it is unknown which of the two is meant.
pub(crate) fn page(body: &[u8], version: Version) -> Result<ListObjectsV2Output, Unreadable> {
    let mut elements = Elements::of(body, b"ListBucketResult")?;
    let mut page = ListObjectsV2Output::builder();
    let (mut contents, mut directories) = (Vec::new(), Vec::new());
    let mut seen = Seen::default();
    let mut next_marker = None;
    while let Some(name) = elements.child()? {
        if !matches!(name, Name::Contents | Name::CommonPrefixes) {
            seen.once(name)?;
        }
        page = match name {
            Name::Contents => {
                contents.push(object(&mut elements)?);
                page
            }
            Name::CommonPrefixes => {
                let prefix = directory(&mut elements)?;
                directories.push(CommonPrefix::builder().set_prefix(prefix).build());
                page
            }
            Name::IsTruncated => page.is_truncated(flag(&elements.text()?)?),
            Name::NextContinuationToken => page.next_continuation_token(elements.text()?),
            Name::ContinuationToken => page.continuation_token(elements.text()?),
            Name::StartAfter => page.start_after(elements.text()?),
            Name::Marker if version == Version::First => page.start_after(elements.text()?),
            Name::NextMarker => {
                next_marker = Some(elements.text()?.into_owned());
                page
            }
            Name::EncodingType => page.set_encoding_type(encoding(&elements.text()?)?),
            Name::Bucket => page.name(elements.text()?),
            Name::Prefix => page.prefix(elements.text()?),
            Name::Delimiter => page.delimiter(elements.text()?),
            Name::KeyCount => page.set_key_count(number(&elements.text()?, "KeyCount")?),
            Name::MaxKeys => page.set_max_keys(number(&elements.text()?, "MaxKeys")?),
            Name::Error | Name::Version | Name::DeleteMarker => {
                return Err(Unreadable::Malformed(
                    "it has parts of another answer".into(),
                ));
            }
            _ => {
                elements.skip()?;
                page
            }
        };
    }
    elements.end()?;
    if version == Version::Second && seen.is_first_version() {
        return Err(Unreadable::FirstVersion);
    }
    let mut page = page
        .set_contents(Some(contents))
        .set_common_prefixes(Some(directories))
        .build();
    if version == Version::First {
        mark_next(&mut page, next_marker);
    }
    Ok(page)
}

/// The first version continues after a key: the one that `NextMarker` names, else
/// the last.
fn mark_next(page: &mut ListObjectsV2Output, next_marker: Option<String>) {
    let named = next_marker.filter(|marker| !marker.is_empty());
    let last = || page.contents().last().and_then(|object| object.key.clone());
    let is_truncated = page.is_truncated == Some(true);
    let next = named.or_else(|| is_truncated.then(last).flatten());
    let is_encoded = page.encoding_type == Some(EncodingType::Url);
    page.next_continuation_token = match next {
        // A key that is not UTF-8 cannot be requested.
        Some(next) if is_encoded => decode(next).ok(),
        next => next,
    };
}

/// Parses the code and the message of an error, as far as they are there.
pub(crate) fn error_of(body: &[u8]) -> ErrorMetadata {
    let mut metadata = ErrorMetadata::builder();
    let mut read = || {
        let mut elements = Elements::of(body, b"Error")?;
        while let Some(name) = elements.child()? {
            match name {
                Name::Code => metadata = std::mem::take(&mut metadata).code(elements.text()?),
                Name::Message => metadata = std::mem::take(&mut metadata).message(elements.text()?),
                _ => elements.skip()?,
            }
        }
        Ok::<_, Unreadable>(())
    };
    // A part of a truncated error is better than nothing.
    let _ = read();
    metadata.build()
}

/// A size or time that cannot be parsed counts as missing.
fn object(elements: &mut Elements<'_>) -> Result<Object, Unreadable> {
    let mut object = Object::builder();
    let mut seen = Seen::default();
    while let Some(name) = elements.child()? {
        seen.once(name)?;
        match name {
            Name::Key => object = object.key(elements.text()?),
            Name::Size => object = object.set_size(elements.text()?.parse().ok()),
            Name::LastModified => object = object.set_last_modified(time(&elements.text()?)),
            Name::ETag => object = object.e_tag(elements.text()?),
            Name::StorageClass => object = object.set_storage_class(class(&elements.text()?)),
            _ => elements.skip()?,
        }
    }
    Ok(object.build())
}

/// A class; the usual one counts as missing, so that nothing is allocated for it.
fn class(name: &str) -> Option<ObjectStorageClass> {
    let usual = ObjectStorageClass::Standard;
    (name != usual.as_str() && !name.is_empty()).then(|| name.into())
}

/// The name of a directory, as a page with a delimiter has it.
pub(crate) fn directory(elements: &mut Elements<'_>) -> Result<Option<String>, Unreadable> {
    let mut prefix = None;
    while let Some(name) = elements.child()? {
        match name {
            Name::Prefix => prefix = Some(elements.text()?.into_owned()),
            _ => elements.skip()?,
        }
    }
    Ok(prefix)
}

/// Parses a time. A leap second counts as the second after it, as in POSIX.
pub(crate) fn time(text: &str) -> Option<DateTime> {
    const SECOND: u32 = 1_000_000_000;
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    let nanos = time.timestamp_subsec_nanos();
    let secs = time.timestamp() + i64::from(nanos / SECOND);
    Some(DateTime::from_secs_and_nanos(secs, nanos % SECOND))
}

/// Anything but true and false is an error: whether more follows must not be guessed.
pub(crate) fn flag(text: &str) -> Result<bool, Unreadable> {
    let text = text.trim().to_ascii_lowercase();
    let invalid = |_| Unreadable::Malformed("IsTruncated is neither true nor false".into());
    text.parse().map_err(invalid)
}

/// A number; an empty text counts as missing.
pub(crate) fn number(text: &str, name: &str) -> Result<Option<i32>, Unreadable> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = |_| Unreadable::Malformed(format!("{name} is not a number").into());
    text.parse().map(Some).map_err(invalid)
}

/// The encoding of names: none or that of URLs.
pub(crate) fn encoding(text: &str) -> Result<Option<EncodingType>, Unreadable> {
    match text.trim() {
        "" => Ok(None),
        url if url.eq_ignore_ascii_case("url") => Ok(Some(EncodingType::Url)),
        _ => Err(Unreadable::Malformed("EncodingType is not 'url'".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(inner: &str) -> Result<ListObjectsV2Output, Unreadable> {
        let text = format!("<ListBucketResult>{inner}</ListBucketResult>");
        page(text.as_bytes(), Version::Second)
    }

    fn key(inner: &str) -> Option<String> {
        let page = read(&format!("<Contents><Key>{inner}</Key></Contents>")).unwrap();
        page.contents()[0].key.clone()
    }

    #[test]
    fn a_page_is_parsed_as_amazon_writes_it() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Name>bucket</Name><Prefix/><NextContinuationToken>1/x==</NextContinuationToken>\
            <KeyCount>2</KeyCount><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
            <Contents><Key>a/b</Key><LastModified>2009-10-12T17:50:30.250Z</LastModified>\
            <ETag>&quot;fba9dede&quot;</ETag><Size>434234</Size><Owner><ID>1</ID></Owner>\
            <StorageClass>STANDARD</StorageClass></Contents>\
            <CommonPrefixes><Prefix>photos/</Prefix></CommonPrefixes></ListBucketResult>";
        let page = page(text.as_bytes(), Version::Second).unwrap();
        let object = &page.contents()[0];
        assert_eq!(object.key(), Some("a/b"));
        assert_eq!(object.size(), Some(434_234));
        assert_eq!(object.e_tag(), Some("\"fba9dede\""));
        let time = DateTime::from_secs_and_nanos(1_255_369_830, 250_000_000);
        assert_eq!(object.last_modified(), Some(&time));
        assert_eq!(object.storage_class(), None, "the usual one");
        assert_eq!(page.common_prefixes()[0].prefix(), Some("photos/"));
        assert_eq!(page.is_truncated(), Some(true));
        assert_eq!(page.next_continuation_token(), Some("1/x=="));
        assert_eq!(page.encoding_type(), Some(&EncodingType::Url));
    }

    #[test]
    fn a_key_is_the_text_of_its_element() {
        for (inner, expected) in [
            ("", ""),
            (" a ", " a "),
            ("a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'"),
            ("&#x20AC;&#8364;&#10;", "\u{20ac}\u{20ac}\n"),
            ("a<![CDATA[<b>&amp;]]>c", "a<b>&amp;c"),
            ("a<!-- no -->b", "ab"),
        ] {
            assert_eq!(key(inner).as_deref(), Some(expected), "{inner}");
        }
    }

    #[test]
    fn an_error_has_its_code_and_message() {
        for (body, code, message) in [
            (
                "<Error><Code>SlowDown</Code><Message>a &amp; b</Message><X/></Error>",
                Some("SlowDown"),
                Some("a & b"),
            ),
            ("<Error><Code>SlowDown</Code><Mess", Some("SlowDown"), None),
            ("<html><Code>SlowDown</Code></html>", None, None),
            ("", None, None),
        ] {
            let metadata = error_of(body.as_bytes());
            assert_eq!(
                (metadata.code(), metadata.message()),
                (code, message),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_not_well_formed_is_not_a_page() {
        for inner in [
            "<Contents><Key>a</Contents>",
            "<Contents><Key>a&nbsp;</Key></Contents>",
            "<Contents><Key>a&#0;</Key></Contents>",
            "<Contents><Key>a<b/></Key></Contents>",
            "<IsTruncated>tru</IsTruncated>",
            "<IsTruncated/>",
        ] {
            let error = read(inner).unwrap_err();
            assert!(
                matches!(error, Unreadable::Malformed(_)),
                "{inner}: {error}"
            );
        }
        for other in [
            "<html></html>",
            "<!DOCTYPE html>",
            "{}",
            "<Error/>",
            "\u{0}",
            "<a/>x",
        ] {
            let error = page(other.as_bytes(), Version::Second).unwrap_err();
            assert!(
                matches!(error, Unreadable::OtherDocument),
                "{other}: {error}"
            );
        }
    }

    #[test]
    fn elements_within_elements_take_no_stack() {
        let deep = "<a>".repeat(200_000) + &"</a>".repeat(200_000);
        assert!(read(&deep).unwrap().contents().is_empty());
    }
}
