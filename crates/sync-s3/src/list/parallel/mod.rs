//! One listing out of many runs of pages that are read at once.
//!
//! Nobody knows in what order a server lists, nor what it takes for "after" a
//! key that it does not have: some walk a directory tree and leave out what is
//! less in bytes. So a cut is never believed. A segment begins with a request
//! for a single key, the first after the cut, and goes on by the server's own
//! tokens. The segment before it is read on until that very key comes, and
//! only then, and there, does the next one take its place. What is handed over
//! is thus a chain of pages, each of which follows its predecessor as the
//! server says, as if there were no cuts: nothing is lost and nothing doubled,
//! in whatever order. If the key does not come where it should, all segments
//! but the first are dropped, and that one is simply read on.

mod numeric;
mod schedule;
mod segment;
mod split_points;
pub(crate) mod statistics;
pub(crate) mod tuning;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sync_core::{Listed, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::pages::{Page, Run, refused};
use crate::list::parallel::segment::{First, Segment};
use crate::list::parallel::split_points::{Found, Scout};
use crate::list::parallel::statistics::Survey;

/// How many seams may fail to match, for instance because the bucket changes,
/// before the rest is read one page after the other.
const MOST_FAILURES: u32 = 3;

/// Pages after such a failure before the listing is cut again.
const PAGES_OF_REST: u64 = 32;

/// What the reading task hands to the consumer.
pub(crate) enum Message {
    Items(Vec<Result<Listed>>),
    /// All has been sent.
    End,
}

/// A request that was answered.
enum Answer {
    Page { id: u64, run: Run, page: Page },
    Found { round: u32, found: Option<Found> },
}

/// What there is for the consumer.
enum Ready {
    Items(Vec<Result<Listed>>),
    End,
    NotYet,
}

/// Reads segments at once and hands them over in order.
pub(crate) struct Weaver {
    bucket: Arc<Bucket>,
    late_pages: Arc<AtomicU32>,
    /// In order; the first is the one that is handed over.
    segments: VecDeque<Segment>,
    answers: JoinSet<Answer>,
    survey: Survey,
    scout: Option<Scout>,
    is_asking: bool,
    /// Segments that there were.
    made: u64,
    /// Pages handed over.
    pages: u64,
    /// Requests for directories.
    asked: u64,
    /// Seams that matched since the last that did not.
    joined: usize,
    /// Pages handed over when the first segment began.
    begun: u64,
    /// Segments that were hardly worth their requests.
    short: u64,
    failures: u32,
    rests_until: u64,
}

impl Weaver {
    pub(crate) fn new(bucket: Arc<Bucket>, late_pages: Arc<AtomicU32>) -> Self {
        let run = Run::new(Arc::clone(&bucket));
        let mut first = Segment::new(0, String::new(), run);
        first.first = First::Unknown;
        Self {
            rests_until: bucket.tuning.pages_first,
            bucket,
            late_pages,
            segments: VecDeque::from([first]),
            answers: JoinSet::new(),
            survey: Survey::default(),
            scout: None,
            is_asking: false,
            made: 1,
            pages: 0,
            asked: 0,
            joined: 0,
            begun: 0,
            short: 0,
            failures: 0,
        }
    }

    /// Ends after the last page or an error, or when nobody listens.
    pub(crate) async fn run(mut self, sender: mpsc::Sender<Message>) {
        let mut place = None;
        loop {
            if let Some(free) = place.take() {
                match self.take() {
                    Ready::Items(items) => {
                        let is_last = items.last().is_some_and(Result::is_err);
                        mpsc::Permit::send(free, Message::Items(items));
                        if is_last {
                            return;
                        }
                    }
                    Ready::End => return free.send(Message::End),
                    Ready::NotYet => place = Some(free),
                }
            }
            self.cut();
            self.read_on(place.is_some());
            tokio::select! {
                free = sender.reserve(), if place.is_none() => match free {
                    Ok(free) => place = Some(free),
                    Err(_) => return,
                },
                Some(answer) = self.answers.join_next() => match answer {
                    Ok(answer) => self.note(answer),
                    Err(error) if error.is_cancelled() => {}
                    // The consumer finds that there was no last word.
                    Err(_) => return,
                },
                else => return,
            }
        }
    }

    /// What comes next in order.
    fn take(&mut self) -> Ready {
        loop {
            let Some(head) = self.segments.front() else {
                return Ready::NotYet;
            };
            let seam = match self.segments.get(1) {
                Some(next) => head.passes(&next.cut).map(|at| (at, &next.first)),
                None => None,
            };
            match seam {
                Some((_, First::Asked)) => return Ready::NotYet,
                Some((at, First::Known(first))) if head.has(at, first) => {
                    let items = self.join(at);
                    if !items.is_empty() {
                        return self.hand_over(items);
                    }
                    continue;
                }
                Some(_) => self.give_up_cuts(),
                None => {}
            }
            return match self.segments.front_mut().and_then(Segment::take) {
                Some(page) => self.hand_over(page.items),
                None => self.end(),
            };
        }
    }

    /// The first segment has nothing to hand over. If it has been read, that
    /// is the end, unless another has shown that there is more.
    fn end(&mut self) -> Ready {
        if !self.segments.front().is_some_and(|head| head.is_read) {
            return Ready::NotYet;
        }
        match self.segments.get(1).map(|next| &next.first) {
            None | Some(First::Unknown) => Ready::End,
            Some(First::Asked) => Ready::NotYet,
            Some(First::Known(first)) => {
                let failure = Failure::protocol(format!(
                    "the server ends the listing before '{first}', which it has"
                ));
                Ready::Items(vec![Err(refused(&self.bucket, failure))])
            }
        }
    }

    /// Goes over to the second segment, whose first key is the one at `at`.
    fn join(&mut self, at: usize) -> Vec<Result<Listed>> {
        let head = self.segments.pop_front();
        let page = head.and_then(|mut head| head.take());
        self.joined += 1;
        let pages = self.pages - self.begun;
        self.short += u64::from(pages * 4 < self.bucket.tuning.segment_pages as u64);
        self.begun = self.pages;
        let mut items = page.map(|page| page.items).unwrap_or_default();
        items.truncate(at);
        items
    }

    fn hand_over(&mut self, items: Vec<Result<Listed>>) -> Ready {
        self.pages += 1;
        // Where pages come in time, no cut is made, and none needs a survey.
        if self.is_cut() || self.late_pages.load(Ordering::Relaxed) > 0 || self.is_eager() {
            self.survey.add(&items);
            if self.survey.is_disordered() {
                self.bucket.is_disordered.store(true, Ordering::Relaxed);
            }
        }
        Ready::Items(items)
    }

    fn give_up_cuts(&mut self) {
        tracing::debug!("a listing was cut in vain; it goes on in one piece for a while");
        self.segments.truncate(1);
        self.scout = None;
        self.is_asking = false;
        self.joined = 0;
        self.failures += 1;
        self.rests_until = self.pages + PAGES_OF_REST;
    }

    fn is_cut(&self) -> bool {
        self.segments.len() > 1 || self.is_asking
    }

    fn is_eager(&self) -> bool {
        self.bucket.tuning.late_pages == 0
    }

    fn note(&mut self, answer: Answer) {
        match answer {
            Answer::Page { id, run, page } => {
                let mut segments = self.segments.iter_mut();
                // It may have been dropped meanwhile.
                if let Some(segment) = segments.find(|segment| segment.id == id) {
                    segment.add(run, page);
                }
            }
            Answer::Found { round, found } if round == self.failures => {
                self.is_asking = false;
                if self
                    .scout
                    .as_mut()
                    .is_some_and(|scout| !scout.answer(found))
                {
                    self.failures = MOST_FAILURES;
                }
            }
            Answer::Found { .. } => {}
        }
    }
}
