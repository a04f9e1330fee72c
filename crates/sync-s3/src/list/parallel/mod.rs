//! One listing, read at several places at once.
//!
//! It is unknown in what order a server lists, and what it takes for "after" a key
//! that it does not have: some walk a directory tree and omit what is less in
//! bytes. So a split point is not trusted. A segment begins with a request for
//! a single key, the first after the split point, and continues by the server's own
//! tokens. The segment before it is read until that very key comes, of a listing of
//! versions that very version of it; only then, and there, does the next segment
//! follow. The result is thus a chain of pages, each of which follows its predecessor
//! as the server says, as if the listing had not been split: nothing is lost and
//! nothing doubled, in whatever order. If the key does not come where it should, all
//! segments but the first are dropped, and the first is read to the end.
//!
//! On AWS, which promises byte order, and in key ranges, which rely on it, a segment begins with
//! a whole page; that saves a request each.

pub(crate) mod key_statistics;
mod numeric_splitter;
mod schedule;
mod segment;
mod split_planner;
pub(crate) mod tuning;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sync_core::Result;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::page_reader::{Page, PageReader};
use crate::list::parallel::key_statistics::KeyStatistics;
use crate::list::parallel::segment::{First, Segment};
use crate::list::parallel::split_planner::{Found, SplitPlanner};
use crate::list::parallel::tuning::Tuning;
use crate::list::prune::Pruner;
use crate::list::reader::Message;
use crate::quirks::Quirk;

/// How many boundaries may fail to match, for instance because the bucket changes,
/// before the rest is read sequentially.
const MOST_FAILURES: u32 = 3;

/// Pages after such a failure before the listing is split again.
const PAGES_OF_PAUSE: u64 = 32;

/// A request that was answered.
enum Answer<P: PageReader> {
    Page {
        id: u64,
        pager: P,
        page: Page<P::Item>,
    },
    Found {
        round: u32,
        found: Option<Found>,
    },
}

/// What comes next for the consumer.
enum Next<T> {
    Items(Vec<Result<T>>),
    End,
    NotYet,
}

/// Reads segments concurrently and sends their pages in order.
pub(crate) struct ParallelLister<P: PageReader> {
    bucket: Arc<Bucket>,
    tuning: Tuning,
    pruner: Arc<Pruner>,
    late_pages: Arc<AtomicU32>,
    /// In order; the pages of the first are sent.
    segments: VecDeque<Segment<P>>,
    answers: JoinSet<Answer<P>>,
    statistics: KeyStatistics,
    planner: Option<SplitPlanner>,
    /// Whether a request for directories is in flight.
    is_planning: bool,
    /// Segments so far.
    created: u64,
    /// Pages sent.
    pages: u64,
    /// Requests for directories.
    planner_requests: u64,
    /// Boundaries that matched since the last that did not.
    joined: usize,
    /// Pages sent when the first segment began.
    pages_before: u64,
    /// Segments that were too short to be worth their requests.
    short: u64,
    failures: u32,
    paused_until: u64,
}

impl<P: PageReader> ParallelLister<P> {
    pub(crate) fn new(
        bucket: Arc<Bucket>,
        tuning: Tuning,
        pruner: Arc<Pruner>,
        late_pages: Arc<AtomicU32>,
    ) -> Self {
        let pager = P::new(Arc::clone(&bucket), Arc::clone(&pruner));
        let start = pruner.range.after().unwrap_or_default().to_owned();
        let mut first = Segment::new(0, start, pager);
        first.first = First::Unknown;
        Self {
            paused_until: tuning.pages_first,
            bucket,
            tuning,
            pruner,
            late_pages,
            segments: VecDeque::from([first]),
            answers: JoinSet::new(),
            statistics: KeyStatistics::default(),
            planner: None,
            is_planning: false,
            created: 1,
            pages: 0,
            planner_requests: 0,
            joined: 0,
            pages_before: 0,
            short: 0,
            failures: 0,
        }
    }

    /// Reads to the last page or an error, or until the consumer is gone.
    pub(crate) async fn run(mut self, sender: mpsc::Sender<Message<P::Item>>) {
        let mut slot = None;
        loop {
            if let Some(free) = slot.take() {
                match self.take() {
                    Next::Items(items) => {
                        let is_last = items.last().is_some_and(Result::is_err);
                        mpsc::Permit::send(free, Message::Items(items));
                        if is_last {
                            return;
                        }
                    }
                    Next::End => return free.send(Message::End),
                    Next::NotYet => slot = Some(free),
                }
            }
            self.split();
            self.read_on(slot.is_some());
            tokio::select! {
                free = sender.reserve(), if slot.is_none() => match free {
                    Ok(free) => slot = Some(free),
                    Err(_) => return,
                },
                Some(answer) = self.answers.join_next() => match answer {
                    Ok(answer) => self.record(answer),
                    Err(error) if error.is_cancelled() => {}
                    // The consumer finds that the end is missing.
                    Err(_) => return,
                },
                else => return,
            }
        }
    }

    /// What comes next in order.
    fn take(&mut self) -> Next<P::Item> {
        loop {
            let Some(head) = self.segments.front() else {
                return Next::NotYet;
            };
            let boundary = match self.segments.get(1) {
                Some(next) => head.passes(&next.start).map(|at| (at, &next.first)),
                None => None,
            };
            match boundary {
                Some((_, First::Asked)) => return Next::NotYet,
                Some((at, First::Known(first))) if head.has(at, first) => {
                    let items = self.join(at);
                    if !items.is_empty() {
                        return self.send(items);
                    }
                    continue;
                }
                Some(_) => self.drop_splits(),
                None => {}
            }
            return match self.segments.front_mut().and_then(Segment::take) {
                Some(page) => self.send(page.items),
                None => self.end(),
            };
        }
    }

    /// The first segment has no page to send. If it has been read, that is the
    /// end, unless another segment has shown that there is more.
    fn end(&mut self) -> Next<P::Item> {
        if !self.segments.front().is_some_and(|head| head.is_read) {
            return Next::NotYet;
        }
        match self.segments.get(1).map(|next| &next.first) {
            None | Some(First::Unknown) => Next::End,
            Some(First::Asked) => Next::NotYet,
            Some(First::Known(first)) => {
                let failure = Failure::protocol(format!(
                    "the server ends the listing before '{}', which it has",
                    first.name
                ));
                Next::Items(vec![Err(P::refused(&self.bucket, failure))])
            }
        }
    }

    /// Continues with the second segment, whose first key is the one at `at`.
    fn join(&mut self, at: usize) -> Vec<Result<P::Item>> {
        let head = self.segments.pop_front();
        let page = head.and_then(|mut head| head.take());
        self.joined += 1;
        let pages = self.pages - self.pages_before;
        self.short += u64::from(pages * 4 < self.tuning.segment_pages as u64);
        self.pages_before = self.pages;
        let mut items = page.map(|page| page.items).unwrap_or_default();
        items.truncate(at);
        items
    }

    fn send(&mut self, items: Vec<Result<P::Item>>) -> Next<P::Item> {
        self.pages += 1;
        // Statistics are only needed for splits, which are made where pages are late.
        if self.is_split() || self.late_pages.load(Ordering::Relaxed) > 0 || self.is_eager() {
            self.statistics.add(&items);
            if self.statistics.is_disordered() {
                self.bucket.quirks.note(Quirk::Disordered);
            }
        }
        Next::Items(items)
    }

    fn drop_splits(&mut self) {
        tracing::debug!(
            "a boundary of the listing does not match; it is read sequentially for a while"
        );
        self.segments.truncate(1);
        self.planner = None;
        self.is_planning = false;
        self.joined = 0;
        self.failures += 1;
        self.paused_until = self.pages + PAGES_OF_PAUSE;
    }

    fn is_split(&self) -> bool {
        self.segments.len() > 1 || self.is_planning
    }

    fn is_eager(&self) -> bool {
        self.tuning.late_pages == 0
    }

    fn record(&mut self, answer: Answer<P>) {
        match answer {
            Answer::Page { id, pager, page } => {
                let mut segments = self.segments.iter_mut();
                // The segment may have been dropped meanwhile.
                let Some(segment) = segments.find(|segment| segment.id == id) else {
                    return;
                };
                segment.add(pager, page);
                if segment.is_behind_all()
                    && let Some(planner) = &mut self.planner
                {
                    planner.end();
                }
            }
            Answer::Found { round, found } if round == self.failures => {
                self.is_planning = false;
                let planner = self.planner.as_mut();
                // It may have ended meanwhile.
                let planner = planner.filter(|planner| !planner.is_done());
                if planner.is_some_and(|planner| !planner.answer(found)) {
                    self.failures = MOST_FAILURES;
                }
            }
            Answer::Found { .. } => {}
        }
    }
}
