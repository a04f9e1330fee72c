//! A key list in pieces that a store lists side by side, and their listings in order.

use std::future::ready;
use std::io;

use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};

use super::{KeyList, KeyListItem};
use crate::{
    entry::{Listed, Skipped},
    error::{ErrorKind, Result, StoreError},
    key::Key,
};

/// Some of a key list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Keys, in ascending order.
    Keys(Vec<Key>),
    /// See [`KeyListItem::Below`].
    Below(String),
}

impl KeyList {
    /// The list in pieces of at most `most` keys.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn pieces(
        &self,
        most: usize,
    ) -> io::Result<impl Iterator<Item = io::Result<Piece>> + Send + use<>> {
        let mut items = self.items()?.peekable();
        Ok(std::iter::from_fn(move || {
            let mut keys = match items.next()? {
                Ok(KeyListItem::Key(key)) => vec![key],
                Ok(KeyListItem::Below(directory)) => return Some(Ok(Piece::Below(directory))),
                Err(error) => return Some(Err(error)),
            };
            while keys.len() < most
                && let Some(item) = items.next_if(|item| matches!(item, Ok(KeyListItem::Key(_))))
                && let Ok(KeyListItem::Key(key)) = item
            {
                keys.push(key);
            }
            Some(Ok(Piece::Keys(keys)))
        }))
    }
}

/// What `list` lists of each piece of `keys`, in the order of keys. `width` pieces of at most
/// `most` keys are begun before the first is needed. It ends after an error.
///
/// Several pieces may find the same thing that hides them, as a link above them: it comes
/// once.
pub fn list_pieces<F, L>(
    keys: &KeyList,
    (most, width): (usize, usize),
    list: F,
) -> BoxStream<'static, Result<Listed>>
where
    F: Fn(Piece) -> L + Send + 'static,
    L: Future<Output = BoxStream<'static, Result<Listed>>> + Send + 'static,
{
    let pieces = match keys.pieces(most) {
        Ok(pieces) => pieces,
        Err(error) => return failed(error),
    };
    let listings = stream::iter(pieces).map(move |piece| match piece {
        Ok(piece) => list(piece).boxed(),
        Err(error) => ready(failed(error)).boxed(),
    });
    let mut last: Option<Skipped> = None;
    let mut has_failed = false;
    listings
        .buffered(width)
        .flatten()
        .take_while(move |item| ready(!std::mem::replace(&mut has_failed, item.is_err())))
        .filter(move |item| {
            let Ok(Listed::Skipped(skipped)) = item else {
                return ready(true);
            };
            let is_new = last.as_ref() != Some(skipped);
            if is_new {
                last = Some(skipped.clone());
            }
            ready(is_new)
        })
        .boxed()
}

/// A listing that fails, because the key list could not be read.
fn failed(error: io::Error) -> BoxStream<'static, Result<Listed>> {
    stream::iter([Err(unreadable(error))]).boxed()
}

/// The key list could not be read.
pub(crate) fn unreadable(error: io::Error) -> StoreError {
    StoreError::new(ErrorKind::Other, "cannot read the list of keys again").with_source(error)
}
