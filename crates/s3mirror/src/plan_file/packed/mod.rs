//! How a plan is kept in a file: compressed in blocks, each of which can be read
//! by itself.
//!
//! The file is a sequence of zstd frames, so that `zstdcat` shows the lines of the
//! plan. Between them are frames that decoders skip, each with a line of JSON, a
//! [`Note`]:
//!
//! ```text
//! {"s3mirror_plan":3}             which format this is
//! {"block":{"at":…,…}} ▒▒▒▒       the header of the plan, a block of its own
//! {"block":{"at":…,…}} ▒▒▒▒▒▒▒▒   some thousand lines
//! …
//! {"end":{"blocks":…,"crc64":…}}  a sum of all that comes before
//! ```
//!
//! A block says where it begins, how long it is, what its lines do, and the sum of
//! its compressed bytes, which is checked before they are decompressed. It ends
//! where the plan can be divided ([`Boundaries`](sync_core::plan::Boundaries)); a
//! block that would become too long ends earlier, and says so (`open`).

mod cut;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::io;

use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use cut::Piece;
pub(crate) use cut::{Cutter, parts_of};
pub(crate) use read::{Unpacked, is_packed, others, span};
pub(crate) use write::{Packed, pack};

/// Begins a frame that decoders skip (RFC 8878, 3.1.2); its length follows.
const SKIPPED: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// Bytes of the beginning and the length of such a frame.
pub(crate) const FRAME: usize = 8;

/// Most bytes of a note.
const MAX_NOTE: usize = 4 << 10;

/// Lines after which a block ends.
const LINES: u64 = 1_000;

/// Bytes of lines after which a block ends.
const USUAL: usize = 256 << 10;

/// The cost after which a block ends, in microseconds, so that few large files are divided
/// as well; and that of a block among the first ones.
const COST: u64 = 20_000_000;
const LEAST_COST: u64 = 1_000_000;

/// A block is at most such a part of those before it, as far as that is no less than
/// [`LEAST_COST`]: a plan that is divided into hundreds of parts, as part of whatever whole, has
/// blocks which are small beside them, and a large one has no more than some thousand more.
const PART_OF_ALL: u64 = 512;

/// The cost after which a block ends, if those before it cost `before`, in microseconds.
fn most_cost(before: u64) -> u64 {
    (before / PART_OF_ALL).clamp(LEAST_COST, COST)
}

/// Most bytes of lines in a block, wherever it may end.
const MAX_RAW: usize = 4 << 20;

/// Most bytes of a compressed block: zstd adds little to what it cannot compress.
const MAX_PACKED: usize = MAX_RAW + (64 << 10);

/// What is written between the compressed blocks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Note {
    /// The version of the format; the first of all.
    S3mirrorPlan(u32),
    /// What the frame behind it is.
    Block(Block),
    /// Nothing follows.
    End {
        /// How many blocks there are.
        blocks: u64,
        /// The sum of all bytes before this note.
        crc64: String,
    },
}

/// A compressed block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    /// Where its note begins in the file.
    at: u64,
    /// Bytes of the frame.
    packed: u64,
    /// Bytes of its lines.
    raw: u64,
    /// The sum of the frame.
    crc64: String,
    /// Whether the next block belongs to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    open: bool,
    #[serde(flatten)]
    work: Work,
}

/// What some lines of a plan do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// How many there are.
    pub(crate) actions: u64,
    /// How many of them are transfers.
    pub(crate) transfers: u64,
    /// What these copy, in bytes.
    pub(crate) bytes: u64,
    /// The estimated time of it in microseconds, if it were done one by one.
    pub(crate) cost_us: u64,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.actions = self.actions.saturating_add(other.actions);
        self.transfers = self.transfers.saturating_add(other.transfers);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.cost_us = self.cost_us.saturating_add(other.cost_us);
    }
}

/// Consecutive blocks of a file, which can be executed by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// Where the first begins in the file.
    pub(crate) at: u64,
    /// Bytes of all of them.
    pub(crate) length: u64,
    /// The sum of these bytes.
    pub(crate) crc64: String,
    #[serde(flatten)]
    pub(crate) work: Work,
}

fn invalid(at: u64, what: impl std::fmt::Display) -> io::Error {
    let message = format!("{what} (at byte {at} of the file); it was cut or edited");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
