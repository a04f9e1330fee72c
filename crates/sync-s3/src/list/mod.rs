//! The listing: pages of ListObjectsV2, each requested while its predecessor is
//! processed; many concurrently where pages are late.
//!
//! An incomplete listing must never look like absence (design, "Data flow"): the
//! stream ends cleanly only after a page that says it is the last. Whatever a server
//! may get wrong (a token that is repeated or missing, a page that contradicts
//! itself or answers another request, keys outside of the prefix, entries without
//! size or time) is an error. Order is checked by the core, not here. An excluded
//! directory is skipped only where it is known what follows it (`prune`).

mod deserializer;
pub(crate) mod entries;
mod level;
mod page_check;
mod page_xml;
mod pager;
mod parallel;
mod prune;
mod reader;
mod single;
pub(crate) mod url_encoding;
mod v1;
pub(crate) mod versions;
pub(crate) mod xml;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sync_core::{KeyRange, Listed, Result, Selection};

use crate::bucket::Bucket;
pub(crate) use level::empty_level;
#[cfg(test)]
pub(crate) use page_xml::{Version, page};
use parallel::ParallelLister;
pub(crate) use parallel::tuning::Tuning;
use prune::Pruner;
use reader::Reader;
pub(crate) use single::{as_listed, first_page, listed};

/// Pages as they come, and how late they are.
struct Pages {
    reader: Reader,
    late: Duration,
    /// How many pages in a row were late.
    late_pages: Arc<AtomicU32>,
    /// When the consumer received its last page.
    delivered: Instant,
}

/// All entries below the prefix that are in `range`. At most two pages are in memory while
/// pages come in time, otherwise [`Tuning::pages`] and one.
pub(crate) fn list(
    bucket: Arc<Bucket>,
    selection: Arc<Selection>,
    range: KeyRange,
) -> BoxStream<'static, Result<Listed>> {
    // The task starts with the first poll: only then is there surely a runtime.
    stream::once(async move { Pages::read(bucket, selection, range) })
        .flat_map(|pages| stream::unfold(pages, Pages::next))
        .flat_map(stream::iter)
        .boxed()
}

impl Pages {
    fn read(bucket: Arc<Bucket>, selection: Arc<Selection>, range: KeyRange) -> Self {
        let late = bucket.tuning.late;
        let late_pages = Arc::new(AtomicU32::new(0));
        let pruner = Arc::new(Pruner::new(selection, range, bucket.is_ordered));
        let lister = ParallelLister::new(bucket, pruner, Arc::clone(&late_pages));
        Self {
            reader: Reader::start(|sender| lister.run(sender)),
            late,
            late_pages,
            delivered: Instant::now(),
        }
    }

    async fn next(mut self) -> Option<(Vec<Result<Listed>>, Self)> {
        let asked = Instant::now();
        let items = self.reader.next().await?;
        self.record_wait(asked);
        Some((items, self))
    }

    fn record_wait(&mut self, asked: Instant) {
        let now = Instant::now();
        let (waited, worked) = (now - asked, asked - self.delivered);
        if waited >= self.late && waited >= worked {
            self.late_pages.fetch_add(1, Ordering::Relaxed);
        } else {
            self.late_pages.store(0, Ordering::Relaxed);
        }
        self.delivered = now;
    }
}
