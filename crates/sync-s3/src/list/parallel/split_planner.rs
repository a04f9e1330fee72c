//! Where to split a listing: at directories, as a LIST with a delimiter names them,
//! 1,000 a request; where there are none, at numbers in the names.
//!
//! A split point is only a proposal: whether the listing can be joined there is
//! checked by its readers. So anything odd here ends the splitting, and nothing
//! else.

use std::collections::VecDeque;

use crate::bucket::Bucket;
use crate::list::page_reader::{self, PageReader};
use crate::list::parallel::key_statistics::KeyStatistics;
use crate::list::parallel::numeric_splitter::NumericSplitter;

/// A directory is worth a request if this many times its keys make a page: 12 of
/// 1,000.
const WORTH: f64 = 80.0;

/// How many times the keys that a segment should have are enough for it: a little more, so that
/// where a few directories have just as many, one more of them makes it longer.
const ENOUGH: f64 = 1.02;

/// Proposes split points after a position, in ascending order.
#[derive(Debug)]
pub(crate) struct SplitPlanner {
    /// From the root to the directories that are split points now.
    levels: Vec<Level>,
    /// Keys since the last split point, estimated.
    keys: f64,
    last_split: String,
    /// Whether any directory was found.
    is_found: bool,
    numbers: Option<NumericSplitter>,
    is_done: bool,
}

/// One directory whose directories are requested.
#[derive(Debug)]
struct Level {
    prefix: String,
    /// Those found and not used yet.
    found: VecDeque<String>,
    token: Option<String>,
    is_read: bool,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Split(String),
    Request(DirectoriesRequest),
    End,
}

/// Which directories to request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectoriesRequest {
    prefix: String,
    after: Option<String>,
    token: Option<String>,
}

/// Directories in the order of the server, and where more follow.
#[derive(Debug)]
pub(crate) struct Found {
    directories: Vec<String>,
    token: Option<String>,
}

impl Level {
    fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            found: VecDeque::new(),
            token: None,
            is_read: false,
        }
    }
}

impl SplitPlanner {
    /// Begins at `position`, at the depth at which directories are as small as
    /// possible, but not too small. Where the last keys are in no such directory, but have
    /// numbers, directories need not be requested.
    pub(crate) fn new(position: &str, target: f64, statistics: &KeyStatistics) -> Self {
        let depth = (1..=depth(position)).rev();
        let depth = { depth }.find(|&depth| statistics.size(depth) * WORTH >= statistics.page());
        let ends = position.match_indices('/').map(|(at, _)| at + 1);
        let prefixes = std::iter::once(0).chain(ends).take(depth.unwrap_or(1));
        let levels = prefixes.filter_map(|end| position.get(..end));
        let mut levels: Vec<_> = levels.map(Level::new).collect();
        if !statistics.knows(levels.len()) && numbers(target, statistics).is_some() {
            levels.clear();
        }
        Self {
            levels,
            keys: 0.0,
            last_split: position.to_owned(),
            is_found: false,
            numbers: None,
            is_done: false,
        }
    }

    /// The next split point after `position` that leaves about `target` keys before
    /// it.
    pub(crate) fn step(&mut self, position: &str, target: f64, statistics: &KeyStatistics) -> Step {
        while let Some(level) = self.levels.last_mut() {
            let Some(directory) = level.found.pop_front() else {
                if level.is_read {
                    self.levels.pop();
                    continue;
                }
                // Servers that walk a tree take a directory as such for one to skip.
                let after = position.max(&self.last_split);
                let is_below = *after > *level.prefix;
                return Step::Request(DirectoriesRequest {
                    prefix: level.prefix.clone(),
                    after: is_below.then(|| after.to_owned()),
                    token: level.token.clone(),
                });
            };
            if *directory <= *position || *directory <= *self.last_split {
                continue;
            }
            self.is_found = true;
            let depth = depth(&directory);
            let size = statistics.size(depth);
            let is_full = self.keys >= target * ENOUGH;
            if is_full {
                self.keys = 0.0;
            }
            let is_large = size > 2.0 * target || statistics.may_be_larger(depth);
            let is_worth = statistics.size(depth + 1) * WORTH >= statistics.page();
            if is_large && statistics.knows(depth + 1) && is_worth {
                self.levels.push(Level::new(&directory));
            } else {
                self.keys += size;
            }
            if is_full {
                self.last_split.clone_from(&directory);
                return Step::Split(directory);
            }
        }
        self.step_by_number(position, target, statistics)
    }

    fn step_by_number(&mut self, position: &str, target: f64, statistics: &KeyStatistics) -> Step {
        if self.numbers.is_none() && !self.is_found && !self.is_done {
            self.numbers = numbers(target, statistics);
        }
        match self
            .numbers
            .as_mut()
            .and_then(|numbers| numbers.split(position))
        {
            Some(point) => Step::Split(point),
            None => {
                self.is_done = true;
                Step::End
            }
        }
    }

    /// Adds the answer to the last request; returns whether it can be used.
    pub(crate) fn answer(&mut self, found: Option<Found>) -> bool {
        let found = found.filter(|found| found.directories.is_sorted_by(|a, b| a < b));
        let (Some(level), Some(found)) = (self.levels.last_mut(), found) else {
            self.levels.clear();
            self.is_done = true;
            return false;
        };
        // Pages without directories are the listing itself.
        if found.directories.is_empty() && found.token.is_some() {
            self.levels.clear();
            return true;
        }
        level.found = found.directories.into();
        level.is_read = found.token.is_none();
        level.token = found.token;
        true
    }

    /// Whether nothing tells that there are keys after the split points.
    pub(crate) fn guesses(&self) -> bool {
        self.numbers.is_some()
    }

    /// Proposes no more split points.
    pub(crate) fn end(&mut self) {
        self.levels.clear();
        self.numbers = None;
        self.is_done = true;
    }

    /// Whether there are no more split points.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }
}

/// Splits at numbers. Those of full pages would end just before a segment, and another page
/// would be requested to see it begin: so a segment is a little shorter.
fn numbers(target: f64, statistics: &KeyStatistics) -> Option<NumericSplitter> {
    NumericSplitter::new(statistics, target - 0.2 * statistics.page())
}

fn depth(name: &str) -> usize {
    name.bytes().filter(|&byte| byte == b'/').count()
}

/// Requests directories. `None` if the answer cannot be used.
pub(crate) async fn directories_after<P: PageReader>(
    bucket: &Bucket,
    wanted: DirectoriesRequest,
) -> Option<Found> {
    let base = bucket.location.prefix();
    let level = page_reader::Level {
        prefix: [base, &wanted.prefix].concat(),
        after: wanted.after.map(|after| [base, &after].concat()),
        token: wanted.token,
    };
    let page = P::level(bucket, level).await?;
    let relative = page.directories.iter().map(|name| name.get(base.len()..));
    let directories = relative.map(|name| name.map(str::to_owned));
    Some(Found {
        directories: directories.collect::<Option<_>>()?,
        token: page.token,
    })
}
