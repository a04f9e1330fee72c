//! An object as it is stored: small, immutable and cheap to clone.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use s3s::{
    crypto::{Checksum as _, Md5},
    dto,
};

use crate::{
    checksum::{Algorithm, Checksum, Hasher},
    rope::Rope,
};

/// An object with its body and everything S3 reports about it.
#[derive(Debug, Clone)]
pub struct Object {
    pub(crate) body: Rope,
    pub(crate) etag: ETag,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) checksum: ObjectChecksum,
    pub(crate) extra: Option<Box<Extra>>,
}

impl Object {
    /// What a PUT of `body` without any headers stores.
    pub(crate) fn new(body: Bytes, modified: DateTime<Utc>, fast_etags: bool) -> Self {
        let mut hasher = Hasher::new(Algorithm::Crc64Nvme);
        hasher.update(&body);
        let checksum = hasher.finish();
        let md5 = (!fast_etags).then(|| Md5::checksum(&body));
        let digest = md5.unwrap_or_else(|| fast_digest(&checksum, body.len() as u64));
        let checksum = ObjectChecksum {
            checksum,
            parts: None,
        };
        Self {
            body: body.into(),
            etag: ETag { digest, parts: 0 },
            modified,
            checksum,
            extra: None,
        }
    }

    /// The number of bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.body.len()
    }

    /// The whole content in one piece.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.body.to_bytes()
    }

    /// The ETag without quotes.
    #[must_use]
    pub fn etag(&self) -> String {
        self.etag.to_string()
    }

    /// The time that listings give as `LastModified`.
    #[must_use]
    pub fn modified(&self) -> DateTime<Utc> {
        self.modified
    }

    /// The name and the value (in base64) of the stored checksum.
    #[must_use]
    pub fn checksum(&self) -> (&'static str, String) {
        (
            self.checksum.checksum.algorithm.name(),
            self.checksum.value(),
        )
    }

    /// The value of a user-defined `x-amz-meta-` header.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.extra.as_ref()?.metadata.get(name).map(String::as_str)
    }

    /// The tags, by their names.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, String> {
        let extra = self.extra.as_ref();
        extra.map(|extra| extra.tags.clone()).unwrap_or_default()
    }

    /// The storage class, such as `STANDARD` or `GLACIER`.
    #[must_use]
    pub fn storage_class(&self) -> &str {
        self.extra
            .as_ref()
            .and_then(|extra| extra.storage_class.as_deref())
            .unwrap_or("STANDARD")
    }

    /// The `Content-Type` that it was given.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.extra.as_ref()?.content_type.as_deref()
    }

    /// The `Cache-Control` that it was given.
    #[must_use]
    pub fn cache_control(&self) -> Option<&str> {
        self.extra.as_ref()?.cache_control.as_deref()
    }

    /// The canned ACL that it was given.
    #[must_use]
    pub fn acl(&self) -> Option<&str> {
        self.extra.as_ref()?.acl.as_deref()
    }

    /// The encryption that was asked for, and with which key of KMS.
    #[must_use]
    pub fn encryption(&self) -> Option<(&str, Option<&str>)> {
        let extra = self.extra.as_ref()?;
        Some((extra.encryption.as_deref()?, extra.kms_key.as_deref()))
    }

    /// The MD5 of the key of SSE-C by which it is encrypted.
    #[must_use]
    pub fn customer_key(&self) -> Option<&str> {
        self.extra.as_ref()?.customer_key.as_deref()
    }

    /// Whether a GET is refused until the object has been restored.
    pub(crate) fn is_archived(&self) -> bool {
        let thawed = self.extra.as_ref().is_some_and(|extra| extra.thawed);
        !thawed && matches!(self.storage_class(), "GLACIER" | "DEEP_ARCHIVE")
    }
}

/// The headers that few objects have, out of the way of those that don't.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) storage_class: Option<String>,
    pub(crate) acl: Option<String>,
    /// As in `aws:kms`.
    pub(crate) encryption: Option<String>,
    pub(crate) kms_key: Option<String>,
    /// The MD5 of the key of SSE-C.
    pub(crate) customer_key: Option<String>,
    /// Whether an archived object has been restored for a while.
    pub(crate) thawed: bool,
    pub(crate) metadata: HashMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Extra {
    /// Boxed, or `None` if nothing was given.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// Whether an ETag is not the MD5 sum: of what is encrypted by KMS, or by a key of the
    /// customer.
    pub(crate) fn is_sealed(&self) -> bool {
        let by_kms = |name: &str| name.starts_with("aws:kms");
        self.customer_key.is_some() || self.encryption.as_deref().is_some_and(by_kms)
    }

    /// The digest for the ETag of an object whose bytes have this one.
    pub(crate) fn seal(&self, digest: [u8; 16]) -> [u8; 16] {
        if self.is_sealed() {
            digest.map(|byte| !byte)
        } else {
            digest
        }
    }
}

/// An entity tag: a digest, and for multipart uploads the number of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ETag {
    pub(crate) digest: [u8; 16],
    /// 0 for a single PUT.
    pub(crate) parts: u16,
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        if self.parts > 0 {
            write!(f, "-{}", self.parts)
        } else {
            Ok(())
        }
    }
}

impl From<ETag> for dto::ETag {
    fn from(etag: ETag) -> Self {
        Self::Strong(etag.to_string())
    }
}

/// A digest for ETags that costs nothing beyond the CRC that S3 wants anyway.
pub(crate) fn fast_digest(crc64: &Checksum, len: u64) -> [u8; 16] {
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&crc64.bytes()[..8]);
    digest[8..].copy_from_slice(&len.to_be_bytes());
    digest
}

/// The checksum that is stored with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObjectChecksum {
    pub(crate) checksum: Checksum,
    /// The number of parts if this is the checksum of their checksums.
    pub(crate) parts: Option<u16>,
}

impl ObjectChecksum {
    /// In base64, with `-N` if it is composite.
    pub(crate) fn value(&self) -> String {
        let value = self.checksum.base64();
        self.parts
            .map_or_else(|| value.clone(), |parts| format!("{value}-{parts}"))
    }

    pub(crate) fn kind(&self) -> dto::ChecksumType {
        dto::ChecksumType::from_static(match self.parts {
            None => dto::ChecksumType::FULL_OBJECT,
            Some(_) => dto::ChecksumType::COMPOSITE,
        })
    }
}

/// Fills the five `checksum_…` fields and the type that many of s3s' outputs
/// share, from an `Option<ObjectChecksum>`.
macro_rules! set_checksum {
    ($output:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            let checksum: $crate::object::ObjectChecksum = checksum;
            $crate::object::set_checksum_value!(
                $output,
                checksum.checksum.algorithm,
                checksum.value()
            );
            $output.checksum_type = Some(checksum.kind());
        }
    };
}

/// Fills the one of the five `checksum_…` fields that fits the algorithm.
macro_rules! set_checksum_value {
    ($output:expr, $algorithm:expr, $value:expr) => {
        match $algorithm {
            $crate::checksum::Algorithm::Crc32 => $output.checksum_crc32 = Some($value),
            $crate::checksum::Algorithm::Crc32c => $output.checksum_crc32c = Some($value),
            $crate::checksum::Algorithm::Crc64Nvme => $output.checksum_crc64nvme = Some($value),
            $crate::checksum::Algorithm::Sha1 => $output.checksum_sha1 = Some($value),
            $crate::checksum::Algorithm::Sha256 => $output.checksum_sha256 = Some($value),
        }
    };
}

pub(crate) use {set_checksum, set_checksum_value};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_md5_and_multipart_ones_carry_the_count() {
        let object = Object::new(Bytes::from_static(b"abc"), DateTime::UNIX_EPOCH, false);
        assert_eq!(object.etag(), "900150983cd24fb0d6963f7d28e17f72");
        let multipart = ETag {
            parts: 3,
            ..object.etag
        };
        assert_eq!(multipart.to_string(), "900150983cd24fb0d6963f7d28e17f72-3");
    }

    #[test]
    fn fast_etags_differ_where_content_differs() {
        let etag =
            |body: &'static str| Object::new(Bytes::from(body), DateTime::UNIX_EPOCH, true).etag();
        assert_eq!(etag("abc"), etag("abc"));
        assert_ne!(etag("abc"), etag("abd"));
        assert_eq!(etag("abc").len(), 32);
    }

    #[test]
    fn an_object_is_small() {
        assert!(size_of::<Object>() <= 120, "{}", size_of::<Object>());
    }
}
