//! Answers that arrive in any order, and runs that are stopped at any moment.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind, execute,
    execute::{DeletionsSkipped, ExecuteOptions, Report},
    make_plan,
    plan::{Deletions, Plan, Tally},
    rule::Compare,
    spool::MemorySpools,
};

use crate::support::{
    Events, Item, Probe, Scheduler, Step, World, cases, contents, lines, noon, plan, probes, run,
    worlds,
};

/// A world with its stores watched and paced.
struct Paced {
    scheduler: Scheduler,
    source: Probe,
    target: Probe,
    events: Events,
}

impl Paced {
    fn new(seed: u64, source: &MemoryStore, target: &MemoryStore) -> Self {
        let scheduler = Scheduler::new(seed);
        let (source, target) = probes(source, target);
        Self {
            source: source.paced(&scheduler),
            target: target.paced(&scheduler),
            scheduler,
            events: Events::default(),
        }
    }

    fn plan(&self, world: &World) -> Plan {
        let (options, spools) = (world.options(), Arc::new(MemorySpools));
        let plan = make_plan(&self.source, &self.target, &options, spools);
        self.scheduler.run(plan).unwrap()
    }

    fn run(
        &self,
        plan: &Plan,
        options: &ExecuteOptions,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Report {
        let run = execute(
            plan,
            &self.source,
            &self.target,
            options,
            &self.events,
            stop,
        );
        self.scheduler.run(run).unwrap()
    }
}

fn options() -> impl Strategy<Value = ExecuteOptions> {
    let memory = select(&[0, 1, 2, 3, 5, 64 << 20]);
    (1..=8_usize, memory, 1..4_u64).prop_map(|(concurrency, memory, part_size)| {
        with!(ExecuteOptions::default(), concurrency, memory, part_size)
    })
}

/// The names of what must be copied.
fn copied(world: &World) -> Vec<String> {
    let steps = world.steps().into_iter();
    let copied = steps.filter(|(_, step)| matches!(step, Step::Transfer(_)));
    copied.map(|(name, _)| name).collect()
}

fn sorted(mut told: Vec<String>) -> Vec<String> {
    told.sort();
    told
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn the_order_of_arrival_makes_no_difference(
        world in worlds(), seed in any::<u64>(), options in options(),
        failing in prop::option::of(any::<Index>()),
    ) {
        let copied = copied(&world);
        let failing = failing.filter(|_| !copied.is_empty()).map(|nth| nth.get(&copied));
        let fail = |store: &MemoryStore| {
            if let Some(name) = failing {
                store.fail_reading(name);
            }
        };
        let (source, target) = world.stores();
        let planned = plan(&source, &target, &world.options());
        fail(&source);
        let events = Events::default();
        let calm = ExecuteOptions::default();
        let report = crate::support::run_with(&planned, &source, &target, &calm, &events);

        let (other_source, other_target) = world.stores();
        let paced = Paced::new(seed, &other_source, &other_target);
        let replanned = paced.plan(&world);
        prop_assert_eq!(lines(&replanned), lines(&planned));
        prop_assert_eq!(replanned.header(), planned.header());
        fail(&other_source);
        let other = paced.run(&replanned, &options, pending());
        prop_assert_eq!(other, report);
        prop_assert_eq!(contents(&other_target), contents(&target));
        prop_assert_eq!(sorted(paced.events.told()), sorted(events.told()));
    }

    #[test]
    fn the_run_after_a_stopped_one_converges(
        world in worlds(), seed in any::<u64>(), options in options(), steps in 0..60_usize,
    ) {
        let (source, target) = world.stores();
        let paced = Paced::new(seed, &source, &target);
        let before = contents(&target);
        let planned = plan(&source, &target, &world.options());
        let report = paced.run(&planned, &options, paced.scheduler.after(steps));

        let (after, outcome) = (contents(&target), world.outcome());
        for (name, item) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            prop_assert!(!outcome.contains_key(name), "{} {:?} is lost", name, item);
        }
        for (name, item) in &after {
            let whole = before.get(name) == Some(item) || outcome.get(name) == Some(item);
            prop_assert!(whole, "{} is neither old nor new", name);
        }
        if report.is_complete() {
            prop_assert_eq!(&after, &outcome);
        } else if report.stopped && planned.counts().deleted().entries > 0 {
            prop_assert_eq!(report.deletions_withheld, Some(DeletionsSkipped::Stopped));
        }

        let again = plan(&source, &target, &world.options());
        run(&again, &source, &target);
        prop_assert_eq!(contents(&target), outcome);
    }

    #[test]
    fn the_run_after_a_failed_write_converges(
        world in worlds(), seed in any::<u64>(), options in options(),
        nth in any::<Index>(), call in select(&["put", "write", "part", "commit"]),
    ) {
        let copied = copied(&world);
        prop_assume!(!copied.is_empty());
        let (source, target) = world.stores();
        let paced = Paced::new(seed, &source, &target);
        let failing = nth.get(&copied);
        paced.target.fail(&format!("target {call} {failing}"), ErrorKind::Unavailable);
        let planned = plan(&source, &target, &world.options());
        let report = paced.run(&planned, &options, pending());
        let deleted = world.steps().into_values().filter(|step| *step == Step::Delete).count();
        let met = paced.target.log().contains(&format!("target {call} {failing}"));
        prop_assert_eq!(met && report.failed == 0, false);
        if met && deleted > 0 {
            prop_assert!(report.deletions_withheld.is_some());
        }

        let again = plan(&source, &target, &world.options());
        run(&again, &source, &target);
        prop_assert_eq!(contents(&target), world.outcome());
    }

    #[test]
    fn the_report_counts_what_was_done(
        world in worlds(), seed in any::<u64>(), options in options(),
        fault in prop::option::of((any::<Index>(), select(&["put", "write", "part", "commit", "delete"]))),
    ) {
        let (source, target) = world.stores();
        let paced = Paced::new(seed, &source, &target);
        let names: Vec<String> = world.steps().into_keys().collect();
        if let Some((nth, call)) = fault.filter(|_| !names.is_empty()) {
            paced.target.fail(&format!("target {call} {}", nth.get(&names)), ErrorKind::Denied);
        }
        let before = contents(&target);
        let planned = plan(&source, &target, &world.options());
        let report = paced.run(&planned, &options, pending());
        let after = contents(&target);
        let gone = before.keys().filter(|name| !after.contains_key(*name)).count();
        let new = after.keys().filter(|name| !before.contains_key(*name)).count();
        let other = after.iter().filter(|(name, item)| {
            before.get(*name).is_some_and(|old| old != *item)
        });
        prop_assert_eq!(report.deleted.entries, gone as u64);
        prop_assert_eq!(report.created.entries, new as u64);
        prop_assert_eq!(report.overwritten.entries, other.count() as u64);
        let told = |what: &str| {
            paced.events.told().iter().filter(|told| told.starts_with(what)).count() as u64
        };
        prop_assert_eq!(told("deleted"), report.deleted.entries);
        prop_assert_eq!(told("copied"), report.created.entries + report.overwritten.entries);
        prop_assert_eq!(told("failed"), report.failed);
    }
}

#[test]
fn a_run_that_is_stopped_before_it_begins_does_nothing() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    source.insert("new", "1", World::clock());
    target.insert("old", "1", World::clock());
    let paced = Paced::new(1, &source, &target);
    let options = sync_core::plan::PlanOptions::new(sync_core::Direction::Backup);
    let plan = plan(&source, &target, &options);
    let report = paced.run(&plan, &ExecuteOptions::default(), std::future::ready(()));
    let expected = with!(
        Report::default(),
        stopped: true,
        deletions_withheld: Some(DeletionsSkipped::Stopped),
    );
    assert_eq!(report, expected);
    assert_eq!(report.created, Tally::default());
    assert_eq!(target.changes() + source.changes(), 0);
}

/// So many batches of a thousand objects that the source lacks.
fn surplus(batches: usize) -> World {
    let item = Item {
        size: 1,
        time: noon(0),
    };
    let names = (0..batches * 1_000).map(|n| format!("{n:06}"));
    World {
        direction: Direction::Backup,
        compare: Compare::Times,
        deletions: Deletions::On,
        source: BTreeMap::new(),
        target: names.map(|name| (name, item)).collect(),
    }
}

#[test]
fn several_batches_of_deletions_are_in_flight_at_a_time() {
    let world = surplus(12);
    let (source, target) = world.stores();
    let paced = Paced::new(7, &source, &target);
    let plan = paced.plan(&world);
    let report = paced.run(&plan, &ExecuteOptions::default(), pending());
    assert_eq!(report.deleted.entries, 12_000);
    assert!(report.is_complete());
    let most = paced.target.most_deleting();
    assert!((2..=8).contains(&most), "{most}");
}

#[test]
fn after_an_error_that_stops_the_run_no_batch_is_begun() {
    let world = surplus(30);
    let (source, target) = world.stores();
    let paced = Paced::new(7, &source, &target);
    let plan = paced.plan(&world);
    // The first batch goes alone, the others side by side.
    for (batch, most) in [(0, 0), (1, 16_000)] {
        let paced = Paced::new(7, &source, &target);
        let names: Vec<String> = (0..1_000)
            .map(|n| format!("{:06}", batch * 1_000 + n))
            .collect();
        let call = format!("target delete {}", names.join(" "));
        paced.target.fail(&call, ErrorKind::Outage);
        let report = paced.run(&plan, &ExecuteOptions::default(), pending());
        assert_eq!(report.deletions_withheld, Some(DeletionsSkipped::Stopped));
        assert_eq!(report.failed, 1_000);
        // Those that were in flight, and those that have come into their places.
        let deleted = report.deleted.entries;
        assert!(deleted <= most, "{deleted}");
    }
    assert!(target.contents().len() >= 14_000);
}
