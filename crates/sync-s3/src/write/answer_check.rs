//! Whether an answer describes the content that was sent.
//!
//! A proxy or a connection that confuses answers gives one request the answer of
//! another. To an upload, such an answer would be a success, and deletions would
//! follow.

use aws_sdk_s3::types::ServerSideEncryption;
use bytes::Bytes;

use crate::checksum::{self, Headers};
use crate::error::{Failure, Origin};
use crate::etag::ETag;
use crate::quirks::{Md5ETags, Quirks};

/// What an answer to an upload says about the content.
pub(crate) struct Described<'a> {
    pub(crate) etag: Option<&'a str>,
    pub(crate) crc64: Option<&'a str>,
    pub(crate) crc32: Option<&'a str>,
    /// Whether the content is encrypted so that its ETag is not an MD5.
    pub(crate) is_encrypted: bool,
}

/// Whether an answer describes what was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Right,
    Wrong,
    /// Its ETag is not the MD5 of the content, and it is unknown whether it should be.
    Doubtful,
}

impl Described<'_> {
    /// Whether it says nothing, as the login page of a network, or the answer of a
    /// server without ETags.
    pub(crate) fn is_empty(&self) -> bool {
        self.etag.is_none() && self.crc64.is_none() && self.crc32.is_none()
    }

    /// Whether it describes `body`, which was sent with the checksums `sent`. Only an
    /// answer without a checksum is compared by its ETag, which takes an MD5.
    pub(crate) async fn fits(&self, body: &Bytes, sent: &Headers, quirks: &Quirks) -> Fit {
        match self.has_sum_of(sent) {
            Some(true) => return Fit::Right,
            Some(false) => return Fit::Wrong,
            None => {}
        }
        let md5 = self.etag.and_then(ETag::parse).and_then(ETag::md5);
        let may_compare = !self.is_encrypted && quirks.md5_etags() != Md5ETags::No;
        let Some(md5) = md5.filter(|_| may_compare) else {
            return Fit::Right;
        };
        if checksum::md5_of(body).await == md5 {
            quirks.compared_etag(true);
            return Fit::Right;
        }
        if quirks.md5_etags() == Md5ETags::Yes {
            Fit::Wrong
        } else {
            Fit::Doubtful
        }
    }

    /// Whether its checksum is the one that was sent; `None` if it has none of that
    /// algorithm.
    fn has_sum_of(&self, sent: &Headers) -> Option<bool> {
        let pairs = [
            (self.crc64, sent.crc64.as_deref()),
            (self.crc32, sent.crc32.as_deref()),
        ];
        pairs
            .into_iter()
            .find_map(|(described, sent)| Some(described? == sent?))
    }
}

/// Whether content is encrypted so that its ETag is not an MD5 (API Reference,
/// "Object", on ETags).
pub(crate) fn is_by_kms(encryption: Option<&ServerSideEncryption>) -> bool {
    matches!(
        encryption,
        Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
    )
}

/// The answer belongs to another request.
pub(crate) fn foreign() -> Failure {
    let message = "the answer describes another content than was sent";
    Failure::new(Origin::Foreign, message)
}

/// The answer says nothing about the object, which is not there as it was sent.
pub(crate) fn missing() -> Failure {
    let message = "the answer has neither ETag nor checksum, and the object is not there";
    Failure::new(Origin::Foreign, message)
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
        let described = |crc64, crc32| Described {
            etag: None,
            crc64,
            crc32,
            is_encrypted: false,
        };
        assert_eq!(
            described(Some("rosUhgp5mIg="), None).has_sum_of(&sent),
            Some(true)
        );
        assert_eq!(
            described(Some("AAAAAAAAAAA="), None).has_sum_of(&sent),
            Some(false)
        );
        assert_eq!(described(None, Some("y/Q5Jg==")).has_sum_of(&sent), None);
        assert_eq!(
            described(Some("rosUhgp5mIg="), None).has_sum_of(&Headers::default()),
            None
        );
    }
}
