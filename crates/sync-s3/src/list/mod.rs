//! The listing: pages of ListObjectsV2, each asked for while its predecessor
//! is being worked on; many at once where pages come late.
//!
//! An incomplete listing must never look like absence (design, "Data flow"):
//! the stream ends cleanly only after a page that says it is the last. What a
//! server may get wrong (a token that comes again or is missing, a page that
//! contradicts itself or answers another request, keys outside of the prefix,
//! entries without size or time) is an error. Order is not
//! checked here; the core does that. A directory that the selection leaves out
//! is passed over only where it is sure what follows it (`prune`).

mod deserializer;
pub(crate) mod entries;
mod level;
mod page_check;
mod pages;
mod parallel;
mod prune;
mod single;
mod v1;
mod xml;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sync_core::{ErrorKind, Listed, Result, StoreError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::store::Bucket;
pub(crate) use level::empty_level;
use parallel::Weaver;
pub(crate) use prune::LeftOut;
pub(crate) use single::{as_listed, first_page, listed};
pub(crate) use xml::Unreadable;
#[cfg(test)]
pub(crate) use xml::{Version, page};

/// When a listing is read at several places at once, and how far ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    /// Pages that are read one after the other in any case.
    pub(crate) pages_first: u64,
    /// How long the consumer must have waited for a page to call it late, and
    /// longer than it worked on the one before. A server nearby takes less.
    pub(crate) late: Duration,
    /// How many pages in a row must have been late.
    pub(crate) late_pages: u32,
    /// Most requests under way.
    pub(crate) streams: usize,
    /// Most pages that are in memory or asked for, beside the one that the
    /// consumer works on. A page of 1,000 entries takes some 200 KB.
    pub(crate) pages: usize,
    /// Pages that a segment should have. It costs one request more than they
    /// do, and half a page that its successor lists again. As many segments
    /// are really read at once as fit into `pages`.
    pub(crate) segment_pages: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            pages_first: 8,
            late: Duration::from_millis(20),
            late_pages: 4,
            streams: 16,
            pages: 64,
            segment_pages: 9,
        }
    }
}

/// What the reading task hands to the consumer.
enum Message {
    Items(Vec<Result<Listed>>),
    /// All has been sent.
    End,
}

/// The consumer's end: dropping it stops the reading.
struct Pages {
    receiver: mpsc::Receiver<Message>,
    task: AbortHandle,
    late: Duration,
    /// How many pages in a row came late.
    late_pages: Arc<AtomicU32>,
    /// When the consumer was given its last page.
    given: Instant,
    ended: bool,
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All that is below the prefix. Two pages are in memory at most as long as
/// pages come in time, else [`Tuning::pages`] and one.
pub(crate) fn list(bucket: Arc<Bucket>) -> BoxStream<'static, Result<Listed>> {
    // The task starts with the first poll, since only then there surely is a runtime.
    stream::once(async move { Pages::read(bucket) })
        .flat_map(|pages| stream::unfold(pages, Pages::next))
        .flat_map(stream::iter)
        .boxed()
}

impl Pages {
    fn read(bucket: Arc<Bucket>) -> Self {
        // One page waits here while the consumer works on another.
        let (sender, receiver) = mpsc::channel(1);
        let late = bucket.tuning.late;
        let late_pages = Arc::new(AtomicU32::new(0));
        let weaver = Weaver::new(bucket, Arc::clone(&late_pages));
        let task = tokio::spawn(weaver.run(sender));
        Self {
            receiver,
            task: task.abort_handle(),
            late,
            late_pages,
            given: Instant::now(),
            ended: false,
        }
    }

    async fn next(mut self) -> Option<(Vec<Result<Listed>>, Self)> {
        if self.ended {
            return None;
        }
        let asked = Instant::now();
        let items = match self.receiver.recv().await {
            Some(Message::Items(items)) => items,
            Some(Message::End) => return None,
            // The task died without a last word: no end of a listing.
            None => vec![Err(StoreError::new(
                ErrorKind::Other,
                "the listing was interrupted",
            ))],
        };
        self.ended = items.last().is_some_and(Result::is_err);
        self.note_wait(asked);
        Some((items, self))
    }

    fn note_wait(&mut self, asked: Instant) {
        let now = Instant::now();
        let (waited, worked) = (now - asked, asked - self.given);
        if waited >= self.late && waited >= worked {
            self.late_pages.fetch_add(1, Ordering::Relaxed);
        } else {
            self.late_pages.store(0, Ordering::Relaxed);
        }
        self.given = now;
    }
}
