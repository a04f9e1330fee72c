//! Knows everything that was ever written, sees every effect at the moment
//! when it happens, and panics at one that should not have been.
//!
//! It asks the plan what was announced, and the truth about the stores what
//! was right; it shares no decision with the core.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sync_core::testing::Object;
use sync_core::{
    Entry, Key, NewEntry,
    execute::{Event, Observer},
    listing::Side,
    plan::{Action, Plan},
};

use super::run::Run;
use super::stage::Stage;
use super::world::{PATHS, collide};

/// What a caller asks a store for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Read,
    Put,
    Write,
    Commit,
    Delete,
}

/// An entry with its content.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// Whether it is an object, and not a file.
    pub(super) in_bucket: bool,
    pub(super) entry: Entry,
    pub(super) body: Bytes,
}

#[derive(Default)]
pub(super) struct Judge {
    /// Each content that a name ever had in the source, with its time.
    in_source: Contents,
    /// Each that another program wrote to the target.
    in_target: Contents,
    source: Listing,
    target: Listing,
    /// What the source has had ever since its planning began.
    always_in_source: BTreeSet<String>,
    /// What has come between for each name since its planning began: one
    /// trouble is overcome, more need not be.
    troubles: BTreeMap<String, usize>,
    run: Option<Run>,
    writers: BTreeMap<u64, Open>,
    opened: u64,
    /// Writers that were dropped without commit or abort.
    leaked: Vec<String>,
}

type Contents = BTreeMap<String, Vec<(Bytes, DateTime<Utc>)>>;

/// What became of the last listing of a store.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Listing {
    pub(super) failed: bool,
    pub(super) hid_something: bool,
}

/// A write under way.
struct Open {
    entry: NewEntry,
    body: Vec<u8>,
    filled: u64,
}

impl Judge {
    /// A planning begins; `names` is what the source has.
    pub(super) fn plans(&mut self, names: impl IntoIterator<Item = String>) {
        self.always_in_source = names.into_iter().collect();
        self.troubles.clear();
        self.run = None;
    }

    pub(super) fn lists(&mut self, side: Side) {
        *self.listing_mut(side) = Listing::default();
    }

    pub(super) fn fails(&mut self, side: Side) {
        self.listing_mut(side).failed = true;
    }

    pub(super) fn hides(&mut self, side: Side) {
        self.listing_mut(side).hid_something = true;
    }

    fn listing_mut(&mut self, side: Side) -> &mut Listing {
        match side {
            Side::Source => &mut self.source,
            Side::Target => &mut self.target,
        }
    }

    /// A plan has come out.
    pub(super) fn planned(&self, plan: &Plan) {
        assert!(
            !self.source.failed && !self.target.failed,
            "a plan from a listing that failed"
        );
        let counts = plan.counts();
        assert!(
            counts.incomplete() || !self.source.hid_something,
            "the source hid something, and the plan does not say so"
        );
        for action in plan.actions().unwrap() {
            if let Action::Delete(delete) = action.unwrap() {
                let name = delete.target.key.as_str();
                let is_there = self.always_in_source.contains(name);
                assert!(
                    !is_there || counts.incomplete(),
                    "'{name}' was in the source all the time, and would be deleted"
                );
            }
        }
    }

    /// An execution of `plan` begins, which is asked to stop at step `stop`.
    pub(super) fn runs(&mut self, plan: &Plan, concurrency: usize, stop: usize) {
        let run = Run::new(plan, concurrency, stop);
        self.run = Some(run);
    }

    /// The execution has ended, or was killed.
    pub(super) fn ends(&mut self, killed: bool) -> Run {
        let leaked = std::mem::take(&mut self.leaked);
        assert!(
            killed || leaked.is_empty(),
            "neither committed nor aborted: {leaked:?}"
        );
        assert!(
            killed || self.writers.is_empty(),
            "a write is still under way"
        );
        self.writers.clear();
        self.run.take().unwrap()
    }

    fn run(&mut self) -> &mut Run {
        self.run.as_mut().expect("an effect without an execution")
    }

    /// The caller begins a call at `step`.
    pub(super) fn begins(&mut self, side: Side, call: Call, key: &Key, step: usize) {
        assert!(
            side == Side::Target || call == Call::Read,
            "{call:?} of '{key}' in the source"
        );
        let may_finish = call == Call::Delete && self.is_ready_to_replace(key);
        let Some(run) = &mut self.run else {
            assert_eq!(call, Call::Read, "'{key}' outside of an execution");
            return;
        };
        run.begins(call, key, step, may_finish);
    }

    /// The source was asked for `key`, and has said that it is not there.
    pub(super) fn source_lacks(&mut self, key: &Key) {
        if let Some(run) = &mut self.run
            && (run.is_all_copied() || run.has_been_refused_for(key))
        {
            run.absent.insert(key.as_str().to_owned());
        }
    }

    /// The target has refused `key` because something is in its way.
    pub(super) fn refuses(&mut self, key: &Key) {
        self.run().refused.insert(key.as_str().to_owned());
    }

    pub(super) fn opens(&mut self, entry: &NewEntry) -> u64 {
        self.opened += 1;
        let open = Open {
            entry: entry.clone(),
            body: vec![0; entry.size as usize],
            filled: 0,
        };
        self.writers.insert(self.opened, open);
        self.opened
    }

    pub(super) fn takes_part(&mut self, writer: u64, offset: u64, part: &Bytes) {
        let open = self.writers.get_mut(&writer).unwrap();
        let start = offset as usize;
        open.body[start..start + part.len()].copy_from_slice(part);
        open.filled += part.len() as u64;
    }

    /// What has been written so far.
    pub(super) fn commits(&mut self, writer: u64) -> Bytes {
        let open = self.writers.remove(&writer).unwrap();
        let NewEntry { key, size, .. } = &open.entry;
        self.run.as_ref().unwrap().assert_way_is_free(key);
        assert_eq!(
            open.filled, *size,
            "'{key}' is committed without all its parts"
        );
        open.body.into()
    }

    pub(super) fn aborts(&mut self, writer: u64) {
        self.writers.remove(&writer);
    }

    pub(super) fn leaks(&mut self, writer: u64) {
        if let Some(open) = self.writers.remove(&writer) {
            self.leaked.push(open.entry.key.as_str().to_owned());
        }
    }

    pub(super) fn was_copied(&mut self, key: &Key) {
        let run = self.run();
        let is_new = run.copied.insert(key.as_str().to_owned());
        let catches_up = run.is_backup && run.written.contains_key(key.as_str());
        assert!(is_new || catches_up, "'{key}' is copied twice");
    }

    pub(super) fn was_deleted(&mut self, key: &Key) {
        let is_new = self.run().deleted.insert(key.as_str().to_owned());
        assert!(is_new, "'{key}' is deleted twice");
    }

    /// The core has changed `key` in the target.
    pub(super) fn changed(&mut self, key: &Key, before: Option<Version>, after: Option<Version>) {
        let revision =
            |version: &Option<Version>| version.as_ref().map(|v| v.entry.revision.clone());
        if revision(&before) == revision(&after) {
            return;
        }
        match after {
            Some(after) => self.wrote(key, before, &after),
            None => self.removed(key, &before.unwrap()),
        }
    }

    fn wrote(&mut self, key: &Key, before: Option<Version>, after: &Version) {
        let run = self.run();
        let planned = run.transfers.iter().find(|t| t.source.key == *key);
        let planned = planned.unwrap_or_else(|| panic!("'{key}' is written without being planned"));
        if let Some(before) = before {
            let seen = planned.target.as_ref().map(|seen| &seen.revision);
            let overwritten = &before.entry.revision;
            // What the file was a moment ago gives way to what it is now.
            let own = run.written.get(key.as_str());
            assert!(
                Some(overwritten) == seen || run.is_backup && Some(overwritten) == own,
                "another version of '{key}' is overwritten than the plan saw"
            );
        }
        let written = after.entry.revision.clone();
        run.written.insert(key.as_str().to_owned(), written);
        let versions = self.in_source.get(key.as_str());
        let is_whole = versions.is_some_and(|versions| {
            let is_this = |(body, time): &(Bytes, _)| {
                *body == after.body && (after.in_bucket || *time == after.entry.modified)
            };
            versions.iter().any(is_this)
        });
        assert!(
            is_whole,
            "'{key}' is no version that the source ever had: {after:?}"
        );
    }

    fn removed(&mut self, key: &Key, before: &Version) {
        let name = key.as_str();
        let may_give_way = self.is_ready_to_replace(key);
        let hidden = self.source.hid_something;
        let is_there = self.always_in_source.contains(name);
        let run = self.run();
        assert!(
            !run.is_refused,
            "'{name}' is deleted in spite of a conflict"
        );
        let planned = run.deletes.get(name);
        let planned =
            planned.unwrap_or_else(|| panic!("'{name}' is deleted without being planned"));
        assert_eq!(
            planned.target.revision, before.entry.revision,
            "another version of '{name}' is deleted than the plan saw"
        );
        assert!(
            !is_there,
            "'{name}' was in the source all the time, and is deleted"
        );
        assert!(
            !hidden,
            "'{name}' is deleted though the source hid something"
        );
        let is_backup = before.in_bucket;
        let may_be_refused = is_backup && run.is_time_to_clear() && run.has_been_refused_for(key);
        if is_backup || !may_give_way {
            assert!(
                run.is_all_copied() || may_be_refused,
                "'{name}' is deleted before all is copied"
            );
            assert!(
                !is_backup || run.absent.contains(name),
                "'{name}' is deleted without another look at the source"
            );
        }
    }

    /// Whether `key` is in the way of a copy that is complete and genuine,
    /// and everything that nothing is in the way of is copied.
    fn is_ready_to_replace(&self, key: &Key) -> bool {
        let Some(run) = &self.run else { return false };
        run.replaced_by(key).any(|blocked| {
            let mut open = self.writers.values();
            run.is_time_to_clear() && open.any(|open| self.is_ready(open, &blocked.source.key))
        })
    }

    fn is_ready(&self, open: &Open, key: &Key) -> bool {
        let versions = self.in_source.get(key.as_str());
        open.entry.key == *key
            && open.filled == open.entry.size
            && versions.is_some_and(|v| v.iter().any(|(body, _)| *body == open.body))
    }

    /// An operation on `name` is spoilt so that another try helps.
    pub(super) fn damages(&mut self, name: &str) {
        *self.troubles.entry(name.to_owned()).or_default() += 1;
    }

    /// An operation on `name` is spoilt so that nothing need help, neither
    /// that name nor what lies above or below it.
    pub(super) fn spoils(&mut self, name: &str) {
        let near = PATHS.into_iter().filter(|other| collide(name, other));
        for name in near.chain([name]) {
            *self.troubles.entry(name.to_owned()).or_default() += 100;
        }
    }

    /// What `run` could have copied, it has; `names` is what the source has.
    pub(super) fn all_possible_was_copied(&self, run: &Run, names: &BTreeSet<String>) {
        for name in run
            .free_but_not_copied()
            .filter(|name| names.contains(*name))
        {
            let troubles = self.troubles.get(name).copied().unwrap_or(0);
            assert!(
                troubles > 1 || self.target.hid_something,
                "'{name}' could have been copied"
            );
        }
    }

    /// Another program has left `object` under `name`.
    pub(super) fn foreign_change(&mut self, side: Side, name: &str, object: Option<Object>) {
        match side {
            Side::Source => self.damages(name),
            Side::Target => self.spoils(name),
        }
        let contents = match side {
            Side::Source => &mut self.in_source,
            Side::Target => &mut self.in_target,
        };
        match object {
            Some(object) => {
                let versions = contents.entry(name.to_owned()).or_default();
                versions.push((object.body, object.modified));
            }
            None if side == Side::Source => drop(self.always_in_source.remove(name)),
            None => {}
        }
    }

    /// Nothing in the target is a mixture, whoever wrote it.
    pub(super) fn target_is_whole(&self, target: &BTreeMap<String, Bytes>) {
        for (name, body) in target {
            let written = [&self.in_source, &self.in_target];
            let mut versions = written.iter().filter_map(|c| c.get(name)).flatten();
            assert!(versions.any(|(known, _)| known == body), "'{name}' is torn");
        }
    }
}

/// What the execution tells, the judge hears at once.
impl Observer for Stage {
    fn event(&self, event: Event<'_>) {
        let mut state = self.state();
        let run = state.judge.run();
        let nth = match event {
            Event::Transferred(transfer) => {
                run.told.insert(transfer.source.key.as_str().to_owned());
                0
            }
            Event::Deleted(_) => 1,
            Event::Failed { key, error } => {
                run.outdated += u64::from(run.told.contains(key.as_str()));
                if error.kind().stops_run() {
                    run.halted.get_or_insert_default();
                }
                2
            }
            _ => return,
        };
        run.events[nth] += 1;
    }
}
