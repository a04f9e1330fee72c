//! Which requests come next: where to split, and which page of which segment.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::list::page_reader::PageReader;
use crate::list::parallel::segment::{First, Segment};
use crate::list::parallel::split_planner::{SplitPlanner, Step, directories_after};
use crate::list::parallel::{Answer, MOST_FAILURES, PAGES_OF_PAUSE, ParallelLister};
use crate::quirks::Quirk;

/// The first number of segments, before it is known whether the splits are well
/// placed, and by how many it grows with each boundary that matched.
const FIRST_SEGMENTS: usize = 8;
const MORE_SEGMENTS: usize = 8;

/// How many segments may begin at numbers that are not known to be there, before the first of
/// them has come: behind the last key, each costs a request in vain.
const MOST_GUESSES: usize = 4;

/// How many segments may be too short, and after how many pages one more may.
const MOST_SHORT: u64 = 8;
const PAGES_OF_SHORT: u64 = 48;

impl<P: PageReader> ParallelLister<P> {
    /// Whether the listing may be split now.
    fn may_split(&self) -> bool {
        !self.bucket.quirks.has(Quirk::Disordered)
            && !self.bucket.quirks.has(Quirk::FirstVersionOnly)
            && self.failures < MOST_FAILURES
            && self.pages >= self.paused_until
            && self.short <= MOST_SHORT + self.pages / PAGES_OF_SHORT
            && (self.planner.is_some()
                || self.late_pages.load(Ordering::Relaxed) >= self.tuning.late_pages)
    }

    /// Adds segments at the end, or requests directories to find split points.
    pub(crate) fn split(&mut self) {
        let is_busy = self.answers.len() >= self.tuning.streams;
        if self.is_planning || is_busy || !self.may_split() {
            return;
        }
        // There were no more split points; later keys may have some again.
        if self.segments.len() == 1 && self.planner.as_ref().is_some_and(SplitPlanner::is_done) {
            self.planner = None;
            self.paused_until = self.pages + PAGES_OF_PAUSE;
            return;
        }
        let tuning = self.tuning;
        let most = FIRST_SEGMENTS + MORE_SEGMENTS * self.joined;
        while self.segments.len() < most.min(tuning.streams) {
            let Some(tail) = self.segments.back().filter(|tail| !tail.is_read) else {
                return;
            };
            let statistics = &self.statistics;
            let target = statistics.page() * tuning.segment_pages as f64;
            let planner = self
                .planner
                .get_or_insert_with(|| SplitPlanner::new(&tail.last, target, statistics));
            let asked = self.segments.iter().filter(|it| it.first == First::Asked);
            if planner.guesses() && asked.count() >= MOST_GUESSES {
                return;
            }
            match planner.step(&tail.last, target, statistics) {
                // The segment before it would skip it.
                Step::Split(start) if self.pruner.pruned_parent(&start).is_some() => {}
                // All that follows is behind the range, too.
                Step::Split(start) if self.pruner.range.ends_before(&start) => {
                    return planner.end();
                }
                Step::Split(start) => {
                    let pager =
                        P::after(Arc::clone(&self.bucket), Arc::clone(&self.pruner), &start);
                    self.segments
                        .push_back(Segment::new(self.created, start, pager));
                    let segments = self.segments.len();
                    tracing::debug!(segments, "the listing is read in several segments at once");
                    self.created += 1;
                }
                Step::Request(wanted) => {
                    // At most a twelfth of all requests.
                    if self.planner_requests > 4 + self.pages / 12 {
                        return;
                    }
                    let (bucket, round) = (Arc::clone(&self.bucket), self.failures);
                    self.answers.spawn(async move {
                        let found = directories_after::<P>(&bucket, wanted).await;
                        Answer::Found { round, found }
                    });
                    self.planner_requests += 1;
                    self.is_planning = true;
                    return;
                }
                Step::End => return,
            }
        }
    }

    /// Requests the next pages, in the order in which they are needed.
    pub(crate) fn read_on(&mut self, is_awaited: bool) {
        let tuning = self.tuning;
        let is_split = self.is_split();
        let mut held: usize = self.segments.iter().map(Segment::held).sum();
        for index in 0..self.segments.len() {
            // The first segment reuses the place of each page that it sent before
            // another can, so it never waits for the others.
            let has_place = if is_split {
                held < tuning.pages
            } else {
                is_awaited && held == 0
            };
            if !has_place || self.answers.len() >= tuning.streams {
                return;
            }
            if self.is_wanted(index) {
                self.read(index);
                held += 1;
            }
        }
    }

    /// Whether the next page of a segment is wanted.
    fn is_wanted(&self, index: usize) -> bool {
        let Some(segment) = self.segments.get(index) else {
            return false;
        };
        if segment.is_read || segment.pager.is_none() {
            return false;
        }
        match self.segments.get(index + 1) {
            Some(next) => segment.last <= next.start,
            // The last segment may still be split.
            None => {
                index == 0
                    || segment.first == First::Asked
                    || self.planner.as_ref().is_none_or(SplitPlanner::is_done)
            }
        }
    }

    fn read(&mut self, index: usize) {
        let Some(segment) = self.segments.get_mut(index) else {
            return;
        };
        let Some(mut pager) = segment.pager.take() else {
            return;
        };
        let id = segment.id;
        let task = self.answers.spawn(async move {
            let page = pager.next().await;
            Answer::Page { id, pager, page }
        });
        segment.task = Some(task.into());
    }
}
