//! The pairs of two stores: both listings joined, with the selection applied.
//!
//! A plan and a verification are made from the same pairs. A listing that turns
//! out not to be in key order is read again and sorted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use chrono::TimeDelta;
use futures::future::try_join;
use futures::stream::{BoxStream, Stream, StreamExt};

use super::absent::Absent;
use super::counter::Listings;
use super::merge::{Cursor, Joined, Merge, MergeError, Side};
use super::only::only;
use super::sort::sorted;
use crate::{
    entry::{Listed, SkipCause, Skipped},
    error::ErrorKind,
    key_list::{NotFound, unreadable},
    key_range::KeyRange,
    rule::Pair,
    select::Selection,
    spool::Spools,
    store::{Listing, Store},
};

/// How two stores are listed and joined.
pub(crate) struct Pairs<'a> {
    pub(crate) source: &'a dyn Store,
    pub(crate) target: &'a dyn Store,
    pub(crate) selection: &'a Arc<Selection>,
    /// Of which keys.
    pub(crate) range: KeyRange,
    pub(crate) spools: Arc<dyn Spools>,
    /// Memory for sorting a listing that comes out of order, in bytes.
    pub(crate) sort_memory: usize,
    /// Where the entries are counted.
    pub(crate) listings: Arc<Listings>,
    sort_source: bool,
    sort_target: bool,
}

/// Two listings that have begun.
pub(crate) struct Opened {
    /// In key order.
    pub(crate) items: SelectedPairs,
    /// [`Listing::clock_offset`] of the source.
    pub(crate) source_offset: Option<TimeDelta>,
    /// [`Listing::clock_offset`] of the target.
    pub(crate) target_offset: Option<TimeDelta>,
}

/// Two joined listings with the selection applied. It ends after an error.
pub(crate) struct SelectedPairs {
    joined: Merge,
    selection: Arc<Selection>,
    /// Where there is a key list.
    absent: Option<Absent>,
}

impl Stream for SelectedPairs {
    type Item = Result<Selected, MergeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let joined = if self.absent.is_some() {
            self.poll_listed(cx)
        } else {
            self.joined.poll_next_unpin(cx)
        };
        Poll::Ready(ready!(joined).map(|joined| Ok(select(joined?, &self.selection))))
    }
}

impl SelectedPairs {
    /// The next item of a run by a key list; apart, since most runs have none.
    #[inline(never)]
    fn poll_listed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Joined, MergeError>>> {
        loop {
            let joined = ready!(self.joined.poll_next_unpin(cx)).transpose()?;
            if let (Some(absent), Some(joined)) = (&mut self.absent, &joined) {
                follow(absent, joined, &self.selection).map_err(list_unreadable)?;
            }
            if !joined.as_ref().is_some_and(is_directory) {
                return Poll::Ready(joined.map(Ok));
            }
        }
    }
}

impl SelectedPairs {
    /// At the end of both listings: what neither has of the key list.
    ///
    /// # Errors
    /// Those of reading the list.
    pub(crate) fn not_found(&mut self) -> Result<NotFound, MergeError> {
        let absent = self.absent.as_mut();
        let not_found =
            absent.map_or_else(|| Ok(NotFound::default()), |it| it.end(&self.selection));
        not_found.map_err(list_unreadable)
    }
}

fn follow(absent: &mut Absent, joined: &Joined, selection: &Selection) -> io::Result<()> {
    match joined {
        Joined::Pair(pair) => absent.entry(pair.key(), selection),
        Joined::Skipped(_, skipped) => {
            absent.skipped(skipped);
            Ok(())
        }
    }
}

/// Whether it is a directory of which a key list has the name: that is there, and nothing more.
fn is_directory(joined: &Joined) -> bool {
    matches!(joined, Joined::Skipped(_, skipped) if skipped.cause == SkipCause::Directory)
}

fn list_unreadable(error: io::Error) -> MergeError {
    MergeError {
        side: Side::Source,
        error: unreadable(error),
    }
}

/// An item of two joined listings.
pub(crate) enum Selected {
    /// Something that a listing skipped. Its cause is [`SkipCause::NotSelected`] if it
    /// is not selected.
    Skipped(Side, Skipped),
    /// The entries of a key that is selected.
    Pair(Pair),
    /// The entries of a key that is not.
    Excluded(Pair),
}

impl<'a> Pairs<'a> {
    /// The pairs of `source` and `target`.
    pub(crate) fn new(
        (source, target): (&'a dyn Store, &'a dyn Store),
        selection: &'a Arc<Selection>,
        spools: Arc<dyn Spools>,
        sort_memory: usize,
        listings: Arc<Listings>,
    ) -> Self {
        Self {
            source,
            target,
            selection,
            range: KeyRange::default(),
            spools,
            sort_memory,
            listings,
            sort_source: false,
            sort_target: false,
        }
    }

    /// The same of the keys in `range`.
    pub(crate) fn within(self, range: KeyRange) -> Self {
        Self { range, ..self }
    }

    /// Begins both listings, side by side.
    ///
    /// # Errors
    /// That of a listing which fails before its first entry.
    pub(crate) async fn open(&self) -> Result<Opened, MergeError> {
        self.listings.begin();
        let source = self.begin(Side::Source, self.source, self.sort_source);
        let target = self.begin(Side::Target, self.target, self.sort_target);
        let ((source, source_offset), (target, target_offset)) = try_join(source, target).await?;
        let keys = self.selection.keys();
        let absent = keys.map(|keys| Absent::new(keys, self.range.clone()));
        let absent = absent.transpose().map_err(list_unreadable)?;
        Ok(Opened {
            items: SelectedPairs {
                joined: Merge::of(source, target),
                selection: Arc::clone(self.selection),
                absent,
            },
            source_offset,
            target_offset,
        })
    }

    async fn begin(
        &self,
        side: Side,
        store: &dyn Store,
        sort: bool,
    ) -> Result<(Cursor, Option<TimeDelta>), MergeError> {
        let listing = if self.range.is_all() {
            store.list(self.selection).await
        } else {
            store.list_range(self.selection, &self.range).await
        };
        let clock_offset = listing.clock_offset;
        let entries = self.in_order(side, listing, sort);
        let cursor = Cursor::new(side, entries).begin().await?;
        Ok((cursor, clock_offset))
    }

    /// Whether `error` is a disorder that sorting mends; then the next listing
    /// is sorted.
    pub(crate) fn sorts_next_time(&mut self, error: &MergeError) -> bool {
        let sorts = match error.side {
            Side::Source => &mut self.sort_source,
            Side::Target => &mut self.sort_target,
        };
        error.error.kind() == ErrorKind::Disordered && !std::mem::replace(sorts, true)
    }

    fn in_order(
        &self,
        side: Side,
        listing: Listing,
        sort: bool,
    ) -> BoxStream<'static, crate::error::Result<Listed>> {
        let listings = Arc::clone(&self.listings);
        let counted = listing.entries.inspect(move |listed| {
            if matches!(listed, Ok(Listed::Entry(_))) {
                listings.add(side);
            }
        });
        let ordered = if sort {
            sorted(counted.boxed(), Arc::clone(&self.spools), self.sort_memory)
        } else {
            counted.boxed()
        };
        match self.selection.keys() {
            Some(keys) => only(ordered, keys),
            None => ordered,
        }
    }
}

fn select(joined: Joined, selection: &Selection) -> Selected {
    match joined {
        Joined::Skipped(side, skipped) => {
            Selected::Skipped(side, unless_excluded(skipped, selection))
        }
        Joined::Pair(pair) if selection.selects_pair(pair.as_ref()) => Selected::Pair(pair),
        Joined::Pair(pair) => Selected::Excluded(pair),
    }
}

/// What a listing skipped because of its key, which may not be selected. Other
/// names may be those of directories, so that only the store that saw them can
/// tell.
fn unless_excluded(skipped: Skipped, selection: &Selection) -> Skipped {
    let has_key = matches!(
        skipped.cause,
        SkipCause::UnmappableKey | SkipCause::Placeholder
    );
    if has_key && !selection.selects(&skipped.name) {
        let cause = SkipCause::NotSelected;
        return Skipped { cause, ..skipped };
    }
    skipped
}
