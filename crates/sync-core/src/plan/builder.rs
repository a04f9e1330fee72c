//! Writes a plan down: counts what comes, and puts every answer of the rule
//! that asks for a line into the spool.

use std::io;
use std::sync::Arc;

use super::action::{Action, ConflictCause};
use super::counts::Counts;
use super::dangling_links::DanglingLinks;
use super::header::{FORMAT_VERSION, Header};
use super::kept_links::KeptLinks;
use super::name_collisions::NameCollisions;
use super::options::{Deletions, PlanError, PlanOptions};
use super::tree::TreeResolver;
use super::value::Plan;
use crate::json::append_json;
use crate::spool::{Spool, Spools};
use crate::{
    entry::{Entry, Link, SkipCause, Skipped},
    error::StoreError,
    key::Key,
    key_list::NotFound,
    listing::Side,
    rule::{Direction, Outcome, Pair, Reason, Rule},
    store::{KeyProblem, Store},
    text::printable,
};

/// A joined item with the rule's answer.
pub(crate) enum Judged {
    Skipped(Side, Skipped),
    Settled(Outcome),
    /// The plan does not concern it.
    NotSelected(Pair),
    /// Contents that could not be compared.
    Unread(Entry, Entry, (Side, StoreError)),
}

/// A plan while it is written.
pub(crate) struct PlanBuilder<'a> {
    options: &'a PlanOptions,
    source: &'a dyn Store,
    target: &'a dyn Store,
    tree: TreeResolver,
    /// Where the target folds names.
    collisions: Option<NameCollisions>,
    counts: Counts,
    /// Links of the target that are kept so far.
    links: KeptLinks,
    /// Links of the target that name no file yet.
    dangling: DanglingLinks,
    /// A link of the target in the range that leads out of it.
    leads_out: Option<String>,
    /// Actions on their way to the spool.
    ready: Vec<Action>,
    spool: Box<dyn Spool>,
    line: Vec<u8>,
}

impl<'a> PlanBuilder<'a> {
    /// An empty plan from `source` to `target`.
    pub(crate) fn new(
        source: &'a dyn Store,
        target: &'a dyn Store,
        options: &'a PlanOptions,
        spools: Arc<dyn Spools>,
        spool: Box<dyn Spool>,
    ) -> Self {
        Self {
            options,
            source,
            target,
            tree: TreeResolver::new(options.direction, options.deletions),
            collisions: target.folds_names().then(NameCollisions::default),
            counts: Counts::default(),
            links: KeptLinks::new(Arc::clone(&spools)),
            dangling: DanglingLinks::new(spools),
            leads_out: None,
            ready: Vec::new(),
            spool,
            line: Vec::new(),
        }
    }

    /// Adds what has to be done with the next item.
    pub(crate) fn add(&mut self, judged: Judged) -> io::Result<()> {
        match judged {
            Judged::Skipped(side, skipped) => self.skip(side, skipped),
            Judged::Settled(outcome) => self.settled(outcome),
            Judged::NotSelected(pair) => self.not_selected(pair),
            Judged::Unread(source, target, (side, error)) => {
                self.unread((&source, &target), side, &error)
            }
        }
    }

    /// Something that the listing of `side` skipped.
    fn skip(&mut self, side: Side, skipped: Skipped) -> io::Result<()> {
        match side {
            Side::Source if skipped.cause.covers() => {
                self.tree.covers(&skipped.name, skipped.cause);
            }
            Side::Target => {
                self.tree.stays(&skipped.name, skipped.cause);
                if self.may_delete_files() {
                    self.note_ways_out(&skipped.name, skipped.link.as_deref());
                    self.dangling.add(&skipped)?;
                }
            }
            Side::Source => {}
        }
        if skipped.cause == SkipCause::NotSelected {
            // One that reaches into several ranges counts in that of its name.
            self.counts.excluded += u64::from(self.options.range.contains(&skipped.name));
            return Ok(());
        }
        let counts = match side {
            Side::Source => &mut self.counts.skipped_in_source,
            Side::Target => &mut self.counts.skipped_in_target,
        };
        *counts.entry(skipped.cause).or_default() += 1;
        self.write(&Action::Skip { side, skipped })
    }

    /// Whether files of a directory may be deleted, as opposed to objects.
    fn may_delete_files(&self) -> bool {
        self.options.direction == Direction::Restore && self.options.deletions == Deletions::On
    }

    /// What has to be done with the entries of a key.
    pub(crate) fn settled(&mut self, mut outcome: Outcome) -> io::Result<()> {
        self.count(outcome.source(), outcome.target());
        // A source's link is copied as the file that it names.
        if let Outcome::Transfer { source, .. }
        | Outcome::Keep {
            source: Some(source),
            ..
        } = &mut outcome
        {
            source.link = None;
        }
        let rejection = match outcome.source() {
            Some(source) => self.rejection(&source.key),
            // What the source could never hold is not missing from it.
            None => match self.source.accepts(outcome.key()) {
                Ok(()) => None,
                Err(why) => Some(unmappable(Side::Target, outcome.key(), &why)),
            },
        };
        match rejection {
            Some(Action::Skip { side, skipped }) => self.skip(side, skipped),
            Some(action) => self.write(&action),
            None => {
                let (counts, ready) = (&mut self.counts, &mut self.ready);
                self.tree.place(outcome, counts, ready);
                self.write_ready()
            }
        }
    }

    /// The two entries of a key that the run does not concern.
    fn not_selected(&mut self, pair: Pair) -> io::Result<()> {
        match pair {
            Pair::Source(source) => {
                let tally = self.counts.reasons.entry(Reason::NotSelected).or_default();
                tally.add(source.size);
                Ok(())
            }
            // To the tree, it is a file that stays, whatever the source has.
            Pair::Target(target) | Pair::Both { target, .. } => {
                let (counts, ready) = (&mut self.counts, &mut self.ready);
                let stays = Outcome::Keep {
                    reason: Reason::NotSelected,
                    source: None,
                    target,
                };
                self.tree.place(stays, counts, ready);
                self.write_ready()
            }
        }
    }

    /// Contents that could not be compared: nobody knows whether to copy.
    fn unread(
        &mut self,
        (source, target): (&Entry, &Entry),
        side: Side,
        error: &StoreError,
    ) -> io::Result<()> {
        self.count(Some(source), Some(target));
        let skipped = Skipped {
            name: source.key.as_str().to_owned(),
            cause: match side {
                Side::Source => SkipCause::Unreadable,
                Side::Target => SkipCause::Uncompared,
            },
            detail: error.to_string(),
            link: None,
        };
        self.skip(side, skipped)
    }

    fn count(&mut self, source: Option<&Entry>, target: Option<&Entry>) {
        if let Some(target) = target {
            self.counts.target.add(target.size);
        }
        if let Some(source) = source {
            self.counts.source.add(source.size);
        }
    }

    /// What is written instead of a transfer of `key`, if the target could not
    /// hold it.
    fn rejection(&mut self, key: &Key) -> Option<Action> {
        if key.as_str().len() > self.options.max_key_bytes {
            self.counts.too_long += 1;
            return Some(Action::TooLong { key: key.clone() });
        }
        if let Err(why) = self.target.accepts(key) {
            return Some(unmappable(Side::Source, key, &why));
        }
        let with = self.collisions.as_mut()?.collision(key)?;
        self.counts.conflicts += 1;
        let (key, cause) = (key.clone(), ConflictCause::SameName);
        Some(Action::Conflict { key, with, cause })
    }

    fn write_ready(&mut self) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        for action in ready.drain(..) {
            self.write(&action)?;
        }
        self.ready = ready;
        let links = std::mem::take(&mut self.tree.links);
        for link in links {
            let target = &link.target;
            self.note_ways_out(target.key.as_str(), target.link.as_deref());
            self.links.add(&link)?;
        }
        Ok(())
    }

    /// Notes the link at `name` if what becomes of it depends on another range.
    fn note_ways_out(&mut self, name: &str, link: Option<&Link>) {
        let through = link.map_or(&[][..], |link| &link.through);
        let mut ways = through.iter().map(Key::as_str);
        if self.leads_out.is_none()
            && let Some(way) = ways.find(|way| !self.options.range.contains(way))
        {
            let (name, way) = (printable(name), printable(way));
            let why = format!("the link '{name}' of the target leads to '{way}' in another one");
            self.leads_out = Some(why);
        }
    }

    fn write(&mut self, action: &Action) -> io::Result<()> {
        self.line.clear();
        append_json(&mut self.line, action)?;
        self.line.push(b'\n');
        self.spool.append(&self.line)
    }

    /// Whether all that the target has is to go, as far as has been seen.
    pub(crate) fn finds_no_source(&self) -> bool {
        self.counts.source.entries == 0 && self.counts.target.entries > 0
    }

    /// What neither side has of the key list.
    pub(crate) fn lacks(&mut self, not_found: NotFound) {
        self.counts.not_found = not_found;
    }

    /// The plan, made by `rule`; see [`Header::source_has_others`].
    pub(crate) fn finish(mut self, rule: Rule, has_others: bool) -> Result<Plan, PlanError> {
        self.tree.finish(&mut self.counts, &mut self.ready);
        self.write_ready()?;
        if let Some(why) = self.leads_out {
            return Err(PlanError::NotSeparable(why));
        }
        let changed = self.links.whose_file_changes(&*self.spool)?;
        for link in changed {
            let transfer = link?.replaced(&mut self.counts);
            self.write(&Action::Transfer(transfer))?;
        }
        self.delete_what_gets_a_file()?;
        let header = Header {
            version: FORMAT_VERSION,
            source: self.source.location(),
            target: self.target.location(),
            rule,
            selection: self.options.selection.criteria().clone(),
            range: self.options.range.clone(),
            counts: self.counts,
            source_has_others: has_others,
            origin: None,
        };
        Ok(Plan::new(header, self.spool))
    }

    /// Plans the deletion of links that would be entries after this plan, and
    /// that the source does not have.
    fn delete_what_gets_a_file(&mut self) -> io::Result<()> {
        for delete in self.dangling.that_get_a_file(&*self.spool)? {
            let delete = delete?;
            let is_selected = self
                .options
                .selection
                .selects_pair(Pair::Target(&delete.target));
            // What the source could never hold is not missing from it.
            if !is_selected || self.source.accepts(&delete.target.key).is_err() {
                continue;
            }
            let size = delete.target.size;
            self.counts.target.add(size);
            let tally = self.counts.reasons.entry(delete.reason).or_default();
            tally.add(size);
            self.write(&Action::Delete(delete))?;
        }
        Ok(())
    }
}

/// A key on `side` that the other side could not hold.
fn unmappable(side: Side, key: &Key, why: &KeyProblem) -> Action {
    let skipped = Skipped {
        name: key.as_str().to_owned(),
        cause: SkipCause::UnmappableKey,
        detail: why.to_string(),
        link: None,
    };
    Action::Skip { side, skipped }
}
