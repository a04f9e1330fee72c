//! The content of the files: one block of noise, at another offset for each
//! file, again and again. So the endpoint serves a gigabyte out of two
//! megabytes and copies nothing, and any range can be checked.
//!
//! Files below [`SPARSE_BELOW`] are zeros: they are only listed, and as holes
//! a million of them take no space on disk.

use std::{ops::Range, sync::LazyLock};

use bytes::Bytes;

/// After so many bytes the content comes again.
pub const PERIOD: u64 = 1 << 20;

/// Smaller files hold zeros.
pub const SPARSE_BELOW: u64 = 1_024;

/// Twice the noise, so that a period can begin anywhere.
static NOISE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let once: Vec<u8> = (0..PERIOD / 8)
        .flat_map(|_| {
            // xorshift64: no compressor finds anything in it.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .collect();
    [once.as_slice(), &once].concat().into()
});

static ZEROS: Bytes = Bytes::from_static(&[0; SPARSE_BELOW as usize]);

/// The content of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// The file's number in its layout.
    pub index: u64,
    /// Its length.
    pub size: u64,
}

impl Content {
    /// As much of `range` as lies in one piece, without a copy; empty only if
    /// the range is.
    #[must_use]
    pub fn piece(&self, range: Range<u64>) -> Bytes {
        let len = range.end.saturating_sub(range.start).min(PERIOD);
        let (block, start) = if self.size < SPARSE_BELOW {
            (&ZEROS, 0)
        } else {
            (&*NOISE, (self.index * 4_099 + range.start) % PERIOD)
        };
        // Both are below two periods.
        let (start, end) = (start as usize, (start + len) as usize);
        block.slice(start..end.min(block.len()))
    }

    /// `range` in pieces.
    pub fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> {
        let content = *self;
        let mut at = range.start;
        std::iter::from_fn(move || {
            let piece = content.piece(at..range.end);
            at += piece.len() as u64;
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// `range` in one piece of its own.
    #[must_use]
    pub fn copy(&self, range: Range<u64>) -> Bytes {
        self.pieces(range).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_cut_out_of_the_same_content() {
        let content = Content {
            index: 7,
            size: 3 * PERIOD + 5,
        };
        let whole = content.copy(0..content.size);
        assert_eq!(whole.len() as u64, content.size);
        for range in [0..1, 5..PERIOD, PERIOD - 3..2 * PERIOD + 9, 9..9] {
            let (start, end) = (range.start as usize, range.end as usize);
            assert_eq!(content.copy(range), whole.slice(start..end));
        }
    }

    #[test]
    fn files_differ_and_the_smallest_are_zeros() {
        let of = |index, size| Content { index, size }.copy(0..size);
        assert_ne!(of(1, 4_096), of(2, 4_096));
        assert_eq!(of(1, 3), Bytes::from_static(&[0; 3]));
    }
}
