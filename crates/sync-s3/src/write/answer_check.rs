//! Whether an answer is about what was sent.
//!
//! A proxy or a connection that loses count gives one request the answer of
//! another. To an upload, such an answer would be a success, and deletions would
//! follow.

use aws_sdk_s3::types::ServerSideEncryption;

use crate::checksum::Headers;
use crate::error::{Failure, Origin};

/// What an answer to an upload says of the content.
pub(crate) struct Told<'a> {
    pub(crate) etag: Option<&'a str>,
    pub(crate) crc64: Option<&'a str>,
    pub(crate) crc32: Option<&'a str>,
}

impl Told<'_> {
    /// Whether it says nothing at all, as the page by which a network asks who
    /// is there, or the answer of a server that gives no ETags.
    pub(crate) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.crc64.is_none() && self.crc32.is_none()
    }

    /// Whether its sum is the one that was sent; `None` where it tells none of
    /// that kind.
    pub(crate) fn fits(&self, sent: &Headers) -> Option<bool> {
        let pairs = [
            (self.crc64, sent.crc64.as_deref()),
            (self.crc32, sent.crc32.as_deref()),
        ];
        pairs
            .into_iter()
            .find_map(|(told, sent)| Some(told? == sent?))
    }
}

/// Whether content is encrypted so that its ETag is no MD5 (API Reference,
/// "Object", on ETags).
pub(crate) fn is_by_kms(encryption: Option<&ServerSideEncryption>) -> bool {
    matches!(
        encryption,
        Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
    )
}

/// The answer belongs to another request.
pub(crate) fn foreign() -> Failure {
    Failure {
        origin: Origin::Foreign,
        message: Some("the answer describes another content than was sent".to_owned()),
        ..Failure::default()
    }
}

/// The answer says nothing of the object, which is not there as it was sent.
pub(crate) fn missing() -> Failure {
    Failure {
        message: Some(
            "the answer has neither ETag nor checksum, and the object is not there".to_owned(),
        ),
        ..foreign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sums_of_one_kind_are_compared() {
        let sent = Headers {
            crc64: Some("rosUhgp5mIg=".to_owned()),
            ..Headers::default()
        };
        let told = |crc64, crc32| Told {
            etag: None,
            crc64,
            crc32,
        };
        assert_eq!(told(Some("rosUhgp5mIg="), None).fits(&sent), Some(true));
        assert_eq!(told(Some("AAAAAAAAAAA="), None).fits(&sent), Some(false));
        assert_eq!(told(None, Some("y/Q5Jg==")).fits(&sent), None);
        assert_eq!(
            told(Some("rosUhgp5mIg="), None).fits(&Headers::default()),
            None
        );
    }
}
