//! Transfers over two stores in memory: parts, the budget, and what happens
//! when the stores change meanwhile.

use proptest::prelude::*;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind,
    execute::{DeletionsSkipped, ExecuteOptions},
    plan::{PlanOptions, Tally},
};

use crate::support::{Events, Scheduler, World, cases, noon, plan, probes, run, run_with};

/// `size` bytes that differ everywhere.
fn body(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n * 7 % 251) as u8).collect()
}

fn backup() -> PlanOptions {
    PlanOptions::new(Direction::Backup)
}

/// A tree of files of these sizes, and an empty bucket.
fn files_of(sizes: &[usize]) -> (MemoryStore, MemoryStore) {
    let (files, bucket) = (MemoryStore::files(), MemoryStore::objects());
    bucket.set_clock(World::clock());
    for (n, size) in sizes.iter().enumerate() {
        files.insert(&format!("{n:03}"), body(*size), noon(0));
    }
    (files, bucket)
}

#[test]
fn what_fits_into_a_part_is_put_and_the_rest_is_written_in_parts() {
    let (files, bucket) = files_of(&[0, 7, 8, 9, 24, 25]);
    let (source, target) = probes(&files, &bucket);
    let options = with!(ExecuteOptions::default(), part_size: 8);
    let events = Events::default();
    let plan = plan(&source, &target, &backup());
    let report = run_with(&plan, &source, &target, &options, &events);
    assert!(report.is_complete());
    assert_eq!(bucket.contents(), files.contents());
    assert_eq!(
        report.created,
        Tally {
            entries: 6,
            bytes: 73
        }
    );
    assert_eq!(events.bytes(), 73);
    let count = |call: &str| target.log().iter().filter(|logged| *logged == call).count();
    let puts = ["000", "001", "002"].map(|name| count(&format!("target put {name}")));
    assert_eq!(puts, [1, 1, 1]);
    let parts = ["003", "004", "005"].map(|name| count(&format!("target part {name}")));
    assert_eq!(parts, [2, 3, 4]);
}

#[test]
fn small_entries_are_copied_side_by_side() {
    let (files, bucket) = files_of(&[1; 20]);
    assert_eq!(most_parts(&files, &bucket, 8), 4);
}

#[test]
fn the_parts_of_one_entry_are_copied_side_by_side() {
    let (files, bucket) = files_of(&[20]);
    assert_eq!(most_parts(&files, &bucket, 1), 4);
}

/// The most parts under way with a concurrency of 4.
fn most_parts(files: &MemoryStore, bucket: &MemoryStore, part_size: u64) -> u64 {
    let options = with!(ExecuteOptions::default(), concurrency: 4, part_size);
    most_parts_with(files, bucket, &options)
}

fn most_parts_with(files: &MemoryStore, bucket: &MemoryStore, options: &ExecuteOptions) -> u64 {
    let scheduler = Scheduler::new(7);
    let (source, target) = probes(files, bucket);
    let (source, target) = (source.paced(&scheduler), target.paced(&scheduler));
    let plan = plan_of(files, bucket);
    let stop = std::future::pending();
    let run = sync_core::execute(&plan, &source, &target, options, &(), stop);
    assert!(scheduler.run(run).unwrap().is_complete());
    assert_eq!(bucket.contents(), files.contents());
    target.most_held().parts
}

fn plan_of(files: &MemoryStore, bucket: &MemoryStore) -> sync_core::plan::Plan {
    plan(files, bucket, &backup())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_more_is_held_than_the_budget_allows(
        sizes in prop::collection::vec(0..40_usize, 0..12),
        (part_size, memory, concurrency) in (1..12_u64, 0..40_u64, 1..8_usize),
        seed in any::<u64>(),
    ) {
        let (files, bucket) = files_of(&sizes);
        let scheduler = Scheduler::new(seed);
        let (source, target) = probes(&files, &bucket);
        let (source, target) = (source.paced(&scheduler), target.paced(&scheduler));
        let options = with!(ExecuteOptions::default(), concurrency, memory, part_size);
        let plan = plan_of(&files, &bucket);
        let stop = std::future::pending();
        let run = sync_core::execute(&plan, &source, &target, &options, &(), stop);
        prop_assert!(scheduler.run(run).unwrap().is_complete());
        prop_assert_eq!(bucket.contents(), files.contents());
        let most = target.most_held();
        prop_assert!(most.parts <= concurrency as u64, "{:?}", most);
        // One part may exceed the budget, alone.
        prop_assert!(most.bytes <= memory.max(part_size), "{:?}", most);
    }
}

#[test]
fn a_budget_of_no_bytes_moves_one_part_at_a_time() {
    let (files, bucket) = files_of(&[3, 3, 11]);
    let options = with!(ExecuteOptions::default(), concurrency: 4, memory: 0, part_size: 2);
    assert_eq!(most_parts_with(&files, &bucket, &options), 1);
}

#[test]
fn a_restored_file_has_the_time_of_its_object_to_the_nanosecond() {
    let (bucket, files) = (MemoryStore::objects(), MemoryStore::files());
    let time = "1969-12-31T23:59:59.123456789Z".parse().unwrap();
    bucket.insert("small", "1", time);
    bucket.insert("large", body(100), time);
    let plan = plan(&bucket, &files, &PlanOptions::new(Direction::Restore));
    let options = with!(ExecuteOptions::default(), part_size: 8);
    run_with(&plan, &bucket, &files, &options, &());
    let times = files.snapshot().into_values().map(|file| file.modified);
    assert_eq!(times.collect::<Vec<_>>(), [time, time]);
}

#[test]
fn what_was_edited_after_the_plan_goes_up_in_its_new_version() {
    for size in [3, 30] {
        let (files, bucket) = files_of(&[size]);
        let plan = plan_of(&files, &bucket);
        files.insert("000", body(size + 1), noon(3));
        let options = with!(ExecuteOptions::default(), part_size: 8);
        assert!(run_with(&plan, &files, &bucket, &options, &()).is_complete());
        assert_eq!(bucket.contents(), files.contents());
    }
}

#[test]
fn what_vanished_after_the_plan_is_named_and_nothing_is_deleted() {
    let (files, bucket) = files_of(&[1, 1]);
    bucket.insert("old", "1", noon(0));
    let plan = plan_of(&files, &bucket);
    files.remove("000");
    let events = Events::default();
    let report = run_with(&plan, &files, &bucket, &ExecuteOptions::default(), &events);
    assert_eq!(
        report.deletions_withheld,
        Some(DeletionsSkipped::TransferFailed)
    );
    assert!(events.told().contains(&"failed 000: NotFound".to_owned()));
    assert_eq!(
        bucket.contents().into_keys().collect::<Vec<_>>(),
        ["001", "old"]
    );
}

#[test]
fn what_someone_else_wrote_after_the_plan_is_not_overwritten() {
    for old in [None, Some("an old version")] {
        let (files, bucket) = files_of(&[1]);
        if let Some(old) = old {
            bucket.insert("000", old, noon(-1));
        }
        let plan = plan_of(&files, &bucket);
        bucket.insert("000", "theirs", noon(0));
        let events = Events::default();
        run_with(&plan, &files, &bucket, &ExecuteOptions::default(), &events);
        assert_eq!(events.told(), ["failed 000: Changed"]);
        assert_eq!(bucket.contents()["000"], "theirs");
    }
}

#[test]
fn what_someone_else_wrote_after_the_plan_is_not_deleted() {
    let (files, bucket) = files_of(&[]);
    bucket.insert("changed", "1", noon(0));
    bucket.insert("gone", "1", noon(0));
    bucket.insert("old", "1", noon(0));
    let plan = plan_of(&files, &bucket);
    bucket.insert("changed", "2", noon(0));
    bucket.remove("gone");
    let report = run(&plan, &files, &bucket);
    assert_eq!((report.failed, report.deleted.entries), (1, 2));
    assert_eq!(
        bucket.contents().into_keys().collect::<Vec<_>>(),
        ["changed"]
    );
}

#[test]
fn a_failed_part_leaves_the_old_version() {
    let (files, bucket) = files_of(&[30]);
    bucket.insert("000", "old", noon(-1));
    let (source, target) = probes(&files, &bucket);
    target.fail("target part 000", ErrorKind::Unavailable);
    let options = with!(ExecuteOptions::default(), part_size: 8);
    let plan = plan(&source, &target, &backup());
    let report = run_with(&plan, &source, &target, &options, &());
    assert_eq!(report.failed, 1);
    assert_eq!(bucket.contents()["000"], "old");
    assert!(target.log().contains(&"target abort 000".to_owned()));
}
