//! Sorts the items of a key list, in pieces where they are many, and drops those that
//! others cover.

use std::io;
use std::sync::Arc;

use super::item::{KeyListItem, is_directory};
use super::records::{self, END};
use super::{Index, Kept, KeyList, KeyListSummary};
use crate::checksum::Crc64Hasher;
use crate::merged_runs::{MergedRuns, Run};
use crate::spool::{Spool, Spools};

/// Sorted runs that are merged into one of the next level, so that few spools are open.
const RUNS: usize = 64;

/// Bytes between two names that are held in memory.
const STRIDE: u64 = 64 << 10;

/// A key list that is being made: its items may come in any order, and repeatedly.
pub struct KeyListBuilder {
    spools: Arc<dyn Spools>,
    memory: usize,
    held: Held,
    /// By level: a run of one level is as long as [`RUNS`] of the level before.
    runs: Vec<Vec<Box<dyn Spool>>>,
}

/// The items in memory.
#[derive(Default)]
struct Held {
    text: Vec<u8>,
    /// Where each begins, and its length.
    places: Vec<(u32, u32)>,
}

impl KeyListBuilder {
    /// An empty one, which holds about `memory` bytes at a time, at most 1 GiB.
    #[must_use]
    pub fn new(spools: Arc<dyn Spools>, memory: usize) -> Self {
        Self {
            spools,
            memory: memory.min(1 << 30),
            held: Held::default(),
            runs: Vec::new(),
        }
    }

    /// Adds an item.
    ///
    /// # Errors
    /// Those of writing what is larger than memory.
    pub fn add(&mut self, item: &KeyListItem) -> io::Result<()> {
        self.held.add(item.text())?;
        if self.held.size() < self.memory {
            return Ok(());
        }
        let run = std::mem::take(&mut self.held).into_run();
        let run = self.write(run)?;
        self.add_run(0, run)
    }

    /// The list.
    ///
    /// # Errors
    /// Those of writing it.
    pub fn finish(mut self) -> io::Result<KeyList> {
        let held = std::mem::take(&mut self.held).into_run();
        let spools = self.runs.iter().flatten();
        let runs = spools.map(|spool| records::run(&**spool));
        let mut runs = runs.collect::<io::Result<Vec<_>>>()?;
        runs.push(held);
        let mut sealer = Sealer::new(self.spools.create()?);
        for text in MergedRuns::new(runs)? {
            sealer.add(text?)?;
        }
        Ok(sealer.finish())
    }

    fn add_run(&mut self, level: usize, run: Box<dyn Spool>) -> io::Result<()> {
        if self.runs.len() == level {
            self.runs.push(Vec::new());
        }
        self.runs[level].push(run);
        if self.runs[level].len() < RUNS {
            return Ok(());
        }
        let full = std::mem::take(&mut self.runs[level]);
        let runs = full.iter().map(|spool| records::run(&**spool));
        let merged = MergedRuns::new(runs.collect::<io::Result<Vec<_>>>()?)?;
        let run = self.write(Box::new(merged))?;
        self.add_run(level + 1, run)
    }

    fn write(&self, run: Run<String, io::Error>) -> io::Result<Box<dyn Spool>> {
        let mut spool = self.spools.create()?;
        for text in run {
            let text = text?;
            spool.append(text.as_bytes())?;
            spool.append(&[END])?;
        }
        Ok(spool)
    }
}

impl Held {
    fn add(&mut self, text: &str) -> io::Result<()> {
        let place = (u32::try_from(self.text.len()), u32::try_from(text.len()));
        let (Ok(start), Ok(length)) = place else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        self.text.extend_from_slice(text.as_bytes());
        self.places.push((start, length));
        Ok(())
    }

    fn size(&self) -> usize {
        self.text.len() + size_of_val(&*self.places)
    }

    /// The items in order.
    fn into_run(mut self) -> Run<String, io::Error> {
        let text = self.text;
        let item = |(start, length): (u32, u32)| {
            let start = start as usize;
            start..start + length as usize
        };
        self.places
            .sort_unstable_by(|a, b| text[item(*a)].cmp(&text[item(*b)]));
        let places = self.places.into_iter();
        Box::new(places.map(move |place| records::text(text[item(place)].to_vec())))
    }
}

/// Writes the sorted items down, each once.
struct Sealer {
    kept: Kept,
    written: u64,
    sum: Crc64Hasher,
    last: Option<String>,
}

impl Sealer {
    fn new(spool: Box<dyn Spool>) -> Self {
        Self {
            kept: Kept {
                spool,
                index: Index::default(),
                summary: KeyListSummary::default(),
            },
            written: 0,
            sum: Crc64Hasher::default(),
            last: None,
        }
    }

    fn add(&mut self, text: String) -> io::Result<()> {
        // All that is below a directory follows it.
        let is_covered = self
            .last
            .as_ref()
            .is_some_and(|last| *last == text || is_directory(last) && text.starts_with(&**last));
        if is_covered {
            return Ok(());
        }
        let (index, summary) = (&mut self.kept.index, &mut self.kept.summary);
        if self.written >= index.last().map_or(0, |(_, offset)| offset + STRIDE) {
            index.push((text.as_str().into(), self.written));
        }
        let count = if is_directory(&text) {
            &mut summary.directories
        } else {
            &mut summary.keys
        };
        *count += 1;
        for bytes in [text.as_bytes(), &[END]] {
            self.kept.spool.append(bytes)?;
            self.sum.update(bytes);
            self.written += bytes.len() as u64;
        }
        self.last = Some(text);
        Ok(())
    }

    fn finish(mut self) -> KeyList {
        self.kept.summary.crc64 = self.sum.finish().to_string();
        KeyList(Arc::new(self.kept))
    }
}
