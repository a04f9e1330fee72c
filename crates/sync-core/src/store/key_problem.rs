//! Why a store cannot hold an entry under a key.

/// Why a store cannot hold an entry under a key, whatever its content.
///
/// Shown, it continues a sentence that begins with the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// The key, with what the store puts before it, is too long.
    #[error("is {bytes} bytes long with the prefix; S3 takes at most {limit}")]
    TooLong {
        /// Its length with the prefix, in bytes of UTF-8.
        bytes: usize,
        /// The most bytes that the store takes.
        limit: usize,
    },
    /// A segment of the key is too long for the name of a file.
    #[error("has a segment of more than {limit} bytes")]
    SegmentTooLong {
        /// The most bytes that a name may have.
        limit: usize,
    },
    /// The store keeps files of its own under such names.
    #[error("has a name that is reserved for s3mirror")]
    Reserved,
    /// A rule of another store, in words.
    #[error("{0}")]
    Other(String),
}
