//! Numbers of bytes, as people write them.

use std::str::FromStr;

use bytesize::ByteSize;

/// A number of bytes: `8MiB` is 8 × 1024 × 1024, `8MB` is 8,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(u64);

impl Size {
    pub(crate) fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: ByteSize = text
            .parse()
            .map_err(|_| format!("invalid size '{text}' (examples: 8MiB, 1GiB)"))?;
        Ok(Self(size.as_u64()))
    }
}
