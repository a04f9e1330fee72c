//! How an entry is cut into parts.
//!
//! S3 takes at most 10,000 parts of 5 MiB to 5 GiB (S3 User Guide, "Amazon S3
//! multipart upload limits"), so parts grow with the entry.

use std::ops::Range;

/// Smallest part that is used, in bytes. S3 asks for 5 MiB; 8 MiB costs fewer
/// requests and divides into aligned reads.
pub const MIN_PART_SIZE: u64 = 8 << 20;

/// Largest part that S3 takes, in bytes.
pub const MAX_PART_SIZE: u64 = 5 << 30;

/// Most parts that S3 takes.
pub const MAX_PARTS: u64 = 10_000;

/// The largest object that S3 takes, in bytes: 48.8 TiB.
pub const MAX_OBJECT_SIZE: u64 = MAX_PARTS * MAX_PART_SIZE;

/// Parts whose size is computed are a multiple of this, so that reads stay aligned.
pub(super) const GRAIN: u64 = 1 << 20;

/// The part size for an entry of `size` bytes: `wanted`, or as much more as it
/// takes to stay within [`MAX_PARTS`].
#[must_use]
pub fn part_size(size: u64, wanted: u64) -> u64 {
    let needed = size.div_ceil(MAX_PARTS);
    if needed <= wanted {
        return wanted;
    }
    needed.div_ceil(GRAIN) * GRAIN
}

/// What a part that is written as it arrives takes in memory at most, in bytes:
/// the chunks that are written, and those that arrive meanwhile.
const CHUNKS_IN_MEMORY: u64 = 2 << 20;

/// How much memory a part of `len` bytes of an entry of `size` bytes takes, if it is
/// written as it arrives. A range that covers the entry is held until it is verified.
pub(crate) fn memory_of_streamed(len: u64, size: u64) -> u64 {
    if len < size {
        len.min(CHUNKS_IN_MEMORY)
    } else {
        len
    }
}

/// The ranges of all parts, in order. An empty entry has one empty part.
pub(crate) fn parts(size: u64, part_size: u64) -> impl Iterator<Item = Range<u64>> + Send {
    let step = part_size.max(1);
    let count = size.div_ceil(step).max(1);
    (0..count).map(move |n| n * step..size.min((n + 1).saturating_mul(step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIB: u64 = 1 << 40;

    #[test]
    fn parts_cover_the_entry_without_a_gap() {
        for size in [0, 1, 7, 8, 9, 16, 17] {
            let parts: Vec<_> = parts(size, 8).collect();
            assert_eq!(parts.first().unwrap().start, 0);
            assert_eq!(parts.last().unwrap().end, size);
            assert!(parts.windows(2).all(|w| w[0].end == w[1].start));
            assert_eq!(parts.len() as u64, size.div_ceil(8).max(1));
        }
    }

    #[test]
    fn parts_grow_so_that_ten_thousand_suffice() {
        // 48.8 TiB is the largest object; 5 TiB was it for long.
        for size in [
            MIN_PART_SIZE * MAX_PARTS,
            5 * TIB,
            48 * TIB + 800 * (TIB / 1000),
        ] {
            let part = part_size(size, MIN_PART_SIZE);
            assert!(size.div_ceil(part) <= MAX_PARTS, "{size}");
            assert!(part <= MAX_PART_SIZE, "{size}");
        }
        assert_eq!(part_size(78 << 30, MIN_PART_SIZE), MIN_PART_SIZE);
        assert_eq!(part_size(u64::MAX, MIN_PART_SIZE) % GRAIN, 0);
    }

    #[test]
    fn a_part_that_is_streamed_takes_little_memory_unless_it_is_the_whole_entry() {
        const MIB: u64 = 1 << 20;
        assert_eq!(memory_of_streamed(MIB, 9 * MIB), MIB);
        assert_eq!(memory_of_streamed(8 * MIB, 9 * MIB), CHUNKS_IN_MEMORY);
        assert_eq!(memory_of_streamed(9 * MIB, 9 * MIB), 9 * MIB);
        assert_eq!(memory_of_streamed(0, 0), 0);
    }
}
