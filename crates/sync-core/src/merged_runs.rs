//! The k-way merge of sorted runs: what is sorted in pieces, because it is larger than
//! memory, comes in order again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Items in ascending order, read one by one.
pub(crate) type Run<T, E> = Box<dyn Iterator<Item = Result<T, E>> + Send>;

/// The items of all runs in ascending order; of equal ones, those of an earlier run first.
pub(crate) struct MergedRuns<T, E> {
    runs: Vec<Run<T, E>>,
    heads: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Ord, E> MergedRuns<T, E> {
    /// Reads the first item of each run.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn new(runs: Vec<Run<T, E>>) -> Result<Self, E> {
        let mut merged = Self {
            heads: BinaryHeap::with_capacity(runs.len()),
            runs,
        };
        for run in 0..merged.runs.len() {
            merged.pull(run)?;
        }
        Ok(merged)
    }

    fn pull(&mut self, run: usize) -> Result<(), E> {
        if let Some(item) = self.runs[run].next().transpose()? {
            self.heads.push(Reverse((item, run)));
        }
        Ok(())
    }
}

impl<T: Ord, E> Iterator for MergedRuns<T, E> {
    type Item = Result<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((item, run)) = self.heads.pop()?;
        match self.pull(run) {
            Ok(()) => Some(Ok(item)),
            Err(error) => Some(Err(error)),
        }
    }
}
