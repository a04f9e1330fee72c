//! Which calls bring a content over, and which compare two.

use std::ops::Range;

use mockall::predicate::{always, eq};
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Entry, ErrorKind, Expected, NewEntry,
    checksum::Crc64,
    entry::SkipCause,
    execute::{DeletionsSkipped, ExecuteOptions},
    plan::PlanOptions,
    rule::Compare,
    store::{MockStore, MockWriter},
};

use crate::support::{
    Events, chunks, entry, error, key, mock, noon, one_by_one, plan, run_with, take,
};

fn backup() -> PlanOptions {
    PlanOptions::new(Direction::Backup)
}

/// A backup of one entry of 20 bytes, written by `writer`.
fn in_parts(source: &MockStore, writer: fn() -> MockWriter) -> Vec<String> {
    in_parts_tried(1, source, writer)
}

fn in_parts_tried(times: usize, source: &MockStore, writer: fn() -> MockWriter) -> Vec<String> {
    let mut target = mock(&[]);
    target
        .expect_write()
        .times(times)
        .withf(|_, part_size, expected| *part_size == 8 && *expected == Expected::Absent)
        .returning(move |_, _, _| Ok(Box::new(writer())));
    let plan = plan(source, &target, &backup());
    let events = Events::default();
    run_with(&plan, source, &target, &one_by_one(), &events);
    events.told()
}

fn source_of_twenty_bytes(checksum: Option<Crc64>) -> MockStore {
    let mut source = mock(&[entry("a", 20)]);
    source
        .expect_read()
        .returning(move |_, range| chunks(bytes(range)));
    source.expect_stat().returning(|_| Ok(Some(entry("a", 20))));
    source
        .expect_digest()
        .with(eq(entry("a", 20)))
        .returning(move |_| Ok(checksum.map(Into::into)));
    source
}

/// The bytes of the twenty that are in `range`.
fn bytes(range: Range<u64>) -> Vec<u8> {
    range.map(|n| n as u8).collect()
}

fn sum_of_twenty_bytes() -> Crc64 {
    Crc64::of(&bytes(0..20))
}

#[test]
fn a_large_entry_is_written_in_parts_and_committed_with_the_sum_of_all() {
    let source = source_of_twenty_bytes(Some(sum_of_twenty_bytes()));
    let told = in_parts(&source, || {
        let mut writer = MockWriter::new();
        for (offset, len) in [(0, 8), (8, 8), (16, 4)] {
            writer
                .expect_part()
                .times(1)
                .with(eq(offset), always())
                .returning(move |_, body| {
                    let sum = take(body).unwrap();
                    assert_eq!(sum, Crc64::of(&bytes(offset..offset + len)));
                    Ok(sum)
                });
        }
        let whole = eq(sum_of_twenty_bytes());
        writer
            .expect_commit()
            .times(1)
            .with(whole)
            .returning(|_| Ok(()));
        writer
    });
    assert_eq!(told, ["copied a"]);
}

#[test]
fn a_sum_that_the_source_does_not_confirm_is_not_committed() {
    let source = source_of_twenty_bytes(Some(Crc64::of(b"something else")));
    let told = in_parts_tried(2, &source, || {
        let mut writer = MockWriter::new();
        writer
            .expect_part()
            .times(3)
            .returning(|_, body| take(body));
        writer.expect_abort().times(1).return_const(());
        writer
    });
    assert_eq!(told, ["failed a: Corrupt"]);
}

#[test]
fn what_arrives_damaged_is_read_once_more() {
    let source = MemoryStore::objects();
    let body: Vec<u8> = (0..20).collect();
    source.insert("a", body.clone(), noon(0));
    source.damage_next_read();
    let target = MemoryStore::files();
    let options = PlanOptions::new(Direction::Restore);
    let plan = plan(&source, &target, &options);
    let events = Events::default();
    run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["copied a"]);
    assert_eq!(target.contents()["a"], body);
}

#[test]
fn what_changed_while_it_was_read_is_given_up_and_copied_once_more() {
    let now = Entry::new(key("a"), 20, noon(1));
    let (mut source, mut target) = (mock(&[entry("a", 20)]), mock(&[]));
    source
        .expect_read()
        .times(6)
        .returning(|_, range| chunks(bytes(range)));
    // After the parts of each version.
    source
        .expect_digest()
        .times(1)
        .with(eq(entry("a", 20)))
        .returning(|_| error(ErrorKind::Changed));
    source
        .expect_digest()
        .times(1)
        .with(eq(now.clone()))
        .returning(|_| Ok(None));
    let stat = now.clone();
    source
        .expect_stat()
        // Before the new version, and after its copy.
        .times(2)
        .returning(move |_| Ok(Some(stat.clone())));
    target
        .expect_write()
        .times(2)
        .returning(move |entry, _, _| {
            let mut writer = MockWriter::new();
            writer
                .expect_part()
                .times(3)
                .returning(|_, body| take(body));
            if *entry == NewEntry::from(&now) {
                writer.expect_commit().times(1).returning(|_| Ok(()));
            } else {
                writer.expect_abort().times(1).return_const(());
            }
            Ok(Box::new(writer))
        });
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["copied a"]);
}

#[test]
fn a_part_that_fails_gives_the_write_up() {
    let told = in_parts(&source_of_twenty_bytes(None), || {
        let mut writer = MockWriter::new();
        writer
            .expect_part()
            .times(1)
            .returning(|_, _| error(ErrorKind::Timeout));
        writer.expect_abort().times(1).return_const(());
        writer
    });
    assert_eq!(told, ["failed a: Timeout"]);
}

#[test]
fn content_that_comes_short_is_never_written() {
    let (mut source, target) = (mock(&[entry("a", 5)]), mock(&[]));
    source
        .expect_read()
        .times(2)
        .returning(|_, _| chunks("1234"));
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    run_with(&plan, &source, &target, &ExecuteOptions::default(), &events);
    assert_eq!(events.told(), ["failed a: Corrupt"]);
}

/// Its length is known when the writer has taken it.
#[test]
fn a_part_that_comes_short_or_long_is_not_committed() {
    for len in [7, 9] {
        let (mut source, mut target) = (mock(&[entry("a", 20)]), mock(&[]));
        source
            .expect_read()
            .times(2)
            .returning(move |_, range| chunks(bytes(range.start..range.start + len)));
        target.expect_write().times(2).returning(|_, _, _| {
            let mut writer = MockWriter::new();
            writer
                .expect_part()
                .times(1)
                .returning(|_, body| take(body));
            writer.expect_abort().times(1).return_const(());
            Ok(Box::new(writer))
        });
        let plan = plan(&source, &target, &backup());
        let events = Events::default();
        run_with(&plan, &source, &target, &one_by_one(), &events);
        assert_eq!(events.told(), ["failed a: Corrupt"], "{len} bytes");
    }
}

#[test]
fn checksums_that_both_stores_keep_are_compared_without_reading() {
    for (theirs, changed) in [("same", 0), ("else", 1)] {
        let (mut source, mut target) = (mock(&[entry("a", 4)]), mock(&[entry("a", 4)]));
        for (store, body) in [(&mut source, "same"), (&mut target, theirs)] {
            let sum = Crc64::of(body.as_bytes());
            store
                .expect_digest()
                .times(1)
                .with(eq(entry("a", 4)))
                .returning(move |_| Ok(Some(sum.into())));
        }
        let options = with!(backup(), compare: Compare::Checksum);
        let plan = plan(&source, &target, &options);
        assert_eq!(plan.counts().overwritten().entries, changed);
    }
}

#[test]
fn contents_are_compared_though_no_concurrency_is_given() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    source.insert("a", "1", noon(0));
    target.insert("a", "2", noon(0));
    let options = with!(backup(), compare: Compare::Checksum, concurrency: 0);
    let plan = plan(&source, &target, &options);
    assert_eq!(plan.counts().overwritten().entries, 1);
}

#[test]
fn a_content_that_cannot_be_read_is_named_and_deletes_nothing() {
    let source = MemoryStore::files();
    let target = MemoryStore::objects();
    for name in ["a", "b"] {
        source.insert(name, "1", noon(0));
        target.insert(name, "2", noon(0));
    }
    target.insert("c", "3", noon(0));
    source.fail_reading("a");
    let options = with!(backup(), compare: Compare::Checksum);
    let plan = plan(&source, &target, &options);
    let events = Events::default();
    run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["copied b"]);
    let skipped = &plan.counts().skipped_in_source;
    assert_eq!(skipped.get(&SkipCause::Unreadable), Some(&1));
    assert!(plan.counts().incomplete());
}

/// As an object of which the key of its encryption is lost, in a backup.
#[test]
fn a_target_that_cannot_be_compared_is_named_and_not_its_source() {
    let (source, target) = (MemoryStore::objects(), MemoryStore::files());
    for name in ["a", "b"] {
        source.insert(name, "1", noon(0));
        target.insert(name, "2", noon(0));
    }
    target.insert("c", "3", noon(0));
    target.fail_reading("a");
    let options = with!(PlanOptions::new(Direction::Restore), compare: Compare::Checksum);
    let plan = plan(&source, &target, &options);
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["copied b"]);
    let counts = plan.counts();
    assert!(counts.skipped_in_source.is_empty() && !counts.source_incomplete());
    let skipped = &counts.skipped_in_target;
    assert_eq!(skipped.get(&SkipCause::Uncompared), Some(&1));
    assert!(counts.incomplete());
    let withheld = report.deletions_withheld;
    assert_eq!(withheld, Some(DeletionsSkipped::Uncompared));
}

#[test]
fn a_copy_that_is_tried_again_clears_its_way_only_once() {
    let (mut source, mut target) = (mock(&[entry("a/b", 1)]), mock(&[entry("a", 1)]));
    source.expect_read().times(2).returning(|_, _| chunks("1"));
    source
        .expect_digest()
        .with(eq(entry("a/b", 1)))
        .returning(|_| Ok(None));
    target.expect_delete().times(1).returning(|_| vec![Ok(())]);
    for outcome in [Some(ErrorKind::Corrupt), None] {
        target.expect_write().times(1).returning(move |_, _, _| {
            let mut writer = MockWriter::new();
            writer
                .expect_part()
                .times(1)
                .returning(|_, body| take(body));
            writer
                .expect_commit()
                .times(1)
                .returning(move |_| outcome.map_or(Ok(()), error));
            Ok(Box::new(writer))
        });
    }
    let plan = plan(&source, &target, &PlanOptions::new(Direction::Restore));
    let events = Events::default();
    run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["deleted a", "copied a/b"]);
}
