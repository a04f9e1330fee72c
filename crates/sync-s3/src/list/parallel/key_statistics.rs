//! How many items a directory has, at each depth, according to the last pages: so
//! that split points are neither too close nor too far apart. Of a listing of versions
//! each version counts, since pages are counted by them.

use std::collections::VecDeque;

use sync_core::Result;

use crate::list::page_reader::{Named, name};

/// Deeper directories are not distinguished.
const DEPTHS: usize = 16;

/// The factor of older counts with each page, so that the statistics are those of
/// some ten pages.
const FADING: f64 = 0.9;

/// Pages whose last names are kept.
const MARKS: usize = 8;

/// Counts of the last pages.
#[derive(Debug, Default)]
pub(crate) struct KeyStatistics {
    keys: f64,
    /// Directories that began, by depth: `a/` is of depth one.
    begun: [f64; DEPTHS],
    /// The most keys on one page.
    page: usize,
    last: String,
    is_disordered: bool,
    /// The last name of each of the last pages, and how many keys there were
    /// up to it.
    marks: VecDeque<(String, u64)>,
    seen: u64,
}

impl KeyStatistics {
    /// Adds a page that follows the last one.
    pub(crate) fn add<T: Named>(&mut self, items: &[Result<T>]) {
        self.keys *= FADING;
        self.begun.iter_mut().for_each(|count| *count *= FADING);
        self.page = self.page.max(items.len());
        for name in items.iter().filter_map(name) {
            let is_again = T::REPEATS && *name == *self.last;
            if !is_again {
                self.key(name);
            }
            self.keys += 1.0;
            self.seen += 1;
        }
        if self.marks.len() == MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back((self.last.clone(), self.seen));
    }

    fn key(&mut self, name: &str) {
        self.is_disordered |= self.keys > 0.0 && *name <= *self.last;
        let pairs = name.bytes().zip(self.last.bytes());
        let common = pairs.take_while(|(a, b)| a == b).count();
        let (mut depth, mut at) = (0, 0);
        while let Some(len) = name.get(at..).and_then(|rest| rest.find('/')) {
            at += len + 1;
            if at > common
                && let Some(count) = self.begun.get_mut(depth)
            {
                *count += 1.0;
            }
            depth += 1;
        }
        self.last.clear();
        self.last.push_str(name);
    }

    /// Whether keys came in another order than that of their bytes.
    pub(crate) fn is_disordered(&self) -> bool {
        self.is_disordered
    }

    /// Two names, and how many keys the second is after the first.
    pub(crate) fn span(&self) -> Option<(&str, &str, f64)> {
        let ((from, first), (to, last)) = (self.marks.front()?, self.marks.back()?);
        (last > first).then(|| (&**from, &**to, (last - first) as f64))
    }

    /// Some names of the last pages.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.marks.iter().map(|(name, _)| &**name)
    }

    /// Keys on a full page.
    pub(crate) fn page(&self) -> f64 {
        self.page.max(1) as f64
    }

    /// Keys below a directory of this depth, on average. Where none ended, at
    /// least as many as were seen.
    pub(crate) fn size(&self, depth: usize) -> f64 {
        self.keys.max(1.0) / self.count(depth).max(1.0)
    }

    /// Whether directories of this depth have been seen.
    pub(crate) fn knows(&self, depth: usize) -> bool {
        self.count(depth) >= 0.5
    }

    fn count(&self, depth: usize) -> f64 {
        let index = depth.checked_sub(1);
        let count = index.and_then(|index| self.begun.get(index));
        count.copied().unwrap_or_default()
    }
}
