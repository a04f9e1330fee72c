//! The documents that answer a listing (S3 API Reference, "ListObjectsV2" and
//! "Error responses"): what of them is used, as the SDK would have read it.
//!
//! Each entry of a bucket passes through here, so nothing is allocated beyond
//! what the page keeps.

use std::borrow::Cow;

use aws_sdk_s3::error::ErrorMetadata;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{CommonPrefix, EncodingType, Object};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::list::url_encoding::decode;

/// Which version of the operation a page is to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// ListObjects
    First,
    /// ListObjectsV2
    Second,
}

/// Why a document is no page of a listing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Its end is missing.
    #[error("the answer was cut short")]
    Cut,
    /// It is another one, or none.
    #[error("the answer is no page of a listing")]
    OtherDocument,
    /// It has the status of a success, but not that of a whole answer.
    #[error("the answer has status {0} instead of 200, so it may not be whole")]
    OtherStatus(u16),
    /// It is a page of ListObjects, the operation's first version.
    #[error("the server answers with ListObjects, the first version of listings")]
    FirstVersion,
    /// It begins as a page.
    #[error("the answer is not well formed: {0}")]
    Malformed(Cow<'static, str>),
}

impl From<quick_xml::Error> for Unreadable {
    fn from(error: quick_xml::Error) -> Self {
        match error {
            // Something was begun that the bytes do not end.
            quick_xml::Error::Syntax(_) => Self::Cut,
            other => Self::Malformed(other.to_string().into()),
        }
    }
}

/// Reads the page in `body`. An element that may occur once and occurs twice
/// is malformed: nobody can tell which of the two is meant.
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
                directories.push(directory(&mut elements)?);
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

/// The first version continues behind a key: the one that `NextMarker` names,
/// or else the last.
fn mark_next(page: &mut ListObjectsV2Output, next_marker: Option<String>) {
    let named = next_marker.filter(|marker| !marker.is_empty());
    let last = || page.contents().last().and_then(|object| object.key.clone());
    let is_truncated = page.is_truncated == Some(true);
    let next = named.or_else(|| is_truncated.then(last).flatten());
    let is_encoded = page.encoding_type == Some(EncodingType::Url);
    page.next_continuation_token = match next {
        // What is not UTF-8 cannot be asked for.
        Some(next) if is_encoded => decode(next).ok(),
        next => next,
    };
}

/// Reads the code and the message of a refusal, as far as they are there.
pub(crate) fn refusal(body: &[u8]) -> ErrorMetadata {
    let mut told = ErrorMetadata::builder();
    let mut read = || {
        let mut elements = Elements::of(body, b"Error")?;
        while let Some(name) = elements.child()? {
            match name {
                Name::Code => told = std::mem::take(&mut told).code(elements.text()?),
                Name::Message => told = std::mem::take(&mut told).message(elements.text()?),
                _ => elements.skip()?,
            }
        }
        Ok::<_, Unreadable>(())
    };
    // What was read before the end of a broken one is better than nothing.
    let _ = read();
    told.build()
}

/// A size or time that cannot be read is left out, as if it were not there.
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
            _ => elements.skip()?,
        }
    }
    Ok(object.build())
}

fn directory(elements: &mut Elements<'_>) -> Result<CommonPrefix, Unreadable> {
    let mut directory = CommonPrefix::builder();
    while let Some(name) = elements.child()? {
        match name {
            Name::Prefix => directory = directory.prefix(elements.text()?),
            _ => elements.skip()?,
        }
    }
    Ok(directory.build())
}

/// A leap second counts as the second after it, as POSIX has it.
fn time(text: &str) -> Option<DateTime> {
    const SECOND: u32 = 1_000_000_000;
    let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    let nanos = time.timestamp_subsec_nanos();
    let secs = time.timestamp() + i64::from(nanos / SECOND);
    Some(DateTime::from_secs_and_nanos(secs, nanos % SECOND))
}

/// Whether more follows must not be guessed.
fn flag(text: &str) -> Result<bool, Unreadable> {
    let text = text.trim().to_ascii_lowercase();
    let odd = |_| Unreadable::Malformed("IsTruncated is neither true nor false".into());
    text.parse().map_err(odd)
}

/// A number; none is as good as an absent one.
fn number(text: &str, name: &str) -> Result<Option<i32>, Unreadable> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let odd = |_| Unreadable::Malformed(format!("{name} is not a number").into());
    text.parse().map(Some).map_err(odd)
}

/// How names are written: plainly or for URLs. There is no third way.
fn encoding(text: &str) -> Result<Option<EncodingType>, Unreadable> {
    match text.trim() {
        "" => Ok(None),
        url if url.eq_ignore_ascii_case("url") => Ok(Some(EncodingType::Url)),
        _ => Err(Unreadable::Malformed("EncodingType is not 'url'".into())),
    }
}

/// Which elements an element has had.
#[derive(Debug, Default)]
struct Seen(u32);

impl Seen {
    /// Takes note of an element that may occur once.
    fn once(&mut self, name: Name) -> Result<(), Unreadable> {
        if self.has(name) {
            return Err(Unreadable::Malformed(
                format!("it has {name:?} more than once").into(),
            ));
        }
        if name != Name::Other {
            self.0 |= name.bit();
        }
        Ok(())
    }

    fn has(&self, name: Name) -> bool {
        self.0 & name.bit() != 0
    }

    /// Only ListObjects knows markers; what only ListObjectsV2 knows outweighs
    /// an element that a server sends in any case.
    fn is_first_version(&self) -> bool {
        let second = [
            Name::KeyCount,
            Name::ContinuationToken,
            Name::NextContinuationToken,
            Name::StartAfter,
        ];
        let first = [Name::Marker, Name::NextMarker];
        let has_any = |names: &[Name]| names.iter().any(|&name| self.has(name));
        has_any(&first) && !has_any(&second)
    }
}

/// A reference in a text: to a character, or to one of the five that XML names.
fn character(reference: &BytesRef<'_>) -> Result<char, Unreadable> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character);
    }
    let name = reference.decode().map_err(quick_xml::Error::from)?;
    let named = resolve_predefined_entity(&name).and_then(|text| text.chars().next());
    named.ok_or(Unreadable::Malformed("an unknown reference".into()))
}

/// The elements that are read, or that tell what kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    /// The name of the bucket, as an element called `Name`.
    Bucket,
    Code,
    Contents,
    CommonPrefixes,
    ContinuationToken,
    DeleteMarker,
    Delimiter,
    EncodingType,
    Error,
    ETag,
    IsTruncated,
    Key,
    KeyCount,
    LastModified,
    Marker,
    MaxKeys,
    Message,
    NextContinuationToken,
    NextMarker,
    Prefix,
    Size,
    StartAfter,
    Version,
    Other,
}

impl Name {
    /// Its place in a set.
    fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl From<&BytesStart<'_>> for Name {
    fn from(start: &BytesStart<'_>) -> Self {
        match start.local_name().as_ref() {
            b"Name" => Self::Bucket,
            b"Code" => Self::Code,
            b"Contents" => Self::Contents,
            b"CommonPrefixes" => Self::CommonPrefixes,
            b"ContinuationToken" => Self::ContinuationToken,
            b"DeleteMarker" => Self::DeleteMarker,
            b"Delimiter" => Self::Delimiter,
            b"EncodingType" => Self::EncodingType,
            b"Error" => Self::Error,
            b"ETag" => Self::ETag,
            b"IsTruncated" => Self::IsTruncated,
            b"Key" => Self::Key,
            b"KeyCount" => Self::KeyCount,
            b"LastModified" => Self::LastModified,
            b"Marker" => Self::Marker,
            b"MaxKeys" => Self::MaxKeys,
            b"Message" => Self::Message,
            b"NextContinuationToken" => Self::NextContinuationToken,
            b"NextMarker" => Self::NextMarker,
            b"Prefix" => Self::Prefix,
            b"Size" => Self::Size,
            b"StartAfter" => Self::StartAfter,
            b"Version" => Self::Version,
            _ => Self::Other,
        }
    }
}

/// Goes through a document, element by element.
struct Elements<'a> {
    reader: Reader<&'a [u8]>,
}

impl<'a> Elements<'a> {
    /// Enters the root element, which must have the name `root`.
    fn of(body: &'a [u8], root: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(body).map_err(|error| match error.error_len() {
            // Cut within a character.
            None => Unreadable::Cut,
            Some(_) => Unreadable::OtherDocument,
        })?;
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        loop {
            match reader.read_event()? {
                Event::Start(start) if start.local_name().as_ref() == root => {
                    return Ok(Self { reader });
                }
                Event::Eof => return Err(Unreadable::Cut),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                _ => return Err(Unreadable::OtherDocument),
            }
        }
    }

    /// Enters the next element of the one that was entered last; `None`
    /// leaves it.
    fn child(&mut self) -> Result<Option<Name>, Unreadable> {
        loop {
            match self.reader.read_event()? {
                Event::Start(start) => return Ok(Some(Name::from(&start))),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(Unreadable::Cut),
                _ => {}
            }
        }
    }

    /// Nothing may follow the root element but white space and remarks.
    fn end(&mut self) -> Result<(), Unreadable> {
        loop {
            match self.reader.read_event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::PI(_) | Event::Comment(_) => {}
                _ => {
                    return Err(Unreadable::Malformed("something follows its end".into()));
                }
            }
        }
    }

    /// The text of the element that was entered last; leaves it.
    fn text(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.reader.read_event()? {
                Event::Text(piece) => text += piece.decode().map_err(quick_xml::Error::from)?,
                Event::CData(piece) => text += piece.decode().map_err(quick_xml::Error::from)?,
                Event::GeneralRef(reference) => text.to_mut().push(character(&reference)?),
                Event::End(_) => return Ok(text),
                Event::Eof => return Err(Unreadable::Cut),
                Event::Start(_) => return Err(Unreadable::Malformed("a text has elements".into())),
                _ => {}
            }
        }
    }

    /// Leaves the element that was entered last, whatever is in it.
    fn skip(&mut self) -> Result<(), Unreadable> {
        let mut depth = 1_u64;
        while depth > 0 {
            depth = match self.child()? {
                Some(_) => depth + 1,
                None => depth - 1,
            };
        }
        Ok(())
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
    fn a_page_is_read_as_amazon_writes_it() {
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
    fn a_refusal_tells_its_code_and_message() {
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
            let told = refusal(body.as_bytes());
            assert_eq!((told.code(), told.message()), (code, message), "{body}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_no_page() {
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
