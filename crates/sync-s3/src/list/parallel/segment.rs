//! A part of the listing that is read by itself.

use std::collections::VecDeque;

use sync_core::Result;

use crate::abort_on_drop::AbortOnDrop;
use crate::list::page_reader::{Named, Page, PageReader, name};

/// What is known of the first item of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It has been requested.
    Asked,
    Known(Identity),
    /// There is none, or the answer cannot be trusted.
    Unknown,
}

/// Which item of the listing it is: of a key whose newest version the server drops after a
/// split point, the name alone would match.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) name: String,
    /// As of [`Named::version`].
    version: Option<(String, bool)>,
}

impl Identity {
    fn of<T: Named>(item: &T) -> Option<Self> {
        let version = item.version();
        Some(Self {
            name: item.name()?.to_owned(),
            version: version.map(|(id, is_marker)| (id.to_owned(), is_marker)),
        })
    }
}

/// The pages from a split point on.
pub(crate) struct Segment<P: PageReader> {
    pub(crate) id: u64,
    /// The split point: the segment begins with the first key after it.
    pub(crate) start: String,
    pub(crate) first: First,
    /// Reads the pages; taken while one is requested.
    pub(crate) pager: Option<P>,
    pub(crate) task: Option<AbortOnDrop>,
    pub(crate) pages: VecDeque<Page<P::Item>>,
    /// The last key that was read.
    pub(crate) last: String,
    /// Whether its last page has been read.
    pub(crate) is_read: bool,
}

impl<P: PageReader> Segment<P> {
    pub(crate) fn new(id: u64, start: String, pager: P) -> Self {
        Self {
            id,
            last: start.clone(),
            start,
            first: First::Asked,
            pager: Some(pager),
            task: None,
            pages: VecDeque::new(),
            is_read: false,
        }
    }

    /// Adds the answer to a request.
    pub(crate) fn add(&mut self, pager: P, page: Page<P::Item>) {
        self.task = None;
        self.pager = Some(pager);
        self.is_read = page.is_last;
        if self.first == First::Asked {
            self.first = Self::first_of(&page, &self.start);
        }
        if let Some(last) = page.items.iter().rev().find_map(name) {
            self.last.clear();
            self.last.push_str(last);
        }
        self.pages.push_back(page);
    }

    /// What its reader did not refuse is the first item. Items that are not after the split point
    /// show that the server does not begin there.
    fn first_of(page: &Page<P::Item>, start: &str) -> First {
        let first = page.items.first().and_then(|item| item.as_ref().ok());
        let first = first.filter(|first| first.begins_its_name());
        let first = first.and_then(Identity::of);
        let first = first.filter(|first| *first.name > *start);
        first.map_or(First::Unknown, First::Known)
    }

    /// Whether there is no key after its split point, as its only page says.
    pub(crate) fn is_behind_all(&self) -> bool {
        let is_empty = |page: &Page<P::Item>| page.items.is_empty();
        self.is_read && self.pages.len() == 1 && self.pages.front().is_some_and(is_empty)
    }

    /// Pages in memory or requested.
    pub(crate) fn held(&self) -> usize {
        self.pages.len() + usize::from(self.task.is_some())
    }

    /// Where the next page passes a split point.
    pub(crate) fn passes(&self, point: &str) -> Option<usize> {
        let passes = |item: &Result<P::Item>| name(item).is_some_and(|name| name > point);
        self.pages.front()?.items.iter().position(passes)
    }

    /// Whether the item at `at` of the next page is this one.
    pub(crate) fn has(&self, at: usize, first: &Identity) -> bool {
        let item = self.pages.front().and_then(|page| page.items.get(at));
        let item = item.and_then(|item| Identity::of(item.as_ref().ok()?));
        item.as_ref() == Some(first)
    }

    /// The next page.
    pub(crate) fn take(&mut self) -> Option<Page<P::Item>> {
        self.pages.pop_front()
    }
}
