//! Links of the target that a plan keeps, although it changes the file that
//! they name.
//!
//! A link inside the tree is listed as the file that it names, under its own
//! name. So a restore that keeps the link and replaces or removes the file
//! would change both: the link would show another content than the bucket has
//! under its name, or nothing at all. Therefore such a link is replaced by a
//! file of its own, with what the bucket has under its name, in the same plan.
//!
//! Whether a file changes may be known long before or after its links come.
//! Kept links are written down, and looked at once all else is decided; held in
//! memory are a number for each name that they lead through, and those names
//! that change.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::action::{Action, Transfer, read_actions};
use super::counts::Counts;
use super::noted_links::NotedLinks;
use crate::spool::{Spool, Spools};
use crate::{entry::Entry, key::Key, rule::Reason};

/// A link of the target that is kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptLink {
    /// Why it is kept.
    reason: Reason,
    source: Entry,
    pub(crate) target: Entry,
}

impl KeptLink {
    pub(crate) fn new(reason: Reason, source: &Entry, target: &Entry) -> Self {
        Self {
            reason,
            source: source.clone(),
            target: target.clone(),
        }
    }

    /// The names that it leads through.
    fn through(&self) -> &[Key] {
        let link = self.target.link.as_ref();
        link.map(|link| link.through.as_slice()).unwrap_or_default()
    }

    /// The transfer that makes a file of it; it is counted as that, and no
    /// longer as kept.
    pub(crate) fn replaced(self, counts: &mut Counts) -> Transfer {
        if let Some(kept) = counts.reasons.get_mut(&self.reason) {
            kept.entries = kept.entries.saturating_sub(1);
            kept.bytes = kept.bytes.saturating_sub(self.target.size);
            if kept.entries == 0 {
                counts.reasons.remove(&self.reason);
            }
        }
        let reason = Reason::LinkedFileChanges;
        let tally = counts.reasons.entry(reason).or_default();
        tally.add(self.source.size);
        Transfer {
            reason,
            source: self.source,
            target: Some(self.target),
            blocker: None,
        }
    }
}

/// All that are kept so far.
pub(crate) struct KeptLinks(NotedLinks<KeptLink>);

impl KeptLinks {
    pub(crate) fn new(spools: Arc<dyn Spools>) -> Self {
        Self(NotedLinks::new(spools))
    }

    pub(crate) fn add(&mut self, link: &KeptLink) -> io::Result<()> {
        self.0.add(link, link.through().iter().map(Key::as_str))
    }

    /// Those that lead through a name which the actions in `plan` change.
    pub(crate) fn whose_file_changes(
        &self,
        plan: &dyn Spool,
    ) -> io::Result<impl Iterator<Item = io::Result<KeptLink>> + use<>> {
        let changed = self.changed(plan)?;
        let changes = move |link: &KeptLink| link.through().iter().any(|key| changed.contains(key));
        let links = self.0.read()?;
        Ok(links.filter(move |link| link.as_ref().map_or(true, &changes)))
    }

    /// Names that they lead through and that the actions in `plan` change.
    fn changed(&self, plan: &dyn Spool) -> io::Result<HashSet<Key>> {
        let mut changed = HashSet::new();
        if self.0.is_empty() {
            return Ok(changed);
        }
        for action in read_actions(plan.reader()?) {
            let key = match action? {
                Action::Transfer(transfer) => transfer.source.key,
                Action::Delete(delete) => delete.target.key,
                _ => continue,
            };
            if self.0.watches(key.as_str()) {
                changed.insert(key);
            }
        }
        Ok(changed)
    }
}
