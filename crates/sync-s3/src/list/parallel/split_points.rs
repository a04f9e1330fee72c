//! Where to cut a listing: at directories, as a LIST with a delimiter names
//! them, 1,000 a request; where there are none, at numbers in the names.
//!
//! A cut is only a proposal: whether the listing may be joined there is found
//! out by those who read it. So whatever is odd here ends the cutting, and
//! nothing else.

use std::collections::VecDeque;

use crate::bucket::Bucket;
use crate::list::level::directories;
use crate::list::pages::request;
use crate::list::parallel::numeric::Numbers;
use crate::list::parallel::statistics::Survey;
use crate::list::v1::send;

/// Keys that a directory must have, as part of a page, for its listing to be
/// worth a request: 12 of 1,000.
const WORTH: f64 = 80.0;

/// The directories that follow a position, in ascending order.
#[derive(Debug)]
pub(crate) struct Scout {
    /// From the root to where cuts are taken now.
    levels: Vec<Level>,
    /// Keys since the last cut, estimated.
    keys: f64,
    last_cut: String,
    /// Whether any directory was found.
    is_found: bool,
    numbers: Option<Numbers>,
    is_done: bool,
}

/// One directory whose directories are asked for.
#[derive(Debug)]
struct Level {
    prefix: String,
    /// Those found and not yet used.
    found: VecDeque<String>,
    token: Option<String>,
    is_read: bool,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Cut(String),
    Ask(Question),
    End,
}

/// Which directories to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    prefix: String,
    after: String,
    token: Option<String>,
}

/// Directories in the order of the server, and how to go on.
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

impl Scout {
    /// Begins beside `position`, at the depth at which directories are as
    /// small as possible, but not too small.
    pub(crate) fn new(position: &str, survey: &Survey) -> Self {
        let depth = (1..=depth(position)).rev();
        let depth = { depth }.find(|&depth| survey.size(depth) * WORTH >= survey.page());
        let ends = position.match_indices('/').map(|(at, _)| at + 1);
        let prefixes = std::iter::once(0).chain(ends).take(depth.unwrap_or(1));
        let levels = prefixes.filter_map(|end| position.get(..end));
        Self {
            levels: levels.map(Level::new).collect(),
            keys: 0.0,
            last_cut: position.to_owned(),
            is_found: false,
            numbers: None,
            is_done: false,
        }
    }

    /// The next cut that leaves `target` keys before it, about, and is after
    /// `position`.
    pub(crate) fn step(&mut self, position: &str, target: f64, survey: &Survey) -> Step {
        while let Some(level) = self.levels.last_mut() {
            let Some(directory) = level.found.pop_front() else {
                if level.is_read {
                    self.levels.pop();
                    continue;
                }
                return Step::Ask(Question {
                    prefix: level.prefix.clone(),
                    after: position.max(&self.last_cut).to_owned(),
                    token: level.token.clone(),
                });
            };
            if *directory <= *position || *directory <= *self.last_cut {
                continue;
            }
            self.is_found = true;
            let depth = depth(&directory);
            let size = survey.size(depth);
            let is_full = self.keys >= target;
            self.keys = if is_full { size } else { self.keys + size };
            let is_worth = survey.size(depth + 1) * WORTH >= survey.page();
            if size > 2.0 * target && survey.knows(depth + 1) && is_worth {
                self.keys -= size;
                self.levels.push(Level::new(&directory));
            }
            if is_full {
                self.last_cut.clone_from(&directory);
                return Step::Cut(directory);
            }
        }
        self.count(position, target, survey)
    }

    fn count(&mut self, position: &str, target: f64, survey: &Survey) -> Step {
        if self.numbers.is_none() && !self.is_found && !self.is_done {
            self.numbers = Numbers::new(survey, target);
        }
        match self
            .numbers
            .as_mut()
            .and_then(|numbers| numbers.cut(position))
        {
            Some(cut) => Step::Cut(cut),
            None => {
                self.is_done = true;
                Step::End
            }
        }
    }

    /// Takes in the answer to the last question; says whether it can be used.
    pub(crate) fn answer(&mut self, found: Option<Found>) -> bool {
        let found = found.filter(|found| found.directories.is_sorted_by(|a, b| a < b));
        let (Some(level), Some(found)) = (self.levels.last_mut(), found) else {
            self.levels.clear();
            self.is_done = true;
            return false;
        };
        // Pages of nothing but files are the listing itself.
        if found.directories.is_empty() && found.token.is_some() {
            self.levels.clear();
            return true;
        }
        level.found = found.directories.into();
        level.is_read = found.token.is_none();
        level.token = found.token;
        true
    }

    /// Whether there are no more cuts.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }
}

fn depth(name: &str) -> usize {
    name.bytes().filter(|&byte| byte == b'/').count()
}

/// Asks for directories. `None` if the answer is none that can be used.
pub(crate) async fn ask(bucket: &Bucket, question: Question) -> Option<Found> {
    let base = bucket.location.prefix();
    let full = [base, &question.prefix].concat();
    let mut request = request(bucket)
        .set_prefix(Some(full.clone()).filter(|prefix| !prefix.is_empty()))
        .delimiter("/");
    request = match question.token {
        Some(token) => request.continuation_token(token),
        None => request.start_after([base, &question.after].concat()),
    };
    let page = send(bucket, request).await.ok()?;
    let named = directories(&page, &full)?;
    let token = page
        .next_continuation_token
        .filter(|token| !token.is_empty());
    if page.is_truncated == Some(true) && token.is_none() {
        return None;
    }
    let relative = named.iter().map(|name| name.get(base.len()..));
    let directories = relative
        .map(|name| name.map(str::to_owned))
        .collect::<Option<_>>()?;
    let token = token.filter(|_| page.is_truncated == Some(true));
    Some(Found { directories, token })
}
