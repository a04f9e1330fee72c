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
pub(crate) mod url_encoding;
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

use crate::bucket::Bucket;
pub(crate) use level::empty_level;
pub(crate) use parallel::tuning::Tuning;
use parallel::{Message, Weaver};
pub(crate) use prune::LeftOut;
pub(crate) use single::{as_listed, first_page, listed};
pub(crate) use xml::Unreadable;
#[cfg(test)]
pub(crate) use xml::{Version, page};

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
