//! CRC64NVME: the checksum that S3 keeps for whole objects.
//!
//! Each part is summed once while it is in memory; the sums of the parts then
//! combine into that of the whole, so no byte is read twice (design, Transfers;
//! S3 User Guide, "Checking object integrity").

pub(crate) mod digest;

use std::fmt;

use crc_fast::CrcAlgorithm::Crc64Nvme;

pub use digest::{Algorithm, Digest};

/// The CRC64NVME sum of bytes that come one after the other.
#[derive(Debug)]
pub struct Crc64Hasher(crc_fast::Digest);

impl Default for Crc64Hasher {
    fn default() -> Self {
        Self(crc_fast::Digest::new(Crc64Nvme))
    }
}

impl Crc64Hasher {
    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum of all that was added until now.
    #[must_use]
    pub fn so_far(&self) -> Crc64 {
        Crc64(self.0.finalize())
    }

    /// The sum of all that was added.
    #[must_use]
    pub fn finish(self) -> Crc64 {
        self.so_far()
    }
}

/// A CRC64NVME sum of some bytes.
///
/// ```
/// use sync_core::checksum::Crc64;
///
/// let whole = Crc64::of(b"hello world");
/// assert_eq!(Crc64::of(b"hello").then(Crc64::of(b" world"), 6), whole);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crc64(u64);

impl Crc64 {
    /// The sum of no bytes.
    pub const EMPTY: Self = Self(0);

    /// Sums `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::checksum(Crc64Nvme, bytes))
    }

    /// The sum of the bytes of `self` followed by `next_len` bytes whose sum is `next`.
    #[must_use]
    pub fn then(self, next: Self, next_len: u64) -> Self {
        // To combine costs as much as to sum a megabyte, and an entry of one
        // part begins with nothing.
        if self == Self::EMPTY {
            return next;
        }
        Self(crc_fast::checksum_combine(
            Crc64Nvme, self.0, next.0, next_len,
        ))
    }

    /// From the eight bytes that S3 sends, big-endian.
    #[must_use]
    pub fn from_be_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// The eight bytes that S3 expects, big-endian.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crc64({:016x})", self.0)
    }
}

impl fmt::Display for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(Crc64::of(b"123456789"), Crc64(0xae8b_1486_0a79_9888));
    }

    #[test]
    fn bytes_may_come_one_after_the_other() {
        let mut hasher = Crc64Hasher::default();
        hasher.update(b"1234");
        hasher.update(b"");
        hasher.update(b"56789");
        assert_eq!(hasher.finish(), Crc64::of(b"123456789"));
        assert_eq!(Crc64Hasher::default().finish(), Crc64::EMPTY);
    }

    #[test]
    fn nothing_is_neutral() {
        let sum = Crc64::of(b"abc");
        assert_eq!(Crc64::of(b""), Crc64::EMPTY);
        assert_eq!(Crc64::EMPTY.then(sum, 3), sum);
        assert_eq!(sum.then(Crc64::EMPTY, 0), sum);
    }
}
