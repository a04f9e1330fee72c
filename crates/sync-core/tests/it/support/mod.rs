//! The vocabulary of these tests: entries, plans and runs in one line each.

mod mock;
mod model;
mod probe;
mod random;
mod restore;
mod schedule;
mod world;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
pub(crate) use futures::executor::block_on;
use proptest::test_runner::Config;
use sync_core::testing::MemoryStore;
use sync_core::{
    Entry, Key, Selection, Store,
    entry::Revision,
    execute,
    execute::{Event, ExecuteOptions, Observer, Report},
    key_list::{KeyListBuilder, KeyListItem},
    make_plan,
    plan::{Action, Plan, PlanError, PlanOptions},
    spool::MemorySpools,
};

pub(crate) use mock::{chunks, error, mock, one_by_one, take};
pub(crate) use model::Step;
pub(crate) use probe::{Probe, probes};
pub(crate) use random::Random;
pub(crate) use restore::{assert_plan, restore};
pub(crate) use schedule::Scheduler;
pub(crate) use world::{
    Item, World, backups, backups_to_directories, is_mappable as is_path, restores, worlds,
};

/// Noon of a day in 2024, and `seconds` more.
pub(crate) fn noon(seconds: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2024-05-01T12:00:00Z".parse().unwrap();
    noon + TimeDelta::seconds(seconds)
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

/// An entry of noon.
pub(crate) fn entry(name: &str, size: u64) -> Entry {
    Entry::new(key(name), size, noon(0))
}

/// The file `a` in its `n`th version, always of one byte.
pub(crate) fn version(n: i64) -> Entry {
    Entry::new(key("a"), 1, noon(n)).with_revision(Revision::new(n.to_string()))
}

/// A plan as it is saved.
pub(crate) fn saved(plan: &Plan) -> String {
    let mut text = Vec::new();
    plan.write_to(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

pub(crate) fn try_plan(
    source: &dyn Store,
    target: &dyn Store,
    options: &PlanOptions,
) -> Result<Plan, PlanError> {
    block_on(make_plan(source, target, options, Arc::new(MemorySpools)))
}

pub(crate) fn plan(source: &dyn Store, target: &dyn Store, options: &PlanOptions) -> Plan {
    try_plan(source, target, options).unwrap()
}

pub(crate) fn run(plan: &Plan, source: &dyn Store, target: &dyn Store) -> Report {
    run_with(plan, source, target, &ExecuteOptions::default(), &())
}

pub(crate) fn run_with(
    plan: &Plan,
    source: &dyn Store,
    target: &dyn Store,
    options: &ExecuteOptions,
    observer: &dyn Observer,
) -> Report {
    block_on(execute(plan, source, target, options, observer, pending())).unwrap()
}

pub(crate) fn actions(plan: &Plan) -> Vec<Action> {
    plan.actions().unwrap().map(Result::unwrap).collect()
}

/// A plan as one line an action: what is done, to which key, and what is in
/// the way of it.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let line = |action| match action {
        Action::Transfer(transfer) => match transfer.blocker {
            None => format!("copy {}", transfer.source.key),
            Some(sync_core::plan::Blocker::File(file)) => {
                format!("copy {} over the file {}", transfer.source.key, file.key)
            }
            Some(sync_core::plan::Blocker::Directory) => {
                format!("copy {} over a directory", transfer.source.key)
            }
        },
        Action::Delete(delete) if delete.blocks => format!("clear {}", delete.target.key),
        Action::Delete(delete) => format!("delete {}", delete.target.key),
        Action::Keep { target, .. } => format!("keep {}", target.key),
        Action::Skip { side, skipped } => format!("skip {} of the {side}", skipped.name),
        Action::Conflict { key, with, .. } => format!("conflict {key} with {with}"),
        Action::TooLong { key } => format!("too long {key}"),
    };
    actions(plan).into_iter().map(line).collect()
}

/// A selection of the keys and directories alone that `items` name.
pub(crate) fn only<'i>(items: impl IntoIterator<Item = &'i str>) -> Arc<Selection> {
    let mut builder = KeyListBuilder::new(Arc::new(MemorySpools), 64);
    for item in items {
        builder.add(&KeyListItem::parse(item).unwrap()).unwrap();
    }
    Arc::new(Selection::default().only(builder.finish().unwrap()))
}

/// Everything in `store`, with its times.
pub(crate) fn contents(store: &MemoryStore) -> BTreeMap<String, (Bytes, DateTime<Utc>)> {
    let snapshot = store.snapshot().into_iter();
    snapshot
        .map(|(name, object)| (name, (object.body, object.modified)))
        .collect()
}

/// What an observer was told, in words; progress is only added up.
#[derive(Default)]
pub(crate) struct Events {
    told: Mutex<Vec<String>>,
    begun: Mutex<Vec<String>>,
    bytes: AtomicU64,
}

impl Events {
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// The copies that were said to begin.
    pub(crate) fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }

    /// All progress together.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(SeqCst)
    }
}

impl Observer for Events {
    fn event(&self, event: Event<'_>) {
        let told = match event {
            Event::Progress { bytes, .. } => {
                self.bytes.fetch_add(bytes, SeqCst);
                return;
            }
            Event::Started { entry } => {
                self.begun.lock().unwrap().push(entry.key.to_string());
                return;
            }
            Event::Transferred(transfer) => format!("copied {}", transfer.source.key),
            Event::AlreadyDone(transfer) => format!("found {}", transfer.source.key),
            Event::Deleted(entry) => format!("deleted {}", entry.key),
            Event::Failed { key, error } => format!("failed {key}: {:?}", error.kind()),
            other => panic!("unknown event {other:?}"),
        };
        self.told.lock().unwrap().push(told);
    }
}

/// How many random cases, unless `PROPTEST_CASES` says otherwise. What they
/// find is kept as a named test, so nothing is written beside the sources.
pub(crate) fn cases(cases: u32) -> Config {
    let config = Config::default();
    let asked = std::env::var_os("PROPTEST_CASES").map(|_| config.cases);
    Config {
        cases: asked.unwrap_or(cases),
        max_global_rejects: u32::MAX,
        failure_persistence: None,
        ..config
    }
}
