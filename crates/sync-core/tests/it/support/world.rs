//! Random worlds: a tree and a bucket of few, hostile names, few sizes and
//! few times, so that everything collides.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sync_core::testing::{MemoryStore, strategies};
use sync_core::{
    Direction,
    plan::{Deletions, PlanOptions},
    rule::Compare,
};

use super::noon;

/// A source and a target, and what is asked for.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) direction: Direction,
    pub(crate) compare: Compare,
    pub(crate) deletions: Deletions,
    pub(crate) source: BTreeMap<String, Item>,
    pub(crate) target: BTreeMap<String, Item>,
}

/// A file or an object. Its content follows from its name, size and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Item {
    pub(crate) size: u8,
    pub(crate) time: DateTime<Utc>,
}

impl World {
    /// The time that the bucket gives to what is written: later than any other.
    pub(crate) fn clock() -> DateTime<Utc> {
        noon(86_400)
    }

    pub(crate) fn options(&self) -> PlanOptions {
        with!(PlanOptions::new(self.direction), compare: self.compare, deletions: self.deletions)
    }

    /// Source and target.
    pub(crate) fn stores(&self) -> (MemoryStore, MemoryStore) {
        let (source, target) = match self.direction {
            Direction::Backup => (MemoryStore::files(), MemoryStore::objects()),
            Direction::Restore => (MemoryStore::objects(), MemoryStore::files()),
        };
        target.set_clock(Self::clock());
        fill(&source, &self.source);
        fill(&target, &self.target);
        (source, target)
    }
}

fn fill(store: &MemoryStore, items: &BTreeMap<String, Item>) {
    for (name, item) in items {
        store.insert(name, item.body(name), item.time);
    }
}

impl Item {
    pub(crate) fn body(self, name: &str) -> Bytes {
        let mut hasher = DefaultHasher::new();
        (name, self).hash(&mut hasher);
        let byte = (hasher.finish() % 251) as u8;
        vec![byte; self.size.into()].into()
    }
}

/// Whether a tree can hold a file of this name, said in other words than the
/// core's.
pub(crate) fn is_mappable(name: &str) -> bool {
    let padded = format!("/{name}/");
    !["//", "/./", "/../"].iter().any(|odd| padded.contains(odd))
}

pub(crate) fn is_below(name: &str, above: &str) -> bool {
    name.starts_with(&format!("{above}/"))
}

pub(crate) fn worlds() -> impl Strategy<Value = World> {
    prop_oneof![backups(), restores()]
}

pub(crate) fn backups() -> impl Strategy<Value = World> {
    worlds_of(Direction::Backup)
}

pub(crate) fn restores() -> impl Strategy<Value = World> {
    worlds_of(Direction::Restore)
}

fn worlds_of(direction: Direction) -> impl Strategy<Value = World> {
    let compare = select(&[Compare::Times, Compare::ExactTimes, Compare::Checksum]);
    let deletions = prop_oneof![3 => Just(Deletions::On), 1 => Just(Deletions::Off)];
    (compare, deletions, items(), items()).prop_map(move |(compare, deletions, files, objects)| {
        let (files, objects) = (tree(files), objects.into_iter().collect());
        let (source, target) = match direction {
            Direction::Backup => (files, objects),
            Direction::Restore => (objects, files),
        };
        World {
            direction,
            compare,
            deletions,
            source,
            target,
        }
    })
}

/// Backups to a server that keeps its objects in directories.
pub(crate) fn backups_to_directories() -> impl Strategy<Value = World> {
    backups().prop_map(|world| World {
        target: tree(world.target.into_iter().collect()),
        ..world
    })
}

fn tree(items: Vec<(String, Item)>) -> BTreeMap<String, Item> {
    strategies::fitting(items)
}

fn items() -> impl Strategy<Value = Vec<(String, Item)>> {
    vec((strategies::names(), item()), 0..9)
}

fn item() -> impl Strategy<Value = Item> {
    (strategies::sizes(), strategies::times()).prop_map(|(size, time)| Item {
        size: size as u8,
        time,
    })
}
