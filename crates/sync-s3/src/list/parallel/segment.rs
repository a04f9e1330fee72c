//! A piece of the listing that is read by itself.

use std::collections::VecDeque;

use sync_core::Result;
use tokio::task::AbortHandle;

use crate::list::pages::{Page, Run};
use crate::list::parallel::statistics::name;

/// What is known of the first key of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It has been asked for.
    Asked,
    Known(String),
    /// There is none, or the answer is not to be trusted.
    Unknown,
}

/// Pages from a cut on.
pub(crate) struct Segment {
    pub(crate) id: u64,
    /// It begins with the first key after this.
    pub(crate) cut: String,
    pub(crate) first: First,
    /// Where to go on; away while a page is asked for.
    pub(crate) run: Option<Run>,
    pub(crate) task: Option<AbortHandle>,
    pub(crate) pages: VecDeque<Page>,
    /// The last key that was read.
    pub(crate) last: String,
    /// Whether its last page has been read.
    pub(crate) is_read: bool,
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Segment {
    pub(crate) fn new(id: u64, cut: String, run: Run) -> Self {
        Self {
            id,
            last: cut.clone(),
            cut,
            first: First::Asked,
            run: Some(run),
            task: None,
            pages: VecDeque::new(),
            is_read: false,
        }
    }

    /// Takes in the answer to a request.
    pub(crate) fn add(&mut self, run: Run, page: Page) {
        self.task = None;
        self.run = Some(run);
        self.is_read = page.is_last;
        if self.first == First::Asked {
            self.first = self.first_of(&page);
        }
        if let Some(last) = page.items.iter().rev().find_map(name) {
            self.last.clear();
            self.last.push_str(last);
        }
        self.pages.push_back(page);
    }

    /// Exactly one key was asked for. A second one would be trusted to follow
    /// it only by what the server makes of a cut, not by its token.
    fn first_of(&self, page: &Page) -> First {
        match page.items.as_slice() {
            [item] => match name(item) {
                Some(name) if *name > *self.cut => First::Known(name.to_owned()),
                _ => First::Unknown,
            },
            _ => First::Unknown,
        }
    }

    /// Pages that it has or has asked for.
    pub(crate) fn held(&self) -> usize {
        self.pages.len() + usize::from(self.task.is_some())
    }

    /// Where the next page passes a cut.
    pub(crate) fn passes(&self, cut: &str) -> Option<usize> {
        let passes = |item: &Result<_>| name(item).is_some_and(|name| name > cut);
        self.pages.front()?.items.iter().position(passes)
    }

    /// Whether the item at `at` of the next page is the one of this name.
    pub(crate) fn has(&self, at: usize, first: &str) -> bool {
        let item = self.pages.front().and_then(|page| page.items.get(at));
        item.and_then(name) == Some(first)
    }

    /// The next page.
    pub(crate) fn take(&mut self) -> Option<Page> {
        self.pages.pop_front()
    }
}
