//! The condition of a request.

use crate::etag::ETag;
use crate::quirks::Manner;

/// An ETag that no object has.
pub(crate) const WRONG_ETAG: &str = "\"00000000000000000000000000000000\"";

/// The condition of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// None: the object has been checked before.
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

/// The condition that the object has `etag`, in the form that the server accepts.
pub(super) fn in_form(manner: Manner, etag: Option<&str>) -> Condition {
    match etag.and_then(ETag::parse) {
        Some(etag) if manner == Manner::Bare => Condition::Match(etag.bare().to_owned()),
        Some(etag) => Condition::Match(etag.quoted()),
        None => Condition::None,
    }
}
