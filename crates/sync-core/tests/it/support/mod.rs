//! The vocabulary of these tests: entries, plans and runs in one line each.

mod model;
mod probe;
mod schedule;
mod world;

use std::future::pending;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use proptest::test_runner::Config;
use sync_core::{
    Action, Entry, ExecuteOptions, Key, MemorySpools, Plan, PlanError, PlanOptions, Report, Store,
    execute, make_plan,
};

pub(crate) use model::Step;
pub(crate) use probe::{Probe, probes};
pub(crate) use schedule::Scheduler;
pub(crate) use world::{Item, World, trees, worlds};

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
    run_with(plan, source, target, &ExecuteOptions::default())
}

pub(crate) fn run_with(
    plan: &Plan,
    source: &dyn Store,
    target: &dyn Store,
    options: &ExecuteOptions,
) -> Report {
    block_on(execute(plan, source, target, options, &(), pending())).unwrap()
}

pub(crate) fn actions(plan: &Plan) -> Vec<Action> {
    plan.actions().unwrap().map(Result::unwrap).collect()
}

/// A plan as one line an action: what is done, to which key, and what is in
/// the way of it.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let line = |action| match action {
        Action::Transfer(transfer) => match transfer.in_the_way {
            None => format!("copy {}", transfer.source.key),
            Some(sync_core::InTheWay::File(file)) => {
                format!("copy {} over the file {}", transfer.source.key, file.key)
            }
            Some(sync_core::InTheWay::Directory) => {
                format!("copy {} over a directory", transfer.source.key)
            }
        },
        Action::Delete(delete) if delete.blocks => format!("clear {}", delete.target.key),
        Action::Delete(delete) => format!("delete {}", delete.target.key),
        Action::Skip { side, skipped } => format!("skip {} of the {side}", skipped.name),
        Action::Conflict { key, with, .. } => format!("conflict {key} with {with}"),
        Action::TooLong { key } => format!("too long {key}"),
    };
    actions(plan).into_iter().map(line).collect()
}

/// How many random cases. What they find is kept as a named test, so nothing
/// is written beside the sources.
pub(crate) fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}
