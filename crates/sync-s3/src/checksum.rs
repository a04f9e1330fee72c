//! Checksums as S3 writes them: base64 of the sum, big-endian, in a header.
//!
//! A CRC64NVME is computed by the caller while the bytes are in memory
//! ([`Crc64`]); here it is only written and read. MD5 serves one purpose:
//! to recognise our own upload by its ETag when its answer was lost and the
//! server keeps no CRC64NVME (User Guide, "Checking object integrity").

use std::fmt::Write as _;

use aws_sdk_s3::types::ChecksumType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm::Crc32IsoHdlc;
use md5::{Digest, Md5};
use sync_core::Crc64;

use crate::options::Checksums;

/// The checksum headers of one upload; at most one is filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Headers {
    pub(crate) crc64: Option<String>,
    pub(crate) crc32: Option<String>,
}

impl Headers {
    /// Those that `choice` asks for, of `body` whose CRC64NVME is `sum`.
    pub(crate) fn of(choice: Checksums, body: &[u8], sum: Crc64) -> Self {
        match choice {
            Checksums::Auto | Checksums::Crc64Nvme => Self {
                crc64: Some(encode(sum)),
                crc32: None,
            },
            Checksums::Crc32 => Self {
                crc64: None,
                crc32: Some(crc32(body)),
            },
            Checksums::None => Self::default(),
        }
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

/// The sum of the whole object out of a response; `None` where there is none,
/// or only one of the parts' sums (`COMPOSITE`, `…-N`).
pub(crate) fn whole(header: Option<&str>, kind: Option<&ChecksumType>) -> Option<Crc64> {
    if kind == Some(&ChecksumType::Composite) {
        return None;
    }
    let bytes = STANDARD.decode(header?).ok()?;
    Some(Crc64::from_be_bytes(bytes.try_into().ok()?))
}

/// The ETag of an object that was sent in one piece without server-side
/// encryption by key: its MD5 in hexadecimal digits.
pub(crate) fn plain_etag(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// The ETag of an object that was sent in parts: the MD5 of the parts' MD5s,
/// and their number. `None` unless every part's ETag plainly is an MD5.
pub(crate) fn parts_etag<'a>(parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut all = Md5::new();
    let mut count = 0_usize;
    for etag in parts {
        all.update(unhex(bare(etag))?);
        count += 1;
    }
    Some(format!("{}-{count}", hex(&all.finalize())))
}

/// An ETag without the quotes that some servers leave out in listings.
pub(crate) fn bare(etag: &str) -> &str {
    etag.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(etag)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_hold_what_the_catalogue_says() {
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
    fn only_sums_of_the_whole_are_believed() {
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
