//! Links of the target that name no file now, and will once the plan is
//! carried out.
//!
//! Such a link is skipped: it is no entry. But when a restore has made the file
//! that it names, the next listing shows it as an entry that the source lacks,
//! and the next restore would delete it. So its deletion is part of the plan
//! that makes the file, and the restore after it has nothing to do.
//!
//! The links are written down and looked at once all else is decided
//! (`noted_links.rs`).

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::action::{Action, Delete, read_actions};
use super::noted_links::NotedLinks;
use crate::spool::{Spool, Spools};
use crate::{
    entry::{Entry, Link, Skipped},
    key::Key,
    listing::Side,
    rule::Reason,
};

/// All that were skipped so far.
pub(crate) struct DanglingLinks(NotedLinks<Dangling>);

#[derive(Serialize, Deserialize)]
struct Dangling {
    key: Key,
    link: Box<Link>,
}

/// What a plan does at the watched names.
#[derive(Default)]
struct Seen {
    /// The files that it writes.
    files: HashMap<Key, Entry>,
    /// What the source skipped, so that the target keeps what it has there.
    skipped: HashSet<String>,
}

impl DanglingLinks {
    pub(crate) fn new(spools: Arc<dyn Spools>) -> Self {
        Self(NotedLinks::new(spools))
    }

    /// Notes `skipped` if it is such a link.
    pub(crate) fn add(&mut self, skipped: &Skipped) -> io::Result<()> {
        let (Some(link), Ok(key)) = (&skipped.link, Key::new(skipped.name.as_str())) else {
            return Ok(());
        };
        let dangling = Dangling {
            key,
            link: link.clone(),
        };
        let names = link.through.iter().map(Key::as_str);
        self.0.add(&dangling, names.chain(ways(&dangling.key)))
    }

    /// The deletions of those that lead to a file which the actions in `plan`
    /// write; each has the size and time of that file, as it would be listed.
    pub(crate) fn that_get_a_file(
        &self,
        plan: &dyn Spool,
    ) -> io::Result<impl Iterator<Item = io::Result<Delete>> + use<>> {
        let seen = self.seen(plan)?;
        let links = self.0.read()?;
        Ok(links.filter_map(move |link| link.map(|link| seen.deletion(link)).transpose()))
    }

    fn seen(&self, plan: &dyn Spool) -> io::Result<Seen> {
        let mut seen = Seen::default();
        if self.0.is_empty() {
            return Ok(seen);
        }
        for action in read_actions(plan.reader()?) {
            match action? {
                Action::Transfer(transfer) if self.0.watches(transfer.source.key.as_str()) => {
                    seen.files
                        .insert(transfer.source.key.clone(), transfer.source);
                }
                Action::Skip {
                    side: Side::Source,
                    skipped,
                } if skipped.cause.covers() && self.0.watches(&skipped.name) => {
                    seen.skipped.insert(skipped.name);
                }
                _ => {}
            }
        }
        Ok(seen)
    }
}

impl Seen {
    fn deletion(&self, dangling: Dangling) -> Option<Delete> {
        let Dangling { key, link } = dangling;
        // It is replaced by a file of its own.
        if self.files.contains_key(&key) || ways(&key).any(|name| self.skipped.contains(name)) {
            return None;
        }
        let file = link.through.iter().find_map(|name| self.files.get(name))?;
        let target = Entry::new(key, file.size, file.modified).with_link(*link);
        Some(Delete {
            reason: Reason::OnlyInTarget,
            target,
            blocks: false,
        })
    }
}

/// `key` and the names of the directories above it.
fn ways(key: &Key) -> impl Iterator<Item = &str> {
    let key = key.as_str();
    let above = key.match_indices('/').map(|(end, _)| &key[..end]);
    above.chain([key])
}
