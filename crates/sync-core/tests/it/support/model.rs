//! The model: what the design says must happen to two maps. It is written
//! for reading, not for speed, and shares no code with the core.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sync_core::{
    Direction,
    plan::Deletions,
    rule::{Compare, Reason},
};

use super::world::{Item, World, is_below, is_mappable};

/// What must be done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Transfer(Reason),
    Delete,
    Keep(Reason),
    Conflict,
}

impl World {
    /// What must be done with every key that is a possible path.
    pub(crate) fn steps(&self) -> BTreeMap<String, Step> {
        let names: BTreeSet<&String> = self.source.keys().chain(self.target.keys()).collect();
        let mappable = names.into_iter().filter(|name| is_mappable(name));
        mappable
            .map(|name| (name.clone(), self.step(name)))
            .collect()
    }

    fn step(&self, name: &str) -> Step {
        match (self.source.get(name), self.target.get(name)) {
            (Some(_), _) if self.has_no_place(name) => Step::Conflict,
            (Some(_), None) => Step::Transfer(Reason::OnlyInSource),
            (Some(source), Some(target)) => self.compare(name, *source, *target),
            (None, _) if self.deletions == Deletions::Off => Step::Keep(Reason::DeletionsOff),
            (None, _) => Step::Delete,
        }
    }

    fn compare(&self, name: &str, source: Item, target: Item) -> Step {
        let (file, object) = match self.direction {
            Direction::Backup => (source, target),
            Direction::Restore => (target, source),
        };
        let restore = self.direction == Direction::Restore;
        let exact = self.compare == Compare::ExactTimes;
        if source.size != target.size {
            Step::Transfer(Reason::SizeDiffers)
        } else if file.time > object.time {
            Step::Transfer(Reason::FileIsLater)
        } else if self.compare == Compare::Checksum {
            if source.body(name) == target.body(name) {
                Step::Keep(Reason::SameContent)
            } else {
                Step::Transfer(Reason::ContentDiffers)
            }
        } else if restore && exact && file.time != object.time {
            Step::Transfer(Reason::TimesDiffer)
        } else if restore && file.time < object.time {
            Step::Keep(Reason::ObjectIsLater)
        } else {
            Step::Keep(Reason::Unchanged)
        }
    }

    /// Whether the target can't hold the source's `name`: it is a directory
    /// of another entry of the source, or something that stays is in its way.
    fn has_no_place(&self, name: &str) -> bool {
        let is_directory = self.objects_below(&self.source, name).next().is_some();
        let stays = |other: &&String| {
            self.deletions == Deletions::Off || self.source.contains_key(other.as_str())
        };
        self.direction == Direction::Restore
            && (is_directory || self.in_the_way(name).any(|other| stays(&other)))
    }

    /// Files of the target below `name`, or above it.
    fn in_the_way<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a String> {
        let above = self.target.keys().filter(|other| is_below(name, other));
        self.objects_below(&self.target, name).chain(above)
    }

    fn objects_below<'a>(
        &self,
        items: &'a BTreeMap<String, Item>,
        name: &'a str,
    ) -> impl Iterator<Item = &'a String> + use<'a> {
        let below = move |other: &&String| is_mappable(other) && is_below(other, name);
        items.keys().filter(below)
    }

    /// Whether a file of the target must give way before `name` can come.
    pub(crate) fn is_blocked(&self, name: &str) -> bool {
        self.direction == Direction::Restore && self.in_the_way(name).next().is_some()
    }

    /// Names that are no path, with whether they are mere placeholders.
    pub(crate) fn unmappable(items: &BTreeMap<String, Item>) -> BTreeMap<String, bool> {
        let odd = items.iter().filter(|(name, _)| !is_mappable(name));
        odd.map(|(name, item)| (name.clone(), name.ends_with('/') && item.size == 0))
            .collect()
    }

    /// Whether some of the source can't be brought to the target, so that
    /// nothing may be deleted there.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.steps().values().any(|step| *step == Step::Conflict)
            || Self::unmappable(&self.source)
                .values()
                .any(|placeholder| !placeholder)
    }

    /// Everything that the target holds after a run without faults.
    pub(crate) fn outcome(&self) -> BTreeMap<String, (Bytes, DateTime<Utc>)> {
        let body = |name: &str, item: &Item| item.body(name);
        let before = self.target.iter();
        let mut after: BTreeMap<_, _> = before
            .map(|(name, item)| (name.clone(), (body(name, item), item.time)))
            .collect();
        let incomplete = self.is_incomplete();
        for (name, step) in self.steps() {
            match step {
                Step::Transfer(_) if !(incomplete && self.is_blocked(&name)) => {
                    let item = self.source[&name];
                    let time = match self.direction {
                        Direction::Backup => Self::clock(),
                        Direction::Restore => item.time,
                    };
                    after.insert(name.clone(), (item.body(&name), time));
                }
                Step::Delete if !incomplete => {
                    after.remove(&name);
                }
                _ => {}
            }
        }
        after
    }
}
