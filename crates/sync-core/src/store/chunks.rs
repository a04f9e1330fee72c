//! The content of an entry as it is read: a stream of chunks.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, Stream, StreamExt};

use super::Store;
use crate::{
    entry::Entry,
    error::{ErrorKind, Result, StoreError},
    key::Key,
};

/// Content that is read, in chunks that follow one another.
///
/// A read that cannot be completed ends with an error; it never just ends.
pub struct Chunks(Source);

enum Source {
    /// One chunk, without the cost of a boxed stream.
    One(Option<Bytes>),
    Many(BoxStream<'static, Result<Bytes>>),
}

impl Chunks {
    /// The chunks of `stream`.
    pub fn new(stream: impl Stream<Item = Result<Bytes>> + Send + 'static) -> Self {
        Self(Source::Many(stream.boxed()))
    }

    /// The same chunks, which must be `len` bytes of `entry` in all.
    ///
    /// They end with `Corrupt` if there are more or fewer.
    #[must_use]
    pub fn exactly(self, entry: &Entry, len: u64) -> Self {
        if let Source::One(chunk) = &self.0 {
            let got = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
            if got == len {
                return self;
            }
        }
        let key = entry.key.clone();
        let state = (self, 0, key);
        Self::new(stream::try_unfold(
            state,
            move |(mut chunks, got, key)| async move {
                let next = chunks.next().await.transpose()?;
                let got = got + next.as_ref().map_or(0, |chunk| chunk.len() as u64);
                match next {
                    Some(chunk) if got <= len => Ok(Some((chunk, (chunks, got, key)))),
                    None if got == len => Ok(None),
                    _ => Err(wrong_length(&key, len, got)),
                }
            },
        ))
    }

    /// All chunks as one. A single chunk is not copied.
    ///
    /// # Errors
    /// The error with which the read ends.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let Some(first) = self.next().await.transpose()? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.next().await.transpose()? else {
            return Ok(first);
        };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.next().await.transpose()? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl From<Bytes> for Chunks {
    /// Content that is in memory already.
    fn from(all: Bytes) -> Self {
        Self(Source::One(Some(all)))
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::One(chunk) => Poll::Ready(chunk.take().map(Ok)),
            Source::Many(stream) => stream.poll_next_unpin(cx),
        }
    }
}

/// Reads `range` of `entry` into memory.
///
/// # Errors
/// Those of [`Store::read`]; `Corrupt` if the store sends more or fewer bytes.
pub async fn read_bytes(store: &dyn Store, entry: &Entry, range: Range<u64>) -> Result<Bytes> {
    let len = range.end.saturating_sub(range.start);
    let chunks = store.read(entry, range).await?;
    chunks.exactly(entry, len).bytes().await
}

fn wrong_length(key: &Key, wanted: u64, got: u64) -> StoreError {
    StoreError::new(
        ErrorKind::Corrupt,
        format!("'{key}' came with {got} bytes instead of {wanted}"),
    )
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn all(chunks: Chunks) -> Result<Bytes> {
        chunks.bytes().now_or_never().unwrap()
    }

    #[test]
    fn a_single_chunk_is_not_copied_and_several_are_joined() {
        let chunk = Bytes::from_static(b"hello");
        let one = all(Chunks::from(chunk.clone())).unwrap();
        assert_eq!(one.as_ptr(), chunk.as_ptr());
        let same = Chunks::new(stream::iter([Ok(chunk.clone())]));
        assert_eq!(all(same).unwrap().as_ptr(), chunk.as_ptr());
        let two = Chunks::new(stream::iter([Ok(chunk.clone()), Ok(chunk)]));
        assert_eq!(all(two).unwrap(), "hellohello");
        assert_eq!(all(Chunks::new(stream::iter([]))).unwrap(), "");
    }

    #[test]
    fn an_error_behind_some_chunks_is_the_outcome() {
        let error = StoreError::new(ErrorKind::Unavailable, "broken");
        let chunks = Chunks::new(stream::iter([Ok(Bytes::from_static(b"x")), Err(error)]));
        assert_eq!(all(chunks).unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn more_and_fewer_bytes_than_were_asked_for_are_an_error() {
        let entry = Entry::new(Key::new("a").unwrap(), 9, chrono::DateTime::UNIX_EPOCH);
        let hello = || Bytes::from_static(b"hello");
        let twice = || Chunks::new(stream::iter([Ok(hello()), Ok(hello())]));
        for (len, is_right) in [(4, false), (5, true), (6, false)] {
            let outcome = all(Chunks::from(hello()).exactly(&entry, len));
            assert_eq!(outcome.is_ok(), is_right, "{len}");
        }
        for (len, is_right) in [(0, false), (9, false), (10, true), (11, false)] {
            let outcome = all(twice().exactly(&entry, len));
            assert_eq!(outcome.is_ok(), is_right, "{len}");
            let is_corrupt = |error: StoreError| error.kind() == ErrorKind::Corrupt;
            assert!(outcome.err().is_none_or(is_corrupt));
        }
    }
}
