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
    /// The directories of each depth: `a/` is of depth one.
    depths: [Directories; DEPTHS],
    /// The most keys on one page.
    page: usize,
    last: String,
    is_disordered: bool,
    /// The last name of each of the last pages, and how many keys there were
    /// up to it.
    marks: VecDeque<(String, u64)>,
    seen: u64,
}

/// The directories of one depth.
#[derive(Debug, Default)]
struct Directories {
    /// How many began.
    begun: f64,
    /// How many were seen from their beginning to their end, and the keys in them.
    whole: f64,
    keys_of_whole: f64,
    /// How many keys there were before the last one that began; none for one in which the
    /// listing begins, of which keys may be missing.
    start: Option<u64>,
}

impl Directories {
    fn fade(&mut self) {
        self.begun *= FADING;
        self.whole *= FADING;
        self.keys_of_whole *= FADING;
    }

    /// Another one begins, before which there were so many keys.
    fn begin(&mut self, seen: u64) {
        if let Some(start) = self.start {
            self.whole += 1.0;
            self.keys_of_whole += (seen - start) as f64;
        }
        self.begun += 1.0;
        self.start = (seen > 0).then_some(seen);
    }
}

impl KeyStatistics {
    /// Adds a page that follows the last one.
    pub(crate) fn add<T: Named>(&mut self, items: &[Result<T>]) {
        self.keys *= FADING;
        self.depths.iter_mut().for_each(Directories::fade);
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
                && let Some(directories) = self.depths.get_mut(depth)
            {
                directories.begin(self.seen);
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

    /// Keys below a directory of this depth, on average. Where none was seen to its end, at
    /// least as many as were seen; as in one that has more than the average by now.
    pub(crate) fn size(&self, depth: usize) -> f64 {
        let Some(directories) = self.directories(depth) else {
            return self.keys.max(1.0);
        };
        let since = self.seen - directories.start.unwrap_or_default();
        let average = if directories.whole > 0.0 {
            directories.keys_of_whole / directories.whole
        } else {
            self.keys
        };
        average.max(since as f64).max(1.0)
    }

    /// Whether a directory of this depth may have many more keys than [`size`](Self::size)
    /// says: none was seen to its end.
    pub(crate) fn may_be_larger(&self, depth: usize) -> bool {
        let directories = self.directories(depth);
        directories.is_some_and(|directories| directories.whole == 0.0)
    }

    /// Whether there are directories of this depth among the last keys.
    pub(crate) fn knows(&self, depth: usize) -> bool {
        let directories = self.directories(depth);
        let is_in_one = self.last.matches('/').count() >= depth;
        is_in_one || directories.is_some_and(|directories| directories.begun >= 0.5)
    }

    fn directories(&self, depth: usize) -> Option<&Directories> {
        self.depths.get(depth.checked_sub(1)?)
    }
}
