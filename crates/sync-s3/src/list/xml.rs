//! Traverses an XML document of S3, element by element.
//!
//! Called for every entry of a bucket, so nothing is allocated beyond the texts
//! that are kept.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Why a document is not a page of a listing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Its end is missing.
    #[error("the answer was cut short")]
    Truncated,
    /// It is another document, or not a document at all.
    #[error("the answer is not a page of a listing")]
    OtherDocument,
    /// It has the status of a success, but not that of a complete answer.
    #[error("the answer has status {0} instead of 200, so it may be incomplete")]
    OtherStatus(u16),
    /// It is a page of ListObjects, the operation's first version.
    #[error("the server answers with ListObjects, the first version of listings")]
    FirstVersion,
    /// It begins as a page, and is invalid.
    #[error("the answer is not well formed: {0}")]
    Malformed(Cow<'static, str>),
}

impl From<quick_xml::Error> for Unreadable {
    fn from(error: quick_xml::Error) -> Self {
        match error {
            // An element or a tag without its end.
            quick_xml::Error::Syntax(_) => Self::Truncated,
            other => Self::Malformed(other.to_string().into()),
        }
    }
}

/// Traverses a document, element by element.
pub(super) struct Elements<'a> {
    reader: Reader<&'a [u8]>,
}

impl<'a> Elements<'a> {
    /// Enters the root element, which must have the name `root`.
    pub(super) fn of(body: &'a [u8], root: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(body).map_err(|error| match error.error_len() {
            // Truncated within a character.
            None => Unreadable::Truncated,
            Some(_) => Unreadable::OtherDocument,
        })?;
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        loop {
            match reader.read_event()? {
                Event::Start(start) if start.local_name().as_ref() == root => {
                    return Ok(Self { reader });
                }
                Event::Eof => return Err(Unreadable::Truncated),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                _ => return Err(Unreadable::OtherDocument),
            }
        }
    }

    /// Enters the next child of the current element; `None` leaves the element.
    pub(super) fn child(&mut self) -> Result<Option<Name>, Unreadable> {
        self.enter(|start| Name::from(start))
    }

    /// The same, for documents that are small and rare.
    pub(super) fn child_name(&mut self) -> Result<Option<String>, Unreadable> {
        self.enter(|start| String::from_utf8_lossy(start.local_name().as_ref()).into_owned())
    }

    fn enter<T>(&mut self, name: impl Fn(&BytesStart<'_>) -> T) -> Result<Option<T>, Unreadable> {
        loop {
            match self.reader.read_event()? {
                Event::Start(start) => return Ok(Some(name(&start))),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(Unreadable::Truncated),
                _ => {}
            }
        }
    }

    /// Checks that only white space and comments follow the root element.
    pub(super) fn end(&mut self) -> Result<(), Unreadable> {
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

    /// Reads the text of the current element and leaves it.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, Unreadable> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.reader.read_event()? {
                Event::Text(piece) => text += piece.decode().map_err(quick_xml::Error::from)?,
                Event::CData(piece) => text += piece.decode().map_err(quick_xml::Error::from)?,
                Event::GeneralRef(reference) => text.to_mut().push(character(&reference)?),
                Event::End(_) => return Ok(text),
                Event::Eof => return Err(Unreadable::Truncated),
                Event::Start(_) => return Err(Unreadable::Malformed("a text has elements".into())),
                _ => {}
            }
        }
    }

    /// Leaves the current element, whatever it contains.
    pub(super) fn skip(&mut self) -> Result<(), Unreadable> {
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

/// Resolves a reference in a text: to a character, or to one of the five named ones.
fn character(reference: &BytesRef<'_>) -> Result<char, Unreadable> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character);
    }
    let name = reference.decode().map_err(quick_xml::Error::from)?;
    let named = resolve_predefined_entity(&name).and_then(|text| text.chars().next());
    named.ok_or(Unreadable::Malformed("an unknown reference".into()))
}

/// The elements that are parsed, or that show the kind of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
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
    IsLatest,
    IsTruncated,
    Key,
    KeyCount,
    KeyMarker,
    LastModified,
    Marker,
    MaxKeys,
    Message,
    NextContinuationToken,
    NextKeyMarker,
    NextMarker,
    NextVersionIdMarker,
    Prefix,
    Size,
    StartAfter,
    StorageClass,
    Version,
    VersionId,
    VersionIdMarker,
    Other,
}

impl Name {
    /// Its bit in a set.
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
            b"IsLatest" => Self::IsLatest,
            b"IsTruncated" => Self::IsTruncated,
            b"Key" => Self::Key,
            b"KeyCount" => Self::KeyCount,
            b"KeyMarker" => Self::KeyMarker,
            b"LastModified" => Self::LastModified,
            b"Marker" => Self::Marker,
            b"MaxKeys" => Self::MaxKeys,
            b"Message" => Self::Message,
            b"NextContinuationToken" => Self::NextContinuationToken,
            b"NextKeyMarker" => Self::NextKeyMarker,
            b"NextMarker" => Self::NextMarker,
            b"NextVersionIdMarker" => Self::NextVersionIdMarker,
            b"Prefix" => Self::Prefix,
            b"Size" => Self::Size,
            b"StartAfter" => Self::StartAfter,
            b"StorageClass" => Self::StorageClass,
            b"Version" => Self::Version,
            b"VersionId" => Self::VersionId,
            b"VersionIdMarker" => Self::VersionIdMarker,
            _ => Self::Other,
        }
    }
}

/// The children that an element has had.
#[derive(Debug, Default)]
pub(super) struct Seen(u32);

impl Seen {
    /// Records an element that may occur once.
    pub(super) fn once(&mut self, name: Name) -> Result<(), Unreadable> {
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

    /// Whether this is a page of ListObjects: only that has markers. An element that
    /// only ListObjectsV2 has outweighs them, since some servers always send one.
    pub(super) fn is_first_version(&self) -> bool {
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
