//! When a listing is read at several places at once, and how far ahead.

use std::time::Duration;

/// When a listing is read at several places at once, and how far ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    /// Pages that are always read sequentially.
    pub(crate) pages_first: u64,
    /// A page is late if the consumer waited this long for it, and longer than it
    /// worked on the previous one. A server nearby takes less.
    pub(crate) late: Duration,
    /// How many pages in a row must be late before the listing is split.
    pub(crate) late_pages: u32,
    /// The most requests in flight.
    pub(crate) streams: usize,
    /// The most pages in memory or requested, beside the one that the consumer
    /// works on. A page of 1,000 entries takes some 200 KB.
    pub(crate) pages: usize,
    /// Pages that a segment should have. It costs one request more than that, and
    /// half a page that its successor lists again. As many segments are really
    /// read at once as fit into `pages`.
    pub(crate) segment_pages: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            pages_first: 8,
            late: Duration::from_millis(20),
            late_pages: 4,
            streams: 16,
            pages: 64,
            segment_pages: 9,
        }
    }
}

impl Tuning {
    /// For each of two listings that are read side by side: they hold as many pages as one.
    pub(crate) fn half(self) -> Self {
        Self {
            pages: (self.pages / 2).max(1),
            ..self
        }
    }
}
