//! The five checksums of S3: computing, comparing, and putting those of the
//! parts together into that of the object.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crc_fast::{CrcAlgorithm, Digest};
use http::HeaderName;
use s3s::{
    S3Result,
    crypto::{Checksum as _, Sha1, Sha256},
    s3_error,
};

/// A checksum algorithm that S3 offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The name as S3 writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(crate) fn parse(name: &str) -> S3Result<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
        })
    }

    pub(crate) const fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        })
    }

    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    const fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// Whether a checksum of the whole object follows from those of its parts.
    pub(crate) const fn combines(self) -> bool {
        self.crc().is_some()
    }
}

/// A checksum, kept inline because there may be a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    value: [u8; 32],
}

impl Checksum {
    fn new(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut value = [0; 32];
        let width = bytes.len().min(value.len());
        value[..width].copy_from_slice(&bytes[..width]);
        Self { algorithm, value }
    }

    fn from_crc(algorithm: Algorithm, crc: u64) -> Self {
        Self::new(
            algorithm,
            &crc.to_be_bytes()[8 - algorithm.width().min(8)..],
        )
    }

    fn crc(&self) -> u64 {
        self.bytes()
            .iter()
            .take(8)
            .fold(0, |crc, byte| crc << 8 | u64::from(*byte))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.value[..self.algorithm.width()]
    }

    pub(crate) fn base64(&self) -> String {
        BASE64_STANDARD.encode(self.bytes())
    }

    /// The checksum of everything, from those of consecutive parts and their
    /// lengths; `None` for algorithms without this property.
    pub(crate) fn combine(
        algorithm: Algorithm,
        parts: impl Iterator<Item = (Self, u64)>,
    ) -> Option<Self> {
        let crc = algorithm.crc()?;
        let whole = parts
            .map(|(part, len)| (part.crc(), len))
            .reduce(|(left, left_len), (right, len)| {
                (
                    crc_fast::checksum_combine(crc, left, right, len),
                    left_len + len,
                )
            })
            .map_or_else(|| Digest::new(crc).finalize(), |(crc, _)| crc);
        Some(Self::from_crc(algorithm, whole))
    }

    /// The checksum of the parts' checksums, which S3 calls composite.
    pub(crate) fn of_parts(algorithm: Algorithm, parts: impl Iterator<Item = Self>) -> Self {
        let mut hasher = Hasher::new(algorithm);
        parts.for_each(|part| hasher.update(part.bytes()));
        hasher.finish()
    }
}

/// A running checksum.
pub(crate) struct Hasher {
    algorithm: Algorithm,
    state: HasherState,
}

enum HasherState {
    Crc(Box<Digest>),
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let state = match (algorithm, algorithm.crc()) {
            (_, Some(crc)) => HasherState::Crc(Box::new(Digest::new(crc))),
            (Algorithm::Sha1, None) => HasherState::Sha1(Box::new(Sha1::new())),
            (_, None) => HasherState::Sha256(Box::new(Sha256::new())),
        };
        Self { algorithm, state }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            HasherState::Crc(digest) => digest.update(bytes),
            HasherState::Sha1(sha1) => sha1.update(bytes),
            HasherState::Sha256(sha256) => sha256.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Checksum {
        match self.state {
            HasherState::Crc(digest) => Checksum::from_crc(self.algorithm, digest.finalize()),
            HasherState::Sha1(sha1) => Checksum::new(self.algorithm, &sha1.finalize()),
            HasherState::Sha256(sha256) => Checksum::new(self.algorithm, &sha256.finalize()),
        }
    }
}

#[cfg(test)]
pub(crate) fn checksum(algorithm: Algorithm, data: &[u8]) -> Checksum {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(data);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue and of the SHA standards.
    #[test]
    fn known_answers() {
        let crc = |algorithm, expected: u64| {
            assert_eq!(
                checksum(algorithm, b"123456789").crc(),
                expected,
                "{algorithm:?}"
            );
        };
        crc(Algorithm::Crc32, 0xcbf4_3926);
        crc(Algorithm::Crc32c, 0xe306_9283);
        crc(Algorithm::Crc64Nvme, 0xae8b_1486_0a79_9888);
        assert_eq!(
            checksum(Algorithm::Sha1, b"abc").base64(),
            "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
        );
        assert_eq!(
            checksum(Algorithm::Sha256, b"abc").base64(),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
        );
    }

    #[test]
    fn crcs_of_parts_combine_to_that_of_the_whole() {
        let data: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        for algorithm in Algorithm::ALL
            .into_iter()
            .filter(|algorithm| algorithm.combines())
        {
            for size in [1, 999, 50_000, 100_000] {
                let parts = data
                    .chunks(size)
                    .map(|part| (checksum(algorithm, part), part.len() as u64));
                assert_eq!(
                    Checksum::combine(algorithm, parts),
                    Some(checksum(algorithm, &data)),
                    "{algorithm:?} {size}"
                );
            }
            assert_eq!(
                Checksum::combine(algorithm, std::iter::empty()),
                Some(checksum(algorithm, b""))
            );
        }
        assert_eq!(Checksum::combine(Algorithm::Sha1, std::iter::empty()), None);
    }
}
