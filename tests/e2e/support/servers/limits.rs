//! What a server does otherwise than S3, as declared beside its recipe.
//!
//! A test asks for these where S3 would succeed and this server cannot; it then
//! expects a clear message instead, and so nothing is skipped silently.

/// What a server cannot do. The names in the fields are keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Characters that it does not keep in keys.
    pub(crate) loses: &'static [char],
    /// The longest key, in bytes.
    pub(crate) key_bytes: usize,
    /// The longest part of a key between slashes, in bytes.
    pub(crate) segment_bytes: usize,
    /// Whether it refuses wrong access keys and secrets.
    pub(crate) checks_credentials: bool,
}

impl Limits {
    /// As AWS is.
    pub(crate) const S3: Self = Self {
        loses: &[],
        key_bytes: 1024,
        segment_bytes: 1024,
        checks_credentials: true,
    };

    /// Whether an object can be kept under this key.
    pub(crate) fn keeps(&self, key: &str) -> bool {
        key.len() <= self.key_bytes
            && key
                .split('/')
                .all(|segment| segment.len() <= self.segment_bytes)
            && !key.contains(self.loses)
    }
}
