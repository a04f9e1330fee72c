//! Puts a listing in order that its store gives in another one.
//!
//! Some servers list in directory order, some in none (`SeaweedFS`, S3 Express
//! One Zone). Entries are collected up to a budget of memory, sorted, and
//! spilled; the sorted runs are then merged. Nothing is yielded before the
//! listing has come to its end without an error.

use std::cmp::Ordering;
use std::io::BufRead;
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::merged_runs::{MergedRuns, Run};
use crate::spool::{Spool, Spools};
use crate::{
    entry::{Entry, Listed},
    error::{ErrorKind, Result, StoreError},
};

/// What an entry takes in memory besides the bytes of its key and revision.
const ENTRY_OVERHEAD: usize = size_of::<Entry>() + 32;

/// Sorts `listing` by key, holding about `memory` bytes of it at a time.
/// Skipped items come first, duplicates stay.
pub(crate) fn sorted(
    listing: BoxStream<'static, Result<Listed>>,
    spools: Arc<dyn Spools>,
    memory: usize,
) -> BoxStream<'static, Result<Listed>> {
    stream::once(async move {
        let sorter = collect(listing, spools, memory).await?;
        Ok::<_, StoreError>(stream::iter(sorter.finish()?))
    })
    .try_flatten()
    .boxed()
}

async fn collect(
    mut listing: BoxStream<'static, Result<Listed>>,
    spools: Arc<dyn Spools>,
    memory: usize,
) -> Result<Sorter> {
    let mut sorter = Sorter::new(spools, memory);
    while let Some(listed) = listing.try_next().await? {
        sorter.add(listed)?;
    }
    Ok(sorter)
}

struct Sorter {
    spools: Arc<dyn Spools>,
    memory: usize,
    held: usize,
    entries: Vec<Entry>,
    skipped: Vec<Listed>,
    runs: Vec<Box<dyn Spool>>,
}

impl Sorter {
    fn new(spools: Arc<dyn Spools>, memory: usize) -> Self {
        Self {
            spools,
            memory,
            held: 0,
            entries: Vec::new(),
            skipped: Vec::new(),
            runs: Vec::new(),
        }
    }

    fn add(&mut self, listed: Listed) -> Result<()> {
        let entry = match listed {
            Listed::Entry(entry) => entry,
            skipped @ Listed::Skipped(_) => {
                self.skipped.push(skipped);
                return Ok(());
            }
        };
        let revision = entry.revision.as_ref().map_or(0, |r| r.as_str().len());
        self.held += ENTRY_OVERHEAD + entry.key.as_str().len() + revision;
        self.entries.push(entry);
        if self.held >= self.memory {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        self.sort();
        let mut spool = self.spools.create().map_err(spool_error)?;
        let mut line = Vec::new();
        for entry in self.entries.drain(..) {
            line.clear();
            serde_json::to_writer(&mut line, &entry).map_err(|e| spool_error(e.into()))?;
            line.push(b'\n');
            spool.append(&line).map_err(spool_error)?;
        }
        self.runs.push(spool);
        self.held = 0;
        Ok(())
    }

    fn sort(&mut self) {
        self.entries.sort_by(|a, b| a.key.cmp(&b.key));
    }

    /// The whole listing in order.
    fn finish(mut self) -> Result<impl Iterator<Item = Result<Listed>> + Send> {
        self.sort();
        let mut runs: Vec<Run<_, _>> = Vec::with_capacity(self.runs.len() + 1);
        for spool in &self.runs {
            runs.push(read_run(spool.reader().map_err(spool_error)?));
        }
        runs.push(Box::new(self.entries.into_iter().map(ByKey).map(Ok)));
        let merged = MergedRuns::new(runs)?.map(|entry| entry.map(|ByKey(it)| Listed::Entry(it)));
        Ok(self.skipped.into_iter().map(Ok).chain(merged))
    }
}

fn read_run(reader: Box<dyn BufRead + Send>) -> Run<ByKey, StoreError> {
    Box::new(reader.lines().map(|line| {
        let line = line.map_err(spool_error)?;
        let entry = serde_json::from_str(&line).map_err(|e| spool_error(e.into()))?;
        Ok(ByKey(entry))
    }))
}

/// An entry, ordered by its key.
struct ByKey(Entry);

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByKey {}

fn spool_error(error: std::io::Error) -> StoreError {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull => ErrorKind::NoSpace,
        _ => ErrorKind::Other,
    };
    StoreError::new(kind, "cannot sort the listing in a temporary file")
        .with_source(error)
        .with_hint("see that the directory for temporary files (TMPDIR) has space")
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::{key::Key, spool::MemorySpools};

    fn entry(name: &str) -> Listed {
        Listed::Entry(Entry::new(
            Key::new(name).unwrap(),
            1,
            "2024-05-01T12:00:00.123456789Z".parse().unwrap(),
        ))
    }

    fn sort(names: &[&str], memory: usize) -> Vec<Listed> {
        let listing = stream::iter(names.iter().map(|n| Ok(entry(n))).collect::<Vec<_>>());
        let sorted = sorted(listing.boxed(), Arc::new(MemorySpools), memory);
        block_on(sorted.try_collect()).unwrap()
    }

    #[test]
    fn the_budget_of_memory_does_not_change_the_result() {
        let names = ["c", "a/x", "a-b", "b", "a", "b", "z", "a.txt"];
        let mut ordered = names;
        ordered.sort_unstable();
        let expected: Vec<Listed> = ordered.iter().map(|n| entry(n)).collect();
        for memory in [0, 300, usize::MAX] {
            assert_eq!(sort(&names, memory), expected, "{memory}");
        }
    }

    #[test]
    fn a_listing_that_fails_yields_nothing() {
        let error = StoreError::new(ErrorKind::Unavailable, "page 2");
        let listing = stream::iter([Ok(entry("a")), Err(error)]).boxed();
        let mut sorted = sorted(listing, Arc::new(MemorySpools), usize::MAX);
        let first = block_on(sorted.next()).unwrap();
        assert_eq!(first.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(block_on(sorted.next()).is_none());
    }
}
