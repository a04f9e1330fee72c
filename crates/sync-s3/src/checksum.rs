//! Checksums as S3 writes them: base64 of the sum, big-endian, in a header.
//!
//! A CRC64NVME is computed by the caller while the bytes are in memory ([`Crc64`]); here
//! it is only formatted and parsed. MD5 has one purpose: to recognise our own upload by
//! its ETag when its answer was lost and the server stores no CRC64NVME (User Guide,
//! "Checking object integrity").

use std::fmt::Write as _;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm::Crc32IsoHdlc;
use md5::{Digest, Md5};
use sync_core::{Entry, checksum::Crc64};

use crate::etag::ETag;
use crate::options::Checksums;

/// The checksum headers of one upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    pub(crate) crc64: Option<String>,
    pub(crate) crc32: Option<String>,
    pub(crate) md5: Option<String>,
}

impl Headers {
    /// Those of `choice`, for `body` whose CRC64NVME is `sum`.
    pub(crate) fn of(choice: Checksums, body: &[u8], sum: Crc64) -> Self {
        let mut headers = Self::default();
        match choice {
            Checksums::Auto | Checksums::Crc64Nvme => headers.crc64 = Some(encode(sum)),
            Checksums::Crc32 => headers.crc32 = Some(crc32(body)),
            Checksums::Md5 => headers.md5 = Some(md5(body)),
            Checksums::None => {}
        }
        headers
    }

    /// The newer algorithm, which `x-amz-sdk-checksum-algorithm` names as well: object
    /// locks require that (API Reference, PutObject).
    pub(crate) fn algorithm(&self) -> Option<ChecksumAlgorithm> {
        if self.crc64.is_some() {
            Some(ChecksumAlgorithm::Crc64Nvme)
        } else {
            self.crc32.as_ref().map(|_| ChecksumAlgorithm::Crc32)
        }
    }
}

/// An MD5 as a header.
pub(crate) fn md5(body: &[u8]) -> String {
    STANDARD.encode(Md5::digest(body))
}

/// The content of an upload, by which it is recognised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) checksum: Crc64,
}

impl Content {
    /// Whether `found` has this content: by `stored`, the checksum that the server has of
    /// it, else by `etag`, which it has at a server whose ETags are MD5s.
    pub(crate) fn is(
        &self,
        found: &Entry,
        stored: Option<Crc64>,
        etag: impl FnOnce() -> Option<String>,
    ) -> bool {
        if found.size != self.size {
            return false;
        }
        if let Some(sum) = stored {
            return sum == self.checksum;
        }
        let ours = etag();
        let ours = ours.as_deref().and_then(ETag::parse);
        ours.is_some_and(|ours| {
            ETag::of(found).is_some_and(|found| found.revision() == ours.revision())
        })
    }
}

/// A CRC64NVME as a header.
pub(crate) fn encode(sum: Crc64) -> String {
    STANDARD.encode(sum.to_be_bytes())
}

fn crc32(body: &[u8]) -> String {
    let sum = crc_fast::checksum(Crc32IsoHdlc, body);
    // The crate returns every width in 64 bits.
    let [.., a, b, c, d] = sum.to_be_bytes();
    STANDARD.encode([a, b, c, d])
}

/// Parses the checksum of the whole object; `None` if there is none, or only one of the
/// parts' sums (`COMPOSITE`, `…-N`).
pub(crate) fn whole(header: Option<&str>, kind: Option<&ChecksumType>) -> Option<Crc64> {
    if kind == Some(&ChecksumType::Composite) {
        return None;
    }
    let bytes = STANDARD.decode(header?).ok()?;
    Some(Crc64::from_be_bytes(bytes.try_into().ok()?))
}

/// Larger content is summed on a blocking thread.
const SMALL: usize = 256 * 1024;

/// The MD5 of `body`.
pub(crate) async fn md5_of(body: &Bytes) -> [u8; 16] {
    let sum = |body: &[u8]| <[u8; 16]>::from(Md5::digest(body));
    if body.len() <= SMALL {
        return sum(body);
    }
    let shared = body.clone();
    match tokio::task::spawn_blocking(move || sum(&shared)).await {
        Ok(md5) => md5,
        // The runtime is shutting down.
        Err(_) => sum(body),
    }
}

/// The ETag of an object that was sent in one piece without server-side
/// encryption by key: its MD5 in hexadecimal digits.
pub(crate) fn plain_etag(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// The ETag of an object that was sent in parts: the MD5 of the parts' MD5s,
/// and their number. `None` unless every part's ETag is an MD5.
pub(crate) fn parts_etag<'a>(parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut all = Md5::new();
    let mut count = 0_usize;
    for etag in parts {
        all.update(ETag::parse(etag)?.md5()?);
        count += 1;
    }
    Some(format!("{}-{count}", hex(&all.finalize())))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_the_documented_values() {
        let body = b"123456789";
        let sum = Crc64::of(body);
        let auto = Headers::of(Checksums::Auto, body, sum);
        assert_eq!(auto.crc64.as_deref(), Some("rosUhgp5mIg="));
        assert_eq!(auto, Headers::of(Checksums::Crc64Nvme, body, sum));
        let crc32 = Headers::of(Checksums::Crc32, body, sum);
        // cbf43926
        assert_eq!(crc32.crc32.as_deref(), Some("y/Q5Jg=="));
        assert_eq!(crc32.crc64, None);
        assert_eq!(Headers::of(Checksums::None, body, sum), Headers::default());
    }

    #[test]
    fn only_sums_of_the_whole_are_used() {
        let sum = Crc64::of(b"123456789");
        let header = Some("rosUhgp5mIg=");
        assert_eq!(whole(header, None), Some(sum));
        assert_eq!(whole(header, Some(&ChecksumType::FullObject)), Some(sum));
        assert_eq!(whole(header, Some(&ChecksumType::Composite)), None);
        assert_eq!(whole(Some("rosUhgp5mIg=-2"), None), None);
        assert_eq!(whole(Some("y/Q5Jg=="), None), None);
        assert_eq!(whole(None, None), None);
    }

    #[test]
    fn etags_of_one_piece_and_of_parts() {
        assert_eq!(plain_etag(b"hello"), "5d41402abc4b2a76b9719d911017c592");
        let part = format!("\"{}\"", plain_etag(b"hello"));
        assert_eq!(
            parts_etag([part.as_str(), part.as_str()]).unwrap(),
            format!(
                "{}-2",
                hex(&Md5::digest(
                    [Md5::digest(b"hello"), Md5::digest(b"hello")].concat()
                ))
            )
        );
        assert_eq!(parts_etag(["opaque"]), None);
    }
}
