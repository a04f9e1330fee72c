//! What a request demands of the object that is there.

use crate::etag::ETag;
use crate::quirks::Manner;

/// An ETag that no object has.
pub(crate) const WRONG_ETAG: &str = "\"00000000000000000000000000000000\"";

/// What a request demands of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing: it has been checked beforehand.
    None,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`, with this value.
    Match(String),
}

impl Condition {
    pub(crate) fn if_match(&self) -> Option<String> {
        match self {
            Self::Match(etag) => Some(etag.clone()),
            Self::None | Self::Absent => None,
        }
    }

    pub(crate) fn if_none_match(&self) -> Option<String> {
        (*self == Self::Absent).then(|| "*".to_owned())
    }
}

/// The condition that `etag` is there, in the form that the server takes.
pub(super) fn in_form(manner: Manner, etag: Option<&str>) -> Condition {
    match etag.and_then(ETag::parse) {
        Some(etag) if manner == Manner::Bare => Condition::Match(etag.bare().to_owned()),
        Some(etag) => Condition::Match(etag.quoted()),
        None => Condition::None,
    }
}
