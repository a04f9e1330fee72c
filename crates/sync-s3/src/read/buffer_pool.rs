//! Large buffers that are used again.
//!
//! A part of a download is written and gone within milliseconds. To ask the
//! system for fresh memory for each costs a page fault for every 4 KiB, and
//! what is given back by another thread than it was taken by stays with the
//! allocator for long.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Smaller ones are better left to the allocator.
const LARGE: usize = 1 << 20;

/// Larger ones are not kept: they are rare, and much memory.
const HUGE: usize = 16 << 20;

/// Buffers that are kept for later: as many parts as are under way at most in
/// the usual memory.
const MOST: usize = 8;

/// Where large buffers come from and go back to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer that goes back when the last of its bytes is dropped.
struct Lent {
    buffer: Vec<u8>,
    pool: Pool,
}

impl Pool {
    /// An empty buffer with room for `len` bytes at least.
    pub(crate) fn take(&self, len: usize) -> Vec<u8> {
        let mut free = self.0.lock();
        let fits = |buffer: &Vec<u8>| len >= LARGE && buffer.capacity() >= len;
        match free.iter().position(fits) {
            Some(at) => free.swap_remove(at),
            None => Vec::with_capacity(len),
        }
    }

    /// The bytes of a buffer that was taken here.
    pub(crate) fn freeze(&self, buffer: Vec<u8>) -> Bytes {
        if !(LARGE..=HUGE).contains(&buffer.capacity()) {
            return buffer.into();
        }
        Bytes::from_owner(Lent {
            buffer,
            pool: self.clone(),
        })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        let mut free = self.pool.0.lock();
        if free.len() < MOST {
            free.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_buffers_come_back_when_nobody_holds_their_bytes() {
        let pool = Pool::default();
        let mut buffer = pool.take(LARGE);
        buffer.extend_from_slice(b"hello");
        let place = buffer.as_ptr();
        let bytes = pool.freeze(buffer);
        let piece = bytes.slice(1..3);
        drop(bytes);
        let other = pool.take(LARGE);
        assert_ne!(other.as_ptr(), place, "a piece is still held");
        assert_eq!(piece, b"el"[..]);
        drop(piece);
        let again = pool.take(LARGE);
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty());
    }

    #[test]
    fn small_and_too_small_ones_are_made_afresh() {
        let pool = Pool::default();
        drop(pool.freeze(pool.take(10)));
        drop(pool.freeze(pool.take(LARGE)));
        assert_eq!(pool.take(10).capacity(), 10);
        assert!(pool.take(2 * LARGE).capacity() >= 2 * LARGE);
        assert_eq!(pool.0.lock().len(), 1);
    }

    #[test]
    fn no_more_are_kept_than_are_used_at_once() {
        let pool = Pool::default();
        let lent: Vec<_> = (0..2 * MOST)
            .map(|_| pool.freeze(pool.take(LARGE)))
            .collect();
        drop(lent);
        assert_eq!(pool.0.lock().len(), MOST);
    }
}
