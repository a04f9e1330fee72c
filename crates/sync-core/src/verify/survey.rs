//! What there is to compare: both listings, joined and written down.
//!
//! They are written down and not compared at once, because a listing that
//! fails at its end, or turns out not to be in order, must leave nothing
//! said: its missing rest would look as if the other side had it alone.

use std::io::{self, BufRead};
use std::sync::Arc;

use futures::stream::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::VerifyOptions;
use crate::listing::{Pairs, Selected, SelectedPairs};
use crate::listing::{SkippedNames, may_be_directory_of};
use crate::spool::{Spool, Spools};
use crate::{
    entry::{Entry, SkipCause, Skipped},
    key::Key,
    key_list::NotFound,
    listing::Side,
    plan::{PlanError, Tally},
    rule::Pair,
    select::Criteria,
    store::Store,
};

/// Everything that is to be compared, kept in a spool.
pub struct Survey {
    spool: Box<dyn Spool>,
    /// What both have.
    pub both: Tally,
    /// Entries of either side that are not selected.
    pub not_selected: u64,
    /// Links, sockets and placeholders, which are no content.
    pub skipped: u64,
    /// What neither side has of the key list.
    pub not_found: NotFound,
    /// Whether that is all of it.
    pub finds_nothing_listed: bool,
}

/// One line of the spool.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) object: Option<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) skipped: Option<Skipped>,
    /// Whether the object is at or below a name that the listing of the
    /// directory skipped, so that nobody knows whether the directory lacks it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_covered: bool,
}

/// Lists both stores. A listing that turns out not to be in key order is read
/// again and sorted.
///
/// # Errors
/// [`PlanError`]; nothing is known from half a listing.
pub async fn survey(
    directory: &dyn Store,
    bucket: &dyn Store,
    options: &VerifyOptions,
    spools: Arc<dyn Spools>,
) -> Result<Survey, PlanError> {
    let mut pairs = Pairs::new(
        (directory, bucket),
        &options.selection,
        Arc::clone(&spools),
        options.sort_memory,
        Arc::default(),
    );
    loop {
        let survey = match pairs.open().await {
            Ok(opened) => {
                let survey = write_down(opened.items, spools.create()?).await;
                survey.map(|survey| survey.by_list(options.selection.criteria()))
            }
            Err(error) => Err(error.into()),
        };
        match survey {
            Err(PlanError::Listing(error)) if pairs.sorts_next_time(&error) => {}
            settled => return settled,
        }
    }
}

async fn write_down(mut items: SelectedPairs, spool: Box<dyn Spool>) -> Result<Survey, PlanError> {
    let mut survey = Survey {
        spool,
        both: Tally::default(),
        not_selected: 0,
        skipped: 0,
        not_found: NotFound::default(),
        finds_nothing_listed: false,
    };
    let mut notes = Notes::default();
    while let Some(item) = items.try_next().await? {
        match item {
            Selected::Skipped(side, skipped) => {
                if side == Side::Source {
                    notes.covers(&skipped);
                }
                if let Some(line) = survey.skip(skipped) {
                    notes.write(&line, &mut *survey.spool)?;
                }
            }
            Selected::Excluded(pair) => {
                notes.release_before(pair.key(), &mut *survey.spool)?;
                survey.not_selected += 1;
            }
            Selected::Pair(pair) => {
                notes.release_before(pair.key(), &mut *survey.spool)?;
                notes.add(survey.pair(pair), &mut *survey.spool)?;
            }
        }
    }
    notes.release(0, &mut *survey.spool)?;
    survey.not_found = items.not_found()?;
    Ok(survey)
}

/// Lines on their way to the spool. An object that the directory lacks waits
/// while its key may turn out to be that of a directory that was skipped.
#[derive(Default)]
struct Notes {
    covering: SkippedNames,
    waiting: Vec<Line>,
    bytes: Vec<u8>,
}

impl Notes {
    /// The listing of the directory skipped something. What hides content has
    /// a line of its own, and what is not known because of it as well.
    fn covers(&mut self, skipped: &Skipped) {
        if !skipped.cause.covers() || skipped.cause.hides_content() {
            return;
        }
        self.covering.insert(&skipped.name, skipped.cause);
        for line in &mut self.waiting {
            line.is_covered = line.key().is_some_and(|key| self.covering.cover(key));
        }
    }

    fn release_before(&mut self, key: &Key, spool: &mut dyn Spool) -> io::Result<()> {
        let may_wait = |line: &Line| {
            (line.key()).is_some_and(|k| may_be_directory_of(k.as_str(), key.as_str()))
        };
        let waiting = self
            .waiting
            .iter()
            .take_while(|line| may_wait(line))
            .count();
        if waiting == 0 {
            self.covering.forget_before(key);
        }
        self.release(waiting, spool)
    }

    /// Writes all but the first `waiting` lines that wait.
    fn release(&mut self, waiting: usize, spool: &mut dyn Spool) -> io::Result<()> {
        for line in self.waiting.split_off(waiting) {
            self.write(&line, spool)?;
        }
        Ok(())
    }

    fn add(&mut self, mut line: Line, spool: &mut dyn Spool) -> io::Result<()> {
        if line.file.is_some() {
            return self.write(&line, spool);
        }
        line.is_covered = line.key().is_some_and(|key| self.covering.cover(key));
        self.waiting.push(line);
        Ok(())
    }

    fn write(&mut self, line: &Line, spool: &mut dyn Spool) -> io::Result<()> {
        self.bytes.clear();
        serde_json::to_writer(&mut self.bytes, line).map_err(io::Error::from)?;
        self.bytes.push(b'\n');
        spool.append(&self.bytes)
    }
}

impl Line {
    fn key(&self) -> Option<&Key> {
        let entry = self.file.as_ref().or(self.object.as_ref());
        entry.map(|entry| &entry.key)
    }
}

impl Survey {
    fn by_list(mut self, criteria: &Criteria) -> Self {
        let list = criteria.keys.as_ref();
        self.finds_nothing_listed = list.is_some_and(|list| self.not_found.is_all_of(list));
        self
    }

    fn pair(&mut self, pair: Pair) -> Line {
        let (file, object) = match pair {
            Pair::Source(file) => (Some(file), None),
            Pair::Target(object) => (None, Some(object)),
            Pair::Both { source, target } => {
                self.both.add(source.size);
                (Some(source), Some(target))
            }
        };
        Line {
            file,
            object,
            ..Line::default()
        }
    }

    fn skip(&mut self, skipped: Skipped) -> Option<Line> {
        if skipped.cause == SkipCause::NotSelected {
            self.not_selected += 1;
            return None;
        }
        if !skipped.cause.hides_content() {
            self.skipped += 1;
            return None;
        }
        Some(Line {
            skipped: Some(skipped),
            ..Line::default()
        })
    }

    /// Every line, in the order of the keys.
    pub(super) fn lines(&self) -> io::Result<impl Iterator<Item = io::Result<Line>> + Send> {
        let lines = self.spool.reader()?.lines();
        Ok(lines.map(|line| serde_json::from_str(&line?).map_err(io::Error::from)))
    }
}
