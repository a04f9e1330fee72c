//! The checksums that S3 may keep of a whole object, computed from content.
//!
//! s3mirror writes CRC64NVME ([`Crc64`](crate::checksum::Crc64)); other clients write
//! others (S3 User Guide, "Checking object integrity"). To verify what they
//! wrote without fetching it, the file is summed by the algorithm that they
//! chose.

use std::fmt;

use crc_fast::CrcAlgorithm;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// How a [`Digest`] is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// What S3 computes by itself.
    Crc64Nvme,
    /// CRC-32, as in Ethernet and zip.
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// A sum of a whole content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// Big-endian, as many as the algorithm has.
    bytes: Box<[u8]>,
}

impl Algorithm {
    /// Bytes of a sum.
    #[must_use]
    pub fn width(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl fmt::Display for Algorithm {
    /// As S3 writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        })
    }
}

impl Digest {
    /// From the bytes that S3 sends, big-endian; `None` if they are not as
    /// many as the algorithm has.
    #[must_use]
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == algorithm.width()).then(|| Self {
            algorithm,
            bytes: bytes.into(),
        })
    }

    /// Sums `content`.
    ///
    /// ```
    /// use sync_core::checksum::{Algorithm, Digest};
    ///
    /// let sum = Digest::of(Algorithm::Crc32, b"123456789");
    /// assert_eq!(Digest::new(Algorithm::Crc32, &[0xcb, 0xf4, 0x39, 0x26]), Some(sum));
    /// ```
    #[must_use]
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// The sum as CRC64NVME; `None` if it is of another algorithm.
    #[must_use]
    pub fn as_crc64(&self) -> Option<super::Crc64> {
        if self.algorithm != Algorithm::Crc64Nvme {
            return None;
        }
        let bytes = self.bytes.as_ref().try_into().ok()?;
        Some(super::Crc64::from_be_bytes(bytes))
    }

    /// The sum, big-endian.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How it was made.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl From<crate::checksum::Crc64> for Digest {
    fn from(sum: crate::checksum::Crc64) -> Self {
        Self {
            algorithm: Algorithm::Crc64Nvme,
            bytes: sum.to_be_bytes().into(),
        }
    }
}

/// A sum under way.
pub(crate) struct Hasher {
    algorithm: Algorithm,
    state: State,
}

enum State {
    Crc(Box<crc_fast::Digest>),
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let crc = |kind| State::Crc(Box::new(crc_fast::Digest::new(kind)));
        let state = match algorithm {
            Algorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            Algorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Sha1 => State::Sha1(Box::default()),
            Algorithm::Sha256 => State::Sha256(Box::default()),
        };
        Self { algorithm, state }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(crc) => crc.update(bytes),
            State::Sha1(sha) => sha.update(bytes),
            State::Sha256(sha) => sha.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        let bytes = match self.state {
            // The crate returns every width in 64 bits.
            State::Crc(crc) => {
                let all = crc.finalize().to_be_bytes();
                all[all.len().saturating_sub(self.algorithm.width())..].into()
            }
            State::Sha1(sha) => sha.finalize().as_slice().into(),
            State::Sha256(sha) => sha.finalize().as_slice().into(),
        };
        Digest {
            algorithm: self.algorithm,
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(algorithm: Algorithm, content: &[u8]) -> String {
        let sum = Digest::of(algorithm, content);
        sum.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_check_values_of_the_catalogue_and_of_the_standards() {
        for (algorithm, expected) in [
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (
                Algorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
        ] {
            assert_eq!(hex(algorithm, b"123456789"), expected, "{algorithm}");
        }
    }

    #[test]
    fn a_sum_of_another_width_is_none() {
        assert!(Digest::new(Algorithm::Crc32, &[0; 8]).is_none());
        assert!(Digest::new(Algorithm::Sha256, &[0; 20]).is_none());
    }
}
