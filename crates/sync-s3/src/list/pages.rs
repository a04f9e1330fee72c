//! A listing that is read ahead of its consumer: one page, or many at once while the
//! consumer has to wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sync_core::Result;

use crate::bucket::Bucket;
use crate::list::page_reader::PageReader;
use crate::list::parallel::ParallelLister;
use crate::list::parallel::tuning::Tuning;
use crate::list::prune::Pruner;
use crate::list::reader::Reader;

/// Pages as they come, and how late they are.
pub(crate) struct Pages<P: PageReader> {
    reader: Reader<P::Item>,
    late: Duration,
    /// How many pages in a row were late.
    late_pages: Arc<AtomicU32>,
    /// When the consumer received its last page.
    delivered: Instant,
}

impl<P: PageReader> Pages<P> {
    pub(crate) fn read(bucket: Arc<Bucket>, pruner: Arc<Pruner>, tuning: Tuning) -> Self {
        let late_pages = Arc::new(AtomicU32::new(0));
        let lister = ParallelLister::<P>::new(bucket, tuning, pruner, Arc::clone(&late_pages));
        Self {
            reader: Reader::start(|sender| lister.run(sender)),
            late: tuning.late,
            late_pages,
            delivered: Instant::now(),
        }
    }

    /// The items of the next page; none at the end, and after an error.
    pub(crate) async fn next(&mut self) -> Option<Vec<Result<P::Item>>> {
        let asked = Instant::now();
        let items = self.reader.next().await?;
        self.record_wait(asked);
        Some(items)
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
