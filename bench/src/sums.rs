//! The sums that S3 would keep with a file: ETag and CRC64NVME.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crc_fast::{CrcAlgorithm::Crc64Nvme, Digest as Crc};
use md5::{Digest, Md5};

use crate::content::{Content, PERIOD};

/// Files from here on count as uploaded in parts of this size, as every tool
/// would; most tools' default, so that those that compute ETags find theirs.
pub const PART: u64 = 8 << 20;

// Full parts of a file are equal only if content repeats within a part.
const _: () = assert!(PART.is_multiple_of(PERIOD));

/// The ETag, with its quotes.
#[must_use]
pub fn etag(content: Content) -> String {
    if content.size < PART {
        return quoted(&md5(content, 0..content.size));
    }
    let full = md5(content, 0..PART);
    let parts = content.size.div_ceil(PART);
    let sums = (0..parts).map(|part| match content.size - part * PART {
        rest if rest < PART => md5(content, part * PART..content.size),
        _ => full,
    });
    etag_of_parts(sums)
}

/// The ETag of an object of parts: the MD5 of their MD5s, and their number.
pub fn etag_of_parts(parts: impl Iterator<Item = [u8; 16]>) -> String {
    let mut all = Md5::new();
    let mut count = 0;
    for part in parts {
        all.update(part);
        count += 1;
    }
    let sum = quoted(&all.finalize().into());
    format!("{}-{count}\"", sum.trim_end_matches('"'))
}

/// The CRC64NVME as S3 writes it.
#[must_use]
pub fn crc64(content: Content) -> String {
    let mut crc = Crc::new(Crc64Nvme);
    for piece in content.pieces(0..content.size) {
        crc.update(&piece);
    }
    BASE64_STANDARD.encode(crc.finalize().to_be_bytes())
}

/// An MD5 as an ETag.
#[must_use]
pub fn quoted(sum: &[u8; 16]) -> String {
    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in sum {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

fn md5(content: Content, range: std::ops::Range<u64>) -> [u8; 16] {
    let mut sum = Md5::new();
    for piece in content.pieces(range) {
        sum.update(&piece);
    }
    sum.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_bytes() {
        let content = Content { index: 0, size: 9 };
        // Of nine zeros, by md5sum.
        assert_eq!(etag(content), "\"3f2829b2ffe8434d67f98a2a98968652\"");
    }

    #[test]
    fn an_object_of_parts_tells_how_many() {
        let content = Content {
            index: 3,
            size: 2 * PART + 1,
        };
        assert!(etag(content).ends_with("-3\""), "{}", etag(content));
        let parts = [0..PART, PART..2 * PART, 2 * PART..content.size];
        let slow = etag_of_parts(parts.into_iter().map(|range| md5(content, range)));
        assert_eq!(etag(content), slow);
    }
}
