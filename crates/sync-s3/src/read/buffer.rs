//! The bytes of a read as they arrive, with as few copies as can be.

use bytes::Bytes;

use crate::read::buffer_pool::{Lent, Pool};

/// The room that is made before anything has come, in bytes: as much as a part
/// usually has.
const AT_ONCE: usize = 16 << 20;

/// Bytes as they arrive. A single piece is kept as it is; several are copied
/// once, into a buffer that grows with them.
pub(crate) struct Buffer {
    pool: Pool,
    want: usize,
    pieces: Pieces,
}

enum Pieces {
    One(Bytes),
    Many(Lent),
}

impl Buffer {
    pub(crate) fn new(pool: &Pool, want: usize) -> Self {
        Self {
            pool: pool.clone(),
            want,
            pieces: Pieces::One(Bytes::new()),
        }
    }

    /// How many bytes it will hold.
    pub(crate) fn wanted(&self) -> usize {
        self.want
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.pieces {
            Pieces::One(piece) => piece,
            Pieces::Many(all) => all,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() == self.want
    }

    pub(crate) fn clear(&mut self) {
        match &mut self.pieces {
            Pieces::One(piece) => piece.clear(),
            Pieces::Many(all) => all.clear(),
        }
    }

    /// `false` if that would be too much.
    pub(crate) fn push(&mut self, piece: Bytes) -> bool {
        if self.len() + piece.len() > self.want {
            return false;
        }
        match &mut self.pieces {
            Pieces::One(first) if first.is_empty() => *first = piece,
            Pieces::One(first) => {
                let mut all = self.pool.take(self.want.min(AT_ONCE));
                all.extend_from_slice(first);
                extend(&mut all, &piece, self.want);
                self.pieces = Pieces::Many(all);
            }
            Pieces::Many(all) => extend(all, &piece, self.want),
        }
        true
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self.pieces {
            Pieces::One(piece) => piece,
            Pieces::Many(all) => all.freeze(),
        }
    }
}

/// Adds `piece`. Room for all is made at once only as far as that is little,
/// else as much again as is there: what was announced need not come.
fn extend(all: &mut Vec<u8>, piece: &[u8], want: usize) {
    let len = all.len() + piece.len();
    if len > all.capacity() {
        let room = len.max(all.capacity().saturating_mul(2)).min(want.max(len));
        all.reserve_exact(room - all.len());
    }
    all.extend_from_slice(piece);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_for_what_has_come_and_not_for_what_was_announced() {
        let mut buffer = Buffer::new(&Pool::default(), usize::MAX);
        let piece = Bytes::from(vec![7; 1 << 20]);
        for _ in 0..20 {
            assert!(buffer.push(piece.clone()));
        }
        let Pieces::Many(all) = &buffer.pieces else {
            panic!("several pieces came");
        };
        assert_eq!(all.len(), 20 << 20);
        assert!(all.capacity() <= 2 * all.len(), "{}", all.capacity());

        let mut buffer = Buffer::new(&Pool::default(), 20 << 20);
        for _ in 0..20 {
            assert!(buffer.push(piece.clone()));
        }
        assert!(buffer.is_full());
        let Pieces::Many(all) = &buffer.pieces else {
            panic!("several pieces came");
        };
        assert_eq!(all.capacity(), 20 << 20);
    }

    #[test]
    fn a_single_piece_is_not_copied_and_several_fill_the_buffer() {
        let piece = Bytes::from_static(b"hello");
        let mut buffer = Buffer::new(&Pool::default(), 5);
        assert!(buffer.push(piece.clone()));
        assert!(!buffer.push(Bytes::from_static(b"!")));
        assert_eq!(buffer.into_bytes().as_ptr(), piece.as_ptr());

        let mut buffer = Buffer::new(&Pool::default(), 10);
        assert!(buffer.push(piece.clone()));
        assert!(buffer.push(piece));
        assert!(buffer.is_full());
        assert_eq!(buffer.bytes(), b"hellohello");
        buffer.clear();
        assert!(buffer.is_empty());
    }
}
