//! The listing of a key list: single keys by HEAD, or by pages of narrow ranges where these
//! are cheaper; directories by their prefix.
//!
//! A LIST costs as much as 12.5 HEADs, and has up to 1,000 keys for one round trip. So each
//! piece of the list begins with a page from its first key on, and continues so as long as a
//! page has enough of the listed keys; the others are looked up one by one, in parallel. Where
//! the order of the server is not known, a page says nothing about what it does not have.
//!
//! An answer 404 to a HEAD has no content, so that anything on the way may have sent it. Where
//! an absence will become a deletion, a LIST confirms it ([`Absence::Listed`]). And the first
//! request is always a LIST: it fails where there is no such bucket, and it shows how exact the
//! times of listings are.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sync_core::{
    Entry, ErrorKind, Key, KeyList, KeyRange, Listed, Result, Selection, StoreError,
    execute::MAX_OBJECT_SIZE,
    key_list::{Piece, list_pieces},
};

use super::page_reader::{Named as _, PageReader as _};
use super::pager::Pager;
use super::prune::Pruner;
use super::request::{refused, request};
use super::single::{as_listed, find};
use super::v1::send;
use super::{entries, list_pages};
use crate::bucket::Bucket;
use crate::error::Attempted;
use crate::options::Absence;
use crate::quirks::Quirk;

/// Listed keys that a page must have to be worth its price: $0.005 for 1,000 LISTs, $0.0004
/// for 1,000 HEADs.
const WORTH: usize = 13;

/// Keys of a piece: one page in vain costs little beside so many HEADs.
const KEYS: usize = 1_000;

/// Pieces that are listed before the first is needed.
const PIECES: usize = 8;

/// Requests of a piece at once; how many are in flight in all is limited elsewhere.
const HEADS: usize = 32;

/// All that `keys` names below the prefix.
pub(crate) fn list(
    bucket: Arc<Bucket>,
    selection: Arc<Selection>,
    keys: &KeyList,
) -> BoxStream<'static, Result<Listed>> {
    if keys.is_empty() {
        return stream::empty().boxed();
    }
    let lister = Lister { bucket, selection };
    let begun = lister.clone();
    let pieces = list_pieces(keys, (KEYS, PIECES), move |piece| {
        lister.clone().list_piece(piece)
    });
    let begin = async move {
        begun.first_page().await?;
        Ok::<_, StoreError>(pieces)
    };
    stream::once(begin).try_flatten().boxed()
}

#[derive(Clone)]
struct Lister {
    bucket: Arc<Bucket>,
    selection: Arc<Selection>,
}

impl Lister {
    async fn first_page(&self) -> Result<()> {
        let page = send(&self.bucket, request(&self.bucket)).await;
        let page = page.map_err(|failure| refused(&self.bucket, failure))?;
        let failed = |failure| refused(&self.bucket, failure);
        let items = entries::entries(page, self.bucket.location.prefix(), failed);
        self.bucket.note_fractions(&items);
        Ok(())
    }

    async fn list_piece(self, piece: Piece) -> BoxStream<'static, Result<Listed>> {
        match piece {
            Piece::Below(directory) => {
                let is_ordered = self.bucket.is_ordered;
                let pruner = Pruner::below(self.selection, directory, is_ordered);
                let tuning = self.bucket.tuning;
                let mut items = Box::pin(list_pages(self.bucket, pruner, tuning).peekable());
                // It is read while the pieces before it are.
                items.as_mut().peek().await;
                items
            }
            Piece::Keys(keys) => match self.look_up_all(keys).await {
                Ok(found) => stream::iter(found.into_iter().map(Ok)).boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            },
        }
    }

    /// What there is of `keys`, which are in order.
    async fn look_up_all(&self, mut keys: Vec<Key>) -> Result<Vec<Listed>> {
        // What is excluded need not be looked at.
        keys.retain(|key| self.selection.selects(key.as_str()));
        let mut found = Vec::new();
        let mut done = 0;
        while keys.len() - done >= WORTH && self.may_list_ranges() {
            let settled = self.page(&keys[done..], &mut found).await?;
            done += settled;
            if settled < WORTH {
                break;
            }
        }
        let looks = keys.split_off(done).into_iter().map(|key| {
            let lister = self.clone();
            async move { lister.look_up(&key).await }
        });
        let mut looks = stream::iter(looks).buffered(HEADS);
        while let Some(listed) = looks.try_next().await? {
            found.extend(listed);
        }
        Ok(found)
    }

    fn may_list_ranges(&self) -> bool {
        self.bucket.is_ordered && !self.bucket.quirks.has(Quirk::Disordered)
    }

    /// Adds those of `keys` that are on one page from the first of them on; returns how many
    /// of them are settled by it, found or not.
    async fn page(&self, keys: &[Key], found: &mut Vec<Listed>) -> Result<usize> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
            return Ok(0);
        };
        let range = KeyRange::new(Some(before(first)), Some(last.as_str().to_owned()));
        let pruner = Pruner::new(Arc::default(), range, true);
        let page = Pager::new(Arc::clone(&self.bucket), Arc::new(pruner))
            .next()
            .await;
        let mut read_up_to = String::new();
        for item in page.items {
            let item = item?;
            let Some(name) = item.name().map(str::to_owned) else {
                continue;
            };
            // What was skipped under a listed key is not absent.
            if keys.binary_search_by(|key| key.as_str().cmp(&name)).is_ok() {
                found.push(item);
            }
            if name < read_up_to {
                self.bucket.quirks.note(Quirk::Disordered);
                let message = format!("'{name}' comes too late in the listing");
                return Err(StoreError::new(ErrorKind::Disordered, message));
            }
            read_up_to = name;
        }
        Ok(if page.is_last {
            keys.len()
        } else {
            keys.partition_point(|key| *key.as_str() <= *read_up_to)
        })
    }

    /// What is under `key`, by a HEAD.
    async fn look_up(&self, key: &Key) -> Result<Option<Listed>> {
        let bucket = &self.bucket;
        let head = match bucket.head(key).await {
            Ok(Some(head)) => head.entry,
            Ok(None) if bucket.absence == Absence::Looked => return Ok(None),
            Ok(None) => return find(bucket, key).await,
            // Who may list need not be allowed to read, nor have the key of an object.
            Err(failure) if failure.is_refusal() => return find(bucket, key).await,
            Err(failure) => return Err(bucket.fail(failure, Attempted::look_up(key.as_str()))),
        };
        // Some servers answer so for a directory.
        if head.size == 0 && bucket.endpoint.is_foreign() {
            return find(bucket, key).await;
        }
        let quirks = &bucket.quirks;
        let is_listed_otherwise =
            quirks.has(Quirk::FractionsListed) || quirks.has(Quirk::OtherETagsListed);
        Ok(Some(listed(if is_listed_otherwise {
            as_listed(bucket, head).await
        } else {
            head
        })))
    }
}

/// `entry` as a page shows it.
fn listed(entry: Entry) -> Listed {
    if entry.size > MAX_OBJECT_SIZE {
        return entries::too_large(entry.key.as_str(), entry.size);
    }
    Listed::Entry(entry)
}

/// A name before `key` that hardly any other name is in between.
fn before(key: &Key) -> String {
    let mut name = key.as_str().to_owned();
    let last = name.pop().map_or(0, u32::from);
    let previous = last.checked_sub(1).and_then(char::from_u32);
    // What controls a terminal may not be in XML either.
    if let Some(previous) = previous.filter(|previous| !previous.is_control()) {
        name.extend([previous, char::MAX]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_before_a_key_is_before_it_and_after_its_neighbours() {
        for (key, neighbour) in [
            ("a/b", "a/a"),
            ("a/b", "a/azzz\u{e9}"),
            ("b", "a"),
            ("a!", "a "),
            ("\u{e9}", "\u{e8}x"),
            ("\u{e000}", ""),
            ("a\u{1}", "a"),
            (" ", ""),
        ] {
            let found = before(&Key::new(key).unwrap());
            assert!(*found < *key && *found >= *neighbour, "{key:?}: {found:?}");
        }
    }
}
