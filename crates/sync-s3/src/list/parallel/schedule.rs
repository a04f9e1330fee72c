//! What is asked for next: where to cut, and which page of which segment.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::list::pages::Run;
use crate::list::parallel::segment::{First, Segment};
use crate::list::parallel::split_points::{self, Scout, Step};
use crate::list::parallel::{Answer, MOST_FAILURES, PAGES_OF_REST, Weaver};

/// Segments at first, before it is known whether the cuts are well placed, and
/// by how many they grow with each that ended as it should.
const FIRST_SEGMENTS: usize = 8;
const MORE_SEGMENTS: usize = 8;

/// Segments that may turn out too short, and after how many pages another may.
const MOST_SHORT: u64 = 8;
const PAGES_OF_SHORT: u64 = 48;

impl Weaver {
    /// Whether it may be cut here and now.
    fn may_cut(&self) -> bool {
        !self.bucket.is_disordered.load(Ordering::Relaxed)
            && !self.bucket.lists_first_version.load(Ordering::Relaxed)
            && self.failures < MOST_FAILURES
            && self.pages >= self.rests_until
            && self.short <= MOST_SHORT + self.pages / PAGES_OF_SHORT
            && (self.scout.is_some()
                || self.late_pages.load(Ordering::Relaxed) >= self.bucket.tuning.late_pages)
    }

    /// Adds segments at the end, or asks where to begin them.
    pub(crate) fn cut(&mut self) {
        let is_busy = self.answers.len() >= self.bucket.tuning.streams;
        if self.is_asking || is_busy || !self.may_cut() {
            return;
        }
        // Where cuts were no more to be had, they may be again.
        if self.segments.len() == 1 && self.scout.as_ref().is_some_and(Scout::is_done) {
            self.scout = None;
            self.rests_until = self.pages + PAGES_OF_REST;
            return;
        }
        let tuning = self.bucket.tuning;
        let most = FIRST_SEGMENTS + MORE_SEGMENTS * self.joined;
        while self.segments.len() < most.min(tuning.streams) {
            let Some(tail) = self.segments.back().filter(|tail| !tail.is_read) else {
                return;
            };
            let survey = &self.survey;
            let target = survey.page() * tuning.segment_pages as f64;
            let scout = self
                .scout
                .get_or_insert_with(|| Scout::new(&tail.last, survey));
            match scout.step(&tail.last, target, survey) {
                // The segment before it would pass it over.
                Step::Cut(cut) if self.bucket.left_out.above(&cut).is_some() => {}
                Step::Cut(cut) => {
                    let run = Run::after(Arc::clone(&self.bucket), &cut);
                    self.segments.push_back(Segment::new(self.made, cut, run));
                    let places = self.segments.len();
                    tracing::debug!(places, "the listing is read at several places at once");
                    self.made += 1;
                }
                Step::Ask(question) => {
                    // A twelfth of all requests, at most.
                    if self.asked > 4 + self.pages / 12 {
                        return;
                    }
                    let (bucket, round) = (Arc::clone(&self.bucket), self.failures);
                    self.answers.spawn(async move {
                        let found = split_points::ask(&bucket, question).await;
                        Answer::Found { round, found }
                    });
                    self.asked += 1;
                    self.is_asking = true;
                    return;
                }
                Step::End => return,
            }
        }
    }

    /// Asks for the next pages, those that are needed first before others.
    pub(crate) fn read_on(&mut self, is_awaited: bool) {
        let tuning = self.bucket.tuning;
        let is_cut = self.is_cut();
        let mut held: usize = self.segments.iter().map(Segment::held).sum();
        for index in 0..self.segments.len() {
            // The first segment takes the place of each page that it gave away
            // before another can, so it never has to wait for the others.
            let has_place = if is_cut {
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

    /// Whether a segment is to be read on.
    fn is_wanted(&self, index: usize) -> bool {
        let Some(segment) = self.segments.get(index) else {
            return false;
        };
        if segment.is_read || segment.run.is_none() {
            return false;
        }
        match self.segments.get(index + 1) {
            Some(next) => segment.last <= next.cut,
            // It may still be cut.
            None => {
                index == 0
                    || segment.first == First::Asked
                    || self.scout.as_ref().is_none_or(Scout::is_done)
            }
        }
    }

    fn read(&mut self, index: usize) {
        let Some(segment) = self.segments.get_mut(index) else {
            return;
        };
        let Some(mut run) = segment.run.take() else {
            return;
        };
        let id = segment.id;
        segment.task = Some(self.answers.spawn(async move {
            let page = run.next().await;
            Answer::Page { id, run, page }
        }));
    }
}
