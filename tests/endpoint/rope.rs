//! Bodies in pieces: an object is kept as the chunks in which it arrived, so
//! that completing an upload or answering a range copies nothing.

use std::{
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures::Stream;
use s3s::{
    StdError,
    stream::{ByteStream, RemainingLength},
};

/// The size of the chunks that bodies are gathered into.
const CHUNK: usize = 1 << 20;

/// An immutable sequence of chunks; cloning it clones a pointer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rope {
    chunks: Arc<[Bytes]>,
    len: u64,
}

impl Rope {
    /// The bytes one after the other.
    pub(crate) fn concat<'a>(ropes: impl IntoIterator<Item = &'a Rope>) -> Self {
        ropes
            .into_iter()
            .flat_map(|rope| rope.chunks.iter().cloned())
            .collect()
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// All bytes in one piece; free for a rope of one chunk.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match &*self.chunks {
            [] => Bytes::new(),
            [only] => only.clone(),
            many => many.concat().into(),
        }
    }

    /// The chunks of `range`, which must lie within the rope.
    pub(crate) fn stream(&self, range: Range<u64>) -> RopeStream {
        let (mut index, mut skip) = (0, range.start);
        while let Some(chunk) = self.chunks.get(index) {
            let len = chunk.len() as u64;
            if skip < len {
                break;
            }
            skip -= len;
            index += 1;
        }
        RopeStream {
            rope: self.clone(),
            index,
            skip,
            remaining: range.end.saturating_sub(range.start),
        }
    }
}

impl FromIterator<Bytes> for Rope {
    fn from_iter<I: IntoIterator<Item = Bytes>>(chunks: I) -> Self {
        let chunks: Arc<[Bytes]> = chunks.into_iter().collect();
        let len = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks, len }
    }
}

impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Self::default()
        } else {
            std::iter::once(bytes).collect()
        }
    }
}

/// A part of a rope, chunk by chunk.
pub(crate) struct RopeStream {
    rope: Rope,
    index: usize,
    skip: u64,
    remaining: u64,
}

impl Stream for RopeStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let Some(chunk) = self.rope.chunks.get(self.index) else {
            return Poll::Ready(None);
        };
        // Both fit: `skip` is less than the chunk's length, and so is the sum.
        let start = usize::try_from(self.skip).unwrap_or(usize::MAX);
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        let end = start.saturating_add(wanted).min(chunk.len());
        let piece = chunk.slice(start..end);
        self.index += 1;
        self.skip = 0;
        self.remaining -= piece.len() as u64;
        Poll::Ready(Some(Ok(piece)))
    }
}

impl ByteStream for RopeStream {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(usize::try_from(self.remaining).unwrap_or(usize::MAX))
    }
}

/// Gathers received bytes into chunks of its own. Keeping the slices that hyper
/// hands out instead would keep its whole read buffer alive for every small
/// object.
pub(crate) struct Gatherer {
    chunks: Vec<Bytes>,
    current: BytesMut,
    expected: u64,
}

impl Gatherer {
    /// For about `expected` bytes.
    pub(crate) fn new(expected: u64) -> Self {
        Self {
            chunks: Vec::new(),
            current: BytesMut::new(),
            expected,
        }
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.current.capacity() == self.current.len() {
                self.cut();
                let want = usize::try_from(self.expected)
                    .unwrap_or(CHUNK)
                    .clamp(bytes.len().min(CHUNK), CHUNK);
                self.current.reserve(want);
            }
            let room = (self.current.capacity() - self.current.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.current.extend_from_slice(now);
            self.expected = self.expected.saturating_sub(room as u64);
            bytes = later;
        }
    }

    pub(crate) fn finish(mut self) -> Rope {
        self.cut();
        self.chunks.into_iter().collect()
    }

    fn cut(&mut self) {
        if !self.current.is_empty() {
            self.chunks.push(std::mem::take(&mut self.current).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    async fn read(rope: &Rope, range: Range<u64>) -> Vec<u8> {
        rope.stream(range)
            .map(|chunk| chunk.unwrap().to_vec())
            .concat()
            .await
    }

    #[tokio::test]
    async fn every_range_of_a_rope_is_that_of_its_bytes() {
        let rope: Rope = ["ab", "c", "defg"].into_iter().map(Bytes::from).collect();
        let whole = b"abcdefg";
        assert_eq!(rope.to_bytes().as_ref(), whole);
        for start in 0..=7 {
            for end in start..=7 {
                let range = start as u64..end as u64;
                assert_eq!(
                    read(&rope, range).await,
                    &whole[start..end],
                    "{start}..{end}"
                );
            }
        }
    }

    #[test]
    fn gathering_keeps_the_bytes_and_their_order() {
        let data: Vec<u8> = (0..3 * CHUNK + 17).map(|n| (n % 251) as u8).collect();
        let mut gatherer = Gatherer::new(data.len() as u64);
        for piece in data.chunks(100_003) {
            gatherer.push(piece);
        }
        let rope = gatherer.finish();
        assert_eq!(rope.len(), data.len() as u64);
        assert_eq!(rope.to_bytes(), data);
    }

    #[tokio::test]
    async fn nothing_gathered_is_the_empty_rope() {
        assert_eq!(Gatherer::new(0).finish().len(), 0);
        assert_eq!(read(&Rope::default(), 0..0).await, b"");
    }
}
