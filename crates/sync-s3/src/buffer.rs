//! The bytes of a read as they arrive, with as few copies as can be.

mod pool;

use bytes::Bytes;

pub(crate) use pool::Pool;

/// Bytes as they arrive. A single piece is kept as it is; several are copied
/// once, into a buffer with room for all.
pub(crate) struct Buffer {
    pool: Pool,
    want: usize,
    pieces: Pieces,
}

enum Pieces {
    One(Bytes),
    Many(Vec<u8>),
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
                let mut all = self.pool.take(self.want);
                all.extend_from_slice(first);
                all.extend_from_slice(&piece);
                self.pieces = Pieces::Many(all);
            }
            Pieces::Many(all) => all.extend_from_slice(&piece),
        }
        true
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self.pieces {
            Pieces::One(piece) => piece,
            Pieces::Many(all) => self.pool.freeze(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
