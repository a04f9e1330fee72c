//! A plan that is executed again, wholly or partly carried out before: what the
//! target has as the plan wants it counts as done, and all else is named.

use std::future::pending;

use proptest::prelude::*;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind,
    entry::{Link, Revision},
    execute,
    execute::{EarlierAttempt, ExecuteOptions, OnSourceChange, Report},
    plan::{Plan, PlanOptions},
    rule::Compare,
    spool::{MemorySpools, Spools},
};

use crate::support::{
    Events, Probe, Scheduler, World, backups_to_directories, cases, chunks, contents, entry, error,
    mock, noon, one_by_one, plan, probes, run_with, saved, version, worlds,
};

pub(crate) fn as_planned() -> ExecuteOptions {
    with!(one_by_one(), on_source_change: OnSourceChange::Refuse)
}

/// A world with its stores, whose bucket may be that of a server which keeps objects as
/// files.
pub(crate) fn stores(world: &World, in_directories: bool) -> (MemoryStore, MemoryStore) {
    let (source, target) = world.stores();
    if !in_directories {
        return (source, target);
    }
    let directories = MemoryStore::objects_in_directories();
    directories.set_clock(World::clock());
    for (name, object) in target.snapshot() {
        directories.insert(&name, object.body, object.modified);
    }
    (source, directories)
}

pub(crate) fn any_world() -> impl Strategy<Value = (World, bool)> {
    prop_oneof![
        2 => worlds().prop_map(|world| (world, false)),
        1 => backups_to_directories().prop_map(|world| (world, true)),
    ]
}

/// Executes `plan` until so many steps are over, as if it was killed then.
fn killed(plan: &Plan, (source, target): (&Probe, &Probe), scheduler: &Scheduler, steps: usize) {
    let options = with!(as_planned(), concurrency: 4, part_size: 1);
    let run = execute(plan, source, target, &options, &(), pending());
    drop(scheduler.run_for(run, steps));
}

pub(crate) fn copies(report: &Report) -> u64 {
    (report.created + report.overwritten + report.already_done).entries
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_plan_that_was_killed_at_any_moment_is_completed_by_the_next_execution(
        (world, in_directories) in any_world(),
        seed in any::<u64>(),
        kills in prop::collection::vec(0..120_usize, 1..4),
        concurrency in 1..6_usize,
        has_begun in any::<bool>(),
    ) {
        let (source, target) = stores(&world, in_directories);
        let planned = plan(&source, &target, &world.options());
        let clean = run_with(&planned, &source, &target, &as_planned(), &());
        prop_assume!(clean.failed == 0);

        let (other_source, other_target) = stores(&world, in_directories);
        let planned = plan(&other_source, &other_target, &world.options());
        let scheduler = Scheduler::new(seed);
        let (from, to) = probes(&other_source, &other_target);
        let (from, to) = (from.paced(&scheduler), to.paced(&scheduler));
        for steps in kills {
            killed(&planned, (&from, &to), &scheduler, steps);
        }
        let earlier_attempt =
            if has_begun { EarlierAttempt::Began } else { EarlierAttempt::Unknown };
        let options = with!(as_planned(), concurrency, part_size: 1, earlier_attempt);
        let events = Events::default();
        let report = run_with(&planned, &other_source, &other_target, &options, &events);

        prop_assert_eq!(report.failed, 0, "{:?}", events.told());
        prop_assert_eq!(report.deletions_withheld, clean.deletions_withheld);
        prop_assert_eq!(copies(&report), copies(&clean));
        prop_assert_eq!(contents(&other_target), contents(&target));
    }

    #[test]
    fn a_plan_that_was_carried_out_is_found_done_and_changes_nothing(
        (world, in_directories) in any_world(),
        concurrency in 1..6_usize,
        has_begun in any::<bool>(),
    ) {
        let (source, target) = stores(&world, in_directories);
        let planned = plan(&source, &target, &world.options());
        let first = run_with(&planned, &source, &target, &as_planned(), &());
        prop_assume!(first.failed == 0);
        let before = target.snapshot();
        let (source, probe) = probes(&source, &target);
        let earlier_attempt =
            if has_begun { EarlierAttempt::Began } else { EarlierAttempt::Unknown };
        let options = with!(as_planned(), concurrency, earlier_attempt);

        let second = run_with(&planned, &source, &probe, &options, &());

        prop_assert_eq!(second.failed, 0);
        prop_assert_eq!(second.already_done, first.created + first.overwritten);
        prop_assert_eq!(copies(&second), second.already_done.entries);
        prop_assert_eq!(second.deletions_withheld, first.deletions_withheld);
        prop_assert_eq!(target.snapshot(), before);
        // A look tells beforehand, so nothing is sent in vain.
        let sent = probe.log().iter().filter(|call| is_write(call)).count();
        let in_vain = if has_begun || world.direction == Direction::Restore { 0 } else { concurrency };
        prop_assert!(sent <= in_vain, "{:?}", probe.log());
    }
}

fn is_write(call: &str) -> bool {
    ["target put", "target write"]
        .iter()
        .any(|write| call.starts_with(write))
}

/// A source and a target of `names`, which differ in all of them.
fn new_files(names: impl Iterator<Item = usize>) -> (MemoryStore, MemoryStore, Plan) {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    target.set_clock(noon(60));
    for number in names {
        source.insert(&format!("{number:03}"), "1", noon(0));
    }
    let plan = plan(&source, &target, &PlanOptions::new(Direction::Backup));
    (source, target, plan)
}

#[test]
fn after_the_first_refusal_looks_come_first_until_they_find_nothing() {
    let (source, target, plan) = new_files(0..200);
    for number in 0..20 {
        target.insert(&format!("{number:03}"), "1", noon(60));
    }
    let (from, to) = probes(&source, &target);
    let report = run_with(&plan, &from, &to, &as_planned(), &());
    assert!(report.is_complete());
    assert_eq!(report.already_done.entries, 20);
    assert_eq!(report.created.entries, 180);
    let log = to.log();
    let count = |call: &str| log.iter().filter(|line| line.starts_with(call)).count();
    assert_eq!(count("target put"), 181, "one of them in vain");
    assert_eq!(count("target stat"), 20 + 64);
}

/// Of one version each, under the name `a`: what the plan wants, what it saw in the target,
/// and what is there when it is executed.
fn applied_to(
    direction: Direction,
    compare: Compare,
    [wanted, seen, found]: [(&str, i64); 3],
) -> (Report, Vec<String>) {
    let (files, objects) = (MemoryStore::files(), MemoryStore::objects());
    let (source, target) = match direction {
        Direction::Backup => (files, objects),
        Direction::Restore => (objects, files),
    };
    let insert = |store: &MemoryStore, (text, time): (&str, i64)| {
        store.insert("a", text.to_owned(), noon(time));
    };
    insert(&source, wanted);
    insert(&target, seen);
    let plan = plan(
        &source,
        &target,
        &with!(PlanOptions::new(direction), compare),
    );
    assert_eq!(plan.counts().overwritten().entries, 1);
    insert(&target, found);
    let before = target.snapshot();
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &as_planned(), &events);
    assert_eq!(target.snapshot(), before, "it is left alone");
    (report, events.told())
}

#[test]
fn only_what_is_as_the_plan_wants_counts_as_done() {
    use Compare::{Checksum, Times};
    use Direction::{Backup, Restore};
    let (small, equal, other) = ("1", "22", "33");
    for (direction, compare, found, is_done) in [
        (Backup, Times, (equal, 60), true),
        (Backup, Times, (small, 60), false),
        (Backup, Times, (equal, -60), false),
        (Backup, Checksum, (equal, 60), true),
        (Backup, Checksum, (other, 60), false),
        (Restore, Times, (equal, 0), true),
        (Restore, Times, (small, 0), false),
        // The rule would keep it, but no execution has written it.
        (Restore, Times, (equal, -60), false),
        (Restore, Times, (equal, 60), false),
        (Restore, Checksum, (equal, 0), true),
        (Restore, Checksum, (other, 0), false),
    ] {
        let (report, told) = applied_to(direction, compare, [(equal, 0), (small, -3600), found]);
        let expected = if is_done {
            "found a"
        } else {
            "failed a: Changed"
        };
        assert_eq!(told, [expected], "{direction:?} {compare:?} {found:?}");
        assert_eq!(report.already_done.entries, u64::from(is_done));
        assert_eq!(report.is_complete(), is_done);
    }
}

/// It was written between the reading of an execution that was killed and the date of its
/// object: no later run would find it changed.
#[test]
fn a_file_that_was_written_since_is_named_though_its_object_looks_as_planned() {
    for earlier_attempt in [EarlierAttempt::Unknown, EarlierAttempt::Began] {
        let (source, target, plan) = new_files(0..1);
        let options = with!(as_planned(), earlier_attempt);
        assert!(run_with(&plan, &source, &target, &options, &()).is_complete());
        source.insert("000", "2", noon(59));
        let events = Events::default();
        let report = run_with(&plan, &source, &target, &options, &events);
        assert_eq!(events.told(), ["failed 000: Changed"]);
        assert_eq!(report.already_done.entries, 0);
    }
}

/// Whether the target has what is planned is not known then: another attempt may find it done.
#[test]
fn a_refusal_that_cannot_be_looked_into_is_not_taken_for_a_change() {
    for (looked, told) in [
        (ErrorKind::Timeout, "failed a: Timeout"),
        (ErrorKind::Denied, "failed a: Changed"),
    ] {
        let mut source = mock(&[entry("a", 1)]);
        source.expect_read().returning(|_, _| chunks("1"));
        source.expect_stat().returning(|_| Ok(Some(entry("a", 1))));
        let mut target = mock(&[]);
        target
            .expect_put()
            .times(1)
            .returning(|_, _, _, _| error(ErrorKind::Changed));
        target.expect_stat().returning(move |_| error(looked));
        let plan = plan(&source, &target, &PlanOptions::new(Direction::Backup));
        let events = Events::default();
        run_with(&plan, &source, &target, &as_planned(), &events);
        assert_eq!(events.told(), [told]);
    }
}

#[test]
fn a_plan_that_was_made_just_now_takes_nothing_for_done() {
    let (source, target, plan) = new_files(0..1);
    target.insert("000", "1", noon(60));
    let events = Events::default();
    run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["failed 000: Changed"]);
}

/// Whatever the rule would make of it: the plan says that it is to be replaced.
#[test]
fn what_the_plan_replaces_is_not_what_it_wants() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    target.set_clock(noon(60));
    source.insert("a", "2", noon(0));
    target.insert("a", "1", noon(30));
    let options = with!(PlanOptions::new(Direction::Backup), compare: Compare::Checksum);
    let by_content = saved(&plan(&source, &target, &options));
    let by_times = by_content.replace(r#""compare":"checksum""#, r#""compare":"times""#);
    assert_ne!(by_times, by_content);
    let spool = MemorySpools.create().unwrap();
    let plan = Plan::read_from(by_times.as_bytes(), spool).unwrap();
    let options = with!(as_planned(), earlier_attempt: EarlierAttempt::Began);
    let report = run_with(&plan, &source, &target, &options, &());
    assert_eq!(report.overwritten.entries, 1);
    assert_eq!(target.contents(), source.contents());
}

#[test]
fn a_link_to_a_copy_is_not_what_a_plan_wants() {
    let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
    let plan = plan(&source, &target, &PlanOptions::new(Direction::Restore));
    let link = Link {
        mark: Revision::new("1"),
        through: Vec::new(),
    };
    target
        .expect_stat()
        .returning(move |_| Ok(Some(version(1).with_link(link.clone()))));
    source.expect_read().times(1).returning(|_, _| chunks("1"));
    let refused = |_: &_, _, _, _: &_| error(ErrorKind::Changed);
    target.expect_put().times(1).returning(refused);
    let events = Events::default();
    run_with(&plan, &source, &target, &as_planned(), &events);
    assert_eq!(events.told(), ["failed a: Changed"]);
}

/// The first of those that a file was in the way of is there, so it is no longer.
#[test]
fn what_has_given_way_before_blocks_nothing_any_more() {
    let (source, target) = (MemoryStore::objects(), MemoryStore::files());
    for name in ["a/b", "a/c", "a/d"] {
        source.insert(name, "1", noon(0));
    }
    target.insert("a", "2", noon(0));
    let plan = plan(&source, &target, &PlanOptions::new(Direction::Restore));
    assert!(run_with(&plan, &source, &target, &as_planned(), &()).is_complete());
    target.remove("a/d");
    let report = run_with(&plan, &source, &target, &as_planned(), &());
    assert!(report.is_complete());
    assert_eq!(
        (report.already_done.entries, report.created.entries),
        (2, 1)
    );
    assert_eq!(target.contents(), source.contents());
}
