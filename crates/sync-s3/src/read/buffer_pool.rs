//! Large buffers that are used again.
//!
//! A part of a download is written and gone within milliseconds. To ask the
//! system for fresh memory for each costs a page fault for every 4 KiB, and
//! what is given back by another thread than it was taken by stays with the
//! allocator for long.
//!
//! The pool holds no more bytes, lent and kept, than were lent at once before: what is
//! lent is bounded by the caller, and sizes that differ must not add up beside it.

use std::mem;
use std::ops::{Deref, DerefMut, RangeInclusive};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Smaller ones are better left to the allocator, and larger ones are rare, and much
/// memory.
const POOLED: RangeInclusive<usize> = (1 << 20)..=(16 << 20);

/// How much larger than asked for a buffer may be, as a factor: who asks counts what
/// was asked for.
const WASTE: usize = 2;

/// Where large buffers come from and go back to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    free: Vec<Vec<u8>>,
    free_bytes: usize,
    lent_bytes: usize,
    /// The most bytes that were lent at once.
    most_bytes: usize,
}

/// A buffer that goes back to its pool when it is dropped.
#[derive(Debug)]
pub(crate) struct Lent {
    buffer: Vec<u8>,
    /// What it counts in its pool; nothing if it is not of a size that is pooled.
    bytes: usize,
    pool: Pool,
}

impl Pool {
    /// An empty buffer with room for `len` bytes at least.
    pub(crate) fn take(&self, len: usize) -> Lent {
        let mut buffer = None;
        let mut bytes = 0;
        if POOLED.contains(&len) {
            let mut state = self.0.lock();
            buffer = state.find(len);
            bytes = buffer.as_ref().map_or(len, Vec::capacity);
            state.lend(bytes);
        }
        Lent {
            buffer: buffer.unwrap_or_else(|| Vec::with_capacity(len)),
            bytes,
            pool: self.clone(),
        }
    }
}

impl State {
    /// The smallest kept buffer with room for `len` bytes.
    fn find(&mut self, len: usize) -> Option<Vec<u8>> {
        let fits = |capacity: &usize| (len..=len * WASTE).contains(capacity);
        let capacities = self.free.iter().map(Vec::capacity).enumerate();
        let (at, capacity) = capacities
            .filter(|(_, capacity)| fits(capacity))
            .min_by_key(|&(_, capacity)| capacity)?;
        self.free_bytes -= capacity;
        Some(self.free.swap_remove(at))
    }

    fn lend(&mut self, bytes: usize) {
        self.lent_bytes += bytes;
        self.most_bytes = self.most_bytes.max(self.lent_bytes);
        while self.lent_bytes + self.free_bytes > self.most_bytes
            && let Some(unused) = self.free.pop()
        {
            self.free_bytes -= unused.capacity();
        }
    }

    fn give_back(&mut self, bytes: usize, mut buffer: Vec<u8>) {
        self.lent_bytes -= bytes;
        let is_kept = bytes > 0
            && POOLED.contains(&buffer.capacity())
            && self.lent_bytes + self.free_bytes + buffer.capacity() <= self.most_bytes;
        if is_kept {
            buffer.clear();
            self.free_bytes += buffer.capacity();
            self.free.push(buffer);
        }
    }
}

impl Lent {
    /// Its bytes; the buffer goes back when the last of them is dropped.
    pub(crate) fn freeze(mut self) -> Bytes {
        if self.bytes == 0 {
            return mem::take(&mut self.buffer).into();
        }
        Bytes::from_owner(self)
    }
}

impl Deref for Lent {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.buffer
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = mem::take(&mut self.buffer);
        self.pool.0.lock().give_back(self.bytes, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn large_buffers_come_back_when_nobody_holds_their_bytes() {
        let pool = Pool::default();
        let mut buffer = pool.take(MIB);
        buffer.extend_from_slice(b"hello");
        let place = buffer.as_ptr();
        let bytes = buffer.freeze();
        let piece = bytes.slice(1..3);
        drop(bytes);
        let other = pool.take(MIB);
        assert_ne!(other.as_ptr(), place, "a piece is still held");
        assert_eq!(piece, b"el"[..]);
        drop(piece);
        let again = pool.take(MIB);
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty());
    }

    #[test]
    fn small_and_too_small_ones_are_made_afresh() {
        let pool = Pool::default();
        drop(pool.take(10).freeze());
        drop(pool.take(MIB).freeze());
        assert_eq!(pool.take(10).capacity(), 10);
        assert!(pool.take(2 * MIB).capacity() >= 2 * MIB);
        assert_eq!(pool.take(10).freeze().len(), 0);
    }

    #[test]
    fn one_that_is_far_too_large_is_not_lent() {
        let pool = Pool::default();
        drop([pool.take(8 * MIB), pool.take(8 * MIB)]);
        assert_eq!(pool.take(MIB).capacity(), MIB);
        assert_eq!(pool.take(5 * MIB).capacity(), 8 * MIB);
    }

    #[test]
    fn no_more_bytes_are_held_than_were_lent_at_once() {
        let pool = Pool::default();
        let held = || {
            let state = pool.0.lock();
            let free: usize = state.free.iter().map(Vec::capacity).sum();
            assert_eq!(free, state.free_bytes);
            state.lent_bytes + free
        };
        let small: Vec<_> = (0..12).map(|_| pool.take(MIB)).collect();
        drop(small);
        assert_eq!(held(), 12 * MIB);
        let large: Vec<_> = (0..3).map(|_| pool.take(4 * MIB)).collect();
        assert_eq!(held(), 12 * MIB);
        drop(large);
        let mixed: Vec<_> = [1, 2, 4].map(|mib| pool.take(mib * MIB)).into();
        assert!(held() <= 12 * MIB);
        drop(mixed);
        assert!(held() <= 12 * MIB);
    }

    #[test]
    fn one_that_grew_beyond_what_is_pooled_is_not_kept() {
        let pool = Pool::default();
        let mut buffer = pool.take(16 * MIB);
        buffer.reserve_exact(17 * MIB);
        drop(buffer);
        let state = pool.0.lock();
        assert_eq!((state.free.len(), state.lent_bytes), (0, 0));
    }
}
