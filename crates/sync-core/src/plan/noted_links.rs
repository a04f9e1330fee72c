//! Links that are written down while a plan is made, and read again once all
//! else is decided: what becomes of them depends on entries that come later.
//!
//! Held in memory is only a number for each name that decides about one of them.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::spool::{Spool, Spools};

/// All links so far of one kind.
pub(super) struct NotedLinks<L> {
    spools: Arc<dyn Spools>,
    /// Made for the first one: mostly there is none.
    spool: Option<Box<dyn Spool>>,
    /// Hashes of the names that decide what becomes of them.
    watched: HashSet<u64>,
    kind: PhantomData<fn() -> L>,
}

impl<L: Serialize + DeserializeOwned + 'static> NotedLinks<L> {
    pub(super) fn new(spools: Arc<dyn Spools>) -> Self {
        Self {
            spools,
            spool: None,
            watched: HashSet::new(),
            kind: PhantomData,
        }
    }

    /// Writes `link` down, about which these names decide.
    pub(super) fn add<'n>(
        &mut self,
        link: &L,
        names: impl Iterator<Item = &'n str>,
    ) -> io::Result<()> {
        self.watched.extend(names.map(hash));
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(self.spools.create()?),
        };
        let mut line = serde_json::to_vec(link)?;
        line.push(b'\n');
        spool.append(&line)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spool.is_none()
    }

    /// Whether `name` decides about any of them; rarely, of another name too.
    pub(super) fn watches(&self, name: &str) -> bool {
        self.watched.contains(&hash(name))
    }

    /// The links, in the order in which they were added.
    pub(super) fn read(&self) -> io::Result<impl Iterator<Item = io::Result<L>> + use<L>> {
        let reader = self.spool.as_ref().map(|spool| spool.reader());
        let lines = reader.transpose()?.into_iter().flat_map(BufRead::lines);
        Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
    }
}

/// The number that stands for a name.
fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
