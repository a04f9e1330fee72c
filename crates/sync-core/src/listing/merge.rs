//! Joins two ordered listings into one stream of pairs, in constant memory.
//!
//! The order of both sides is checked at every entry. A listing's error, a
//! disorder or a duplicate ends the joined stream with an error, so that an
//! incomplete listing never looks like absence (design, Data flow).

use std::cmp::Ordering;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::skipped_names::may_be_directory_of;
use crate::{
    entry::{Entry, Listed, SkipCause, Skipped},
    error::{ErrorKind, Result, StoreError},
    rule::Pair,
    text::printable,
};

/// Which of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The store that is copied.
    Source,
    /// The store that is changed.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// One item of the joined stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined {
    /// The entries of the next key.
    Pair(Pair),
    /// Something that one of the listings left out.
    Skipped(Side, Skipped),
}

/// Why the joined stream ended early.
#[derive(Debug, thiserror::Error)]
#[error("the listing of the {side} failed: {error}")]
#[non_exhaustive]
pub struct MergeError {
    /// Whose listing failed.
    pub side: Side,
    /// How.
    pub error: StoreError,
}

/// Joins the listings of a source and a target.
///
/// ```
/// use futures::executor::block_on;
/// use futures::stream::{self, StreamExt};
/// use sync_core::{Entry, Key, Listed, listing::{Joined, merge}, rule::Pair};
///
/// let time = "2024-05-01T12:00:00Z".parse()?;
/// let a = Entry::new(Key::new("a")?, 1, time);
/// let b = Entry::new(Key::new("b")?, 1, time);
/// let source = stream::iter([Ok(Listed::Entry(a.clone()))]).boxed();
/// let target = stream::iter([Ok(Listed::Entry(b.clone()))]).boxed();
/// let joined: Vec<_> = block_on(merge(source, target).map(Result::unwrap).collect());
/// assert_eq!(joined, [Joined::Pair(Pair::Source(a)), Joined::Pair(Pair::Target(b))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn merge(
    source: BoxStream<'static, Result<Listed>>,
    target: BoxStream<'static, Result<Listed>>,
) -> Merge {
    Merge::of(
        Cursor::new(Side::Source, source),
        Cursor::new(Side::Target, target),
    )
}

/// The stream that [`merge`] returns. It ends after an error.
pub struct Merge {
    source: Cursor,
    target: Cursor,
    failed: bool,
}

impl Stream for Merge {
    type Item = Result<Joined, MergeError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.failed {
            return Poll::Ready(None);
        }
        // Both are polled before either is waited for, so that they progress
        // side by side.
        let source = this.source.poll_head(cx);
        let target = this.target.poll_head(cx);
        let joined = match (source, target) {
            (Poll::Ready(Err(e)), _) | (_, Poll::Ready(Err(e))) => {
                this.failed = true;
                return Poll::Ready(Some(Err(e)));
            }
            (source, target) => {
                let _ = (ready!(source), ready!(target));
                this.next_joined()
            }
        };
        Poll::Ready(joined.map(Ok))
    }
}

impl Merge {
    pub(crate) fn of(source: Cursor, target: Cursor) -> Self {
        Self {
            source,
            target,
            failed: false,
        }
    }

    /// Takes what comes first of the two heads.
    fn next_joined(&mut self) -> Option<Joined> {
        if let Some(skipped) = self.source.skipped.take() {
            return Some(Joined::Skipped(Side::Source, skipped));
        }
        if let Some(skipped) = self.target.skipped.take() {
            return Some(Joined::Skipped(Side::Target, skipped));
        }
        let order = match (&self.source.head, &self.target.head) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(source), Some(target)) => source.key.cmp(&target.key),
        };
        let pair = match order {
            Ordering::Less => Pair::Source(self.source.take()?),
            Ordering::Greater => Pair::Target(self.target.take()?),
            Ordering::Equal => Pair::Both {
                source: self.source.take()?,
                target: self.target.take()?,
            },
        };
        Some(Joined::Pair(pair))
    }
}

/// One side: its stream, its next entry, and the check of its order.
pub(crate) struct Cursor {
    side: Side,
    stream: BoxStream<'static, Result<Listed>>,
    head: Option<Entry>,
    skipped: Option<Skipped>,
    /// The key before; empty, and so below every key, at the start.
    last: String,
    ended: bool,
}

impl Cursor {
    pub(crate) fn new(side: Side, stream: BoxStream<'static, Result<Listed>>) -> Self {
        Self {
            side,
            stream,
            head: None,
            skipped: None,
            last: String::new(),
            ended: false,
        }
    }

    /// Waits for the first item, or the end.
    pub(crate) async fn begin(mut self) -> Result<Self, MergeError> {
        poll_fn(|cx| self.poll_head(cx)).await?;
        Ok(self)
    }

    /// Makes sure that the next item is known: as head, as skipped, or that
    /// there is none.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), MergeError>> {
        if self.head.is_some() || self.skipped.is_some() || self.ended {
            return Poll::Ready(Ok(()));
        }
        match ready!(self.stream.as_mut().poll_next(cx)) {
            None => self.ended = true,
            Some(Ok(Listed::Skipped(skipped))) => {
                self.check_skipped(&skipped)?;
                self.skipped = Some(skipped);
            }
            Some(Ok(Listed::Entry(entry))) => {
                self.check_order(&entry)?;
                self.head = Some(entry);
            }
            Some(Err(error)) => return Poll::Ready(Err(self.fail(error))),
        }
        Poll::Ready(Ok(()))
    }

    fn check_order(&self, next: &Entry) -> Result<(), MergeError> {
        let (kind, what) = match next.key.as_str().cmp(&self.last) {
            Ordering::Greater => return Ok(()),
            Ordering::Equal => (ErrorKind::Duplicate, "comes twice"),
            Ordering::Less => (ErrorKind::Disordered, "comes too late"),
        };
        let message = format!("'{}' {what} in the listing", next.key);
        Err(self.fail(StoreError::new(kind, message)))
    }

    /// What the source skipped covers what the target has there. So it must
    /// come before the keys below its name have passed; sorted, it does.
    ///
    /// A cause that hides content withholds all deletions, whenever it comes;
    /// and below a directory that is not selected, no entry is.
    #[cold]
    fn check_skipped(&self, skipped: &Skipped) -> Result<(), MergeError> {
        let (name, last) = (skipped.name.as_str(), self.last.as_str());
        if self.side == Side::Target || last <= name {
            return Ok(());
        }
        let cause = skipped.cause;
        if !cause.covers() || cause.hides_content() {
            return Ok(());
        }
        let is_below = |key: &str| {
            let rest = key.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let is_late = match cause {
            SkipCause::NotSelected => !may_be_directory_of(name, last),
            _ => !may_be_directory_of(name, last) || is_below(last),
        };
        if !is_late {
            return Ok(());
        }
        let name = printable(name);
        let message = format!("'{name}' is reported as skipped after keys that follow it");
        Err(self.fail(StoreError::new(ErrorKind::Disordered, message)))
    }

    #[inline(always)]
    fn take(&mut self) -> Option<Entry> {
        let entry = self.head.take()?;
        // One buffer for all keys: no allocation an entry.
        self.last.clear();
        self.last.push_str(entry.key.as_str());
        Some(entry)
    }

    fn fail(&self, error: StoreError) -> MergeError {
        MergeError {
            side: self.side,
            error,
        }
    }
}
