//! Numbers of bytes, as people write them, and those that hold unless they
//! are chosen.

use std::str::FromStr;

use bytesize::ByteSize;
use sync_core::Direction;

use super::SpeedArgs;
use crate::machine::{memory, open_files};

/// A number of bytes: `8MiB` is 8 × 1024 × 1024, `8MB` is 8,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(u64);

impl Size {
    pub(crate) fn bytes(self) -> u64 {
        self.0
    }
}

impl SpeedArgs {
    /// What the bucket makes full use of: how many requests there really are
    /// at once is for its store to say.
    pub(crate) fn most_requests(&self) -> usize {
        let asked = self.concurrency.map(usize::from);
        let most = asked.unwrap_or(sync_s3::MAX_CONCURRENCY);
        most.min(open_files::most_requests())
    }

    /// The bound that the bucket keeps to; none where it may find out by itself
    /// how many requests pay.
    pub(crate) fn bound_on_requests(&self) -> Option<usize> {
        let asked = self.concurrency.is_some();
        let most = self.most_requests();
        (asked || most < sync_s3::MAX_CONCURRENCY).then_some(most)
    }

    /// Size of the parts of large files, in bytes.
    pub(crate) fn part_size(&self, direction: Direction) -> u64 {
        let default = default_part_size(direction);
        self.part_size.map_or(default, Size::bytes)
    }

    /// Most content held in memory, in bytes: eight parts up and four down,
    /// which fill 2 Gbit/s at 50 ms, less where the memory of this process is
    /// limited; or the one part that was asked for.
    pub(crate) fn max_memory(&self, direction: Direction) -> u64 {
        let default = match direction {
            Direction::Backup => 64 << 20,
            Direction::Restore => 16 << 20,
        };
        let default = memory::content_limit().map_or(default, |limit| default.min(limit));
        self.max_memory
            .map_or(default.max(self.part_size(direction)), Size::bytes)
    }
}

/// S3 takes no smaller parts than 5 MiB, but gives any range: smaller ones keep
/// more connections busy in the same memory.
pub(crate) fn default_part_size(direction: Direction) -> u64 {
    match direction {
        Direction::Backup => 8 << 20,
        Direction::Restore => 4 << 20,
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: ByteSize = text
            .parse()
            .map_err(|_| format!("'{text}' is no size; write it as in 8MiB or 1GiB"))?;
        Ok(Self(size.as_u64()))
    }
}
