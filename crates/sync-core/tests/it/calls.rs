//! Which calls a plan and a run make, and above all which they don't.
//! A mock panics at every call that is not expected.

use futures::stream::{self, StreamExt};
use mockall::predicate::eq;
use sync_core::{
    Direction, Entry, ErrorKind, Expected, NewEntry,
    checksum::Crc64,
    entry::{Revision, SkipCause},
    execute::DeletionsSkipped,
    plan::PlanOptions,
    store::{KeyProblem, Listing, MockStore, MockWriter},
};

use crate::support::{
    Events, chunks, entry, error, key, mock, noon, one_by_one, plan, run, run_with, take,
};

fn backup() -> PlanOptions {
    PlanOptions::new(Direction::Backup)
}

#[test]
fn when_nothing_changed_both_stores_are_listed_and_no_more() {
    for direction in [Direction::Backup, Direction::Restore] {
        let entries = [entry("a", 1), entry("b/c", 2)];
        let (source, target) = (mock(&entries), mock(&entries));
        let plan = plan(&source, &target, &PlanOptions::new(direction));
        let report = run(&plan, &source, &target);
        assert!(report.is_complete());
        assert_eq!(plan.counts().kept().entries, 2);
    }
}

#[test]
fn a_mock_run_calls_nothing_but_the_listings() {
    let source = mock(&[entry("changed", 1), entry("new", 1)]);
    let target = mock(&[entry("changed", 2), entry("old", 1)]);
    let plan = plan(&source, &target, &backup());
    let counts = plan.counts();
    assert_eq!(counts.created().entries, 1);
    assert_eq!(counts.overwritten().entries, 1);
    assert_eq!(counts.deleted().entries, 1);
}

#[test]
fn a_failing_put_is_counted_and_named_and_nothing_is_deleted() {
    let mut source = mock(&[entry("a", 1), entry("b", 1)]);
    let mut target = mock(&[entry("old", 1)]);
    source.expect_read().times(2).returning(|_, _| chunks("1"));
    source
        .expect_stat()
        .times(1)
        .with(eq(key("b")))
        .returning(|_| Ok(Some(entry("b", 1))));
    target
        .expect_put()
        .times(2)
        .returning(|entry, _, _, _| match entry.key.as_str() {
            "a" => error(ErrorKind::Denied),
            _ => Ok(()),
        });
    target.expect_delete().never();
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["failed a: Denied", "copied b"]);
    assert_eq!((report.failed, report.created.entries), (1, 1));
    assert_eq!(
        report.deletions_withheld,
        Some(DeletionsSkipped::TransferFailed)
    );
    assert!(!report.is_complete() && !report.stopped);
}

#[test]
fn a_source_that_changed_is_looked_at_and_copied_once_more() {
    let now = Entry::new(key("a"), 2, noon(5)).with_revision(Revision::new("2"));
    let mut source = mock(&[entry("a", 1)]);
    let mut target = mock(&[]);
    source
        .expect_read()
        .times(2)
        .returning(|entry, _| match entry.size {
            1 => error(ErrorKind::Changed),
            _ => chunks("22"),
        });
    let stat = now.clone();
    source
        .expect_stat()
        // Before the second copy, and after it.
        .times(2)
        .with(eq(key("a")))
        .returning(move |_| Ok(Some(stat.clone())));
    target
        .expect_put()
        .times(1)
        .withf(move |entry, body, checksum, expected| {
            *entry == NewEntry::from(&now)
                && *checksum == Crc64::of(body)
                && *expected == Expected::Absent
        })
        .returning(|_, _, _, _| Ok(()));
    let plan = plan(&source, &target, &backup());
    assert!(run(&plan, &source, &target).is_complete());
}

#[test]
fn a_source_that_keeps_changing_fails_after_the_second_time() {
    let mut source = mock(&[entry("a", 1)]);
    let target = mock(&[]);
    source
        .expect_read()
        .times(2)
        .returning(|_, _| error(ErrorKind::Changed));
    // The second time only to see whether it has grown.
    source
        .expect_stat()
        .times(2)
        .returning(|_| Ok(Some(entry("a", 2))));
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["failed a: Changed"]);
}

#[test]
fn a_source_that_changed_and_vanished_is_not_copied_again() {
    let mut source = mock(&[entry("a", 1)]);
    let target = mock(&[]);
    source
        .expect_read()
        .times(1)
        .returning(|_, _| error(ErrorKind::Changed));
    source.expect_stat().times(1).returning(|_| Ok(None));
    let plan = plan(&source, &target, &backup());
    assert_eq!(run(&plan, &source, &target).failed, 1);
}

#[test]
fn a_target_that_changed_is_left_alone() {
    let mut source = mock(&[entry("a", 1)]);
    let mut target = mock(&[]);
    source.expect_read().times(1).returning(|_, _| chunks("1"));
    source
        .expect_stat()
        .times(1)
        .returning(|_| Ok(Some(entry("a", 1))));
    target
        .expect_put()
        .times(1)
        .returning(|_, _, _, _| error(ErrorKind::Changed));
    let plan = plan(&source, &target, &backup());
    assert_eq!(run(&plan, &source, &target).failed, 1);
}

/// Copies a file in parts to a target that expects two writers. The first of them, as many as
/// `failures` says, meet what `fails` has them expect. Only the second failure is one of the run.
fn begins_again_once(fails: fn(&mut MockWriter)) {
    for failures in [1, 2] {
        let mut source = mock(&[entry("a", 9)]);
        source
            .expect_read()
            .returning(|_, range| chunks(vec![0; (range.end - range.start) as usize]));
        source.expect_digest().returning(|_| Ok(None));
        source.expect_stat().returning(|_| Ok(Some(entry("a", 9))));
        let mut target = mock(&[]);
        let mut writes = 0;
        target
            .expect_write()
            .times(2)
            .withf(|_, _, expected| *expected == Expected::Absent)
            .returning(move |_, _, _| {
                writes += 1;
                let mut writer = MockWriter::new();
                // What is expected first comes first.
                if writes <= failures {
                    fails(&mut writer);
                }
                writer.expect_part().returning(|_, body| take(body));
                writer.expect_abort().return_const(());
                writer.expect_commit().returning(|_| Ok(()));
                Ok(Box::new(writer))
            });
        let plan = plan(&source, &target, &backup());
        let events = Events::default();
        let report = run_with(&plan, &source, &target, &one_by_one(), &events);
        assert_eq!(report.failed, failures - 1, "{:?}", events.told());
        assert_eq!(report.created.entries, 2 - failures);
    }
}

/// By another attempt of this run, by a rule of the bucket or by an operator.
#[test]
fn an_upload_that_others_have_aborted_begins_again_once() {
    begins_again_once(|writer| {
        let part = writer.expect_part();
        part.returning(|_, _| error(ErrorKind::Aborted));
    });
}

/// A completion that met another request about its key: the whole upload has to be repeated.
#[test]
fn an_upload_that_meets_another_request_begins_again_once() {
    begins_again_once(|writer| {
        let commit = writer.expect_commit();
        commit.returning(|_| error(ErrorKind::Conflict));
    });
}

#[test]
fn a_write_expects_what_the_plan_saw() {
    let old = entry("b", 5).with_revision(Revision::new("etag"));
    let mut source = mock(&[entry("a", 1), entry("b", 1)]);
    let mut target = mock(std::slice::from_ref(&old));
    source.expect_read().returning(|_, _| chunks("1"));
    source
        .expect_stat()
        .times(2)
        .returning(|key| Ok(Some(entry(key.as_str(), 1))));
    for (name, seen) in [("a", Expected::Absent), ("b", Expected::Version(old))] {
        target
            .expect_put()
            .times(1)
            .withf(move |entry, _, _, expected| entry.key.as_str() == name && *expected == seen)
            .returning(|_, _, _, _| Ok(()));
    }
    let plan = plan(&source, &target, &backup());
    assert!(run(&plan, &source, &target).is_complete());
}

#[test]
fn a_failure_that_concerns_everything_stops_the_run() {
    for kind in [
        ErrorKind::Credentials,
        ErrorKind::NoSpace,
        ErrorKind::RootMissing,
    ] {
        let entries: Vec<Entry> = (0..9).map(|n| entry(&format!("{n}"), 1)).collect();
        let (mut source, mut target) = (mock(&entries), mock(&[entry("old", 1)]));
        source.expect_read().returning(|_, _| chunks("1"));
        target
            .expect_put()
            .times(1)
            .returning(move |_, _, _, _| error(kind));
        let plan = plan(&source, &target, &backup());
        let report = run_with(&plan, &source, &target, &one_by_one(), &());
        assert!(report.stopped, "{kind:?}");
        assert_eq!(report.deletions_withheld, Some(DeletionsSkipped::Stopped));
    }
}

#[test]
fn deletions_go_in_batches_of_a_thousand() {
    let entries: Vec<Entry> = (0..2500).map(|n| entry(&format!("{n:04}"), 1)).collect();
    let (mut source, mut target) = (mock(&[]), mock(&entries));
    source.expect_lacks().times(2500).returning(|_| Ok(true));
    for size in [1000, 1000, 500] {
        let is_next =
            move |batch: &[Entry]| batch.len() == size && batch.is_sorted_by_key(|e| &e.key);
        target
            .expect_delete()
            .times(1)
            .withf(is_next)
            .returning(|batch| batch.iter().map(|_| Ok(())).collect());
    }
    let plan = plan(&source, &target, &backup());
    assert_eq!(run(&plan, &source, &target).deleted.entries, 2500);
}

#[test]
fn a_failing_deletion_is_named_and_the_others_are_made() {
    let (mut source, mut target) = (mock(&[]), mock(&[entry("a", 1), entry("b", 1)]));
    source.expect_lacks().times(2).returning(|_| Ok(true));
    target
        .expect_delete()
        .times(1)
        .returning(|_| vec![error(ErrorKind::Denied), Ok(())]);
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["failed a: Denied", "deleted b"]);
    assert_eq!((report.failed, report.deleted.entries), (1, 1));
    assert!(!report.is_complete());
}

/// Which of the results belongs to which entry, nobody knows.
#[test]
fn a_batch_without_one_result_for_each_entry_has_failed_as_a_whole() {
    for results in [0, 1, 999, 1001] {
        let entries: Vec<Entry> = (0..1001).map(|n| entry(&format!("{n:04}"), 1)).collect();
        let (mut source, mut target) = (mock(&[]), mock(&entries));
        source.expect_lacks().times(1001).returning(|_| Ok(true));
        target
            .expect_delete()
            .times(1)
            .withf(|batch| batch.len() == 1000)
            .returning(move |_| (0..results).map(|_| Ok(())).collect());
        // The next batch is another matter.
        target
            .expect_delete()
            .times(1)
            .withf(|batch| batch.len() == 1)
            .returning(|_| vec![Ok(())]);
        let plan = plan(&source, &target, &backup());
        let events = Events::default();
        let report = run_with(&plan, &source, &target, &one_by_one(), &events);
        let failed = |n| format!("failed {n:04}: Other");
        let mut expected: Vec<String> = (0..1000).map(failed).collect();
        expected.push("deleted 1000".to_owned());
        assert_eq!(events.told(), expected, "{results} results");
        assert_eq!((report.failed, report.deleted.entries), (1000, 1));
        assert!(!report.is_complete());
    }
}

#[test]
fn what_is_in_the_way_is_not_known_to_be_gone_without_a_result_for_each() {
    for results in [0, 1, 3] {
        let mut source = mock(&[entry("a", 1)]);
        let mut target = mock(&[entry("a/b", 1), entry("a/c", 1)]);
        source.expect_read().times(1).returning(|_, _| chunks("1"));
        source.expect_digest().times(1).returning(|_| Ok(None));
        target
            .expect_delete()
            .times(1)
            .withf(|batch| batch.len() == 2)
            .returning(move |_| (0..results).map(|_| Ok(())).collect());
        // It is not committed.
        target.expect_write().times(1).returning(|_, _, _| {
            let mut writer = MockWriter::new();
            writer
                .expect_part()
                .times(1)
                .returning(|_, body| take(body));
            writer.expect_abort().times(1).return_const(());
            Ok(Box::new(writer))
        });
        let plan = plan(&source, &target, &PlanOptions::new(Direction::Restore));
        let events = Events::default();
        let report = run_with(&plan, &source, &target, &one_by_one(), &events);
        assert_eq!(events.told(), ["failed a: Other"], "{results} results");
        assert_eq!((report.failed, report.deleted.entries), (1, 0));
        assert_eq!(report.created.entries, 0);
    }
}

#[test]
fn what_the_walk_has_missed_is_not_deleted() {
    let (mut source, mut target) = (mock(&[]), mock(&[entry("a", 1), entry("b", 1)]));
    source
        .expect_lacks()
        .times(2)
        .returning(|key| Ok(key.as_str() != "a"));
    target
        .expect_delete()
        .times(1)
        .withf(|batch| batch.len() == 1 && batch[0].key.as_str() == "b")
        .returning(|_| vec![Ok(())]);
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["failed a: Changed", "deleted b"]);
    assert!(!report.is_complete());
}

#[test]
fn what_the_source_could_never_hold_is_not_deleted() {
    let target = mock(&[entry("a", 1), entry("b", 1)]);
    let mut source = MockStore::new();
    source
        .expect_list()
        .returning(|_| Listing::new(stream::iter([]).boxed()));
    source.expect_location().returning(|| "mock".to_owned());
    source.expect_accepts().returning(|key| match key.as_str() {
        "a" => Err(KeyProblem::Other("is too long".to_owned())),
        _ => Ok(()),
    });
    let plan = plan(&source, &target, &backup());
    assert_eq!(plan.counts().deleted().entries, 1);
    let skipped = &plan.counts().skipped_in_target;
    assert_eq!(skipped.get(&SkipCause::UnmappableKey), Some(&1));
    assert!(!plan.counts().incomplete());
}

#[test]
fn deletions_end_when_every_further_one_would_fail() {
    let entries: Vec<Entry> = (0..2500).map(|n| entry(&format!("{n:04}"), 1)).collect();
    let (mut source, mut target) = (mock(&[]), mock(&entries));
    source.expect_lacks().returning(|_| Ok(true));
    target.expect_delete().times(1).returning(|batch| {
        batch
            .iter()
            .map(|_| error(ErrorKind::Credentials))
            .collect()
    });
    let plan = plan(&source, &target, &backup());
    let report = run(&plan, &source, &target);
    assert_eq!(report.deletions_withheld, Some(DeletionsSkipped::Stopped));
    assert_eq!((report.failed, report.deleted.entries), (1000, 0));
}
