//! A file that is written after it was read and before its object is dated
//! looks older than the object from then on.

use bytes::Bytes;
use mockall::predicate::eq;
use sync_core::{
    Direction, Entry, ErrorKind, Expected, NewEntry,
    checksum::{Crc64, Digest},
    entry::Revision,
    plan::PlanOptions,
};

use crate::support::{
    Events, chunks, entry, error, key, mock, noon, one_by_one, plan, run, run_with, version,
};

fn backup() -> PlanOptions {
    PlanOptions::new(Direction::Backup)
}

fn content(entry: &Entry) -> Bytes {
    let number = entry.revision.as_ref().map_or("", Revision::as_str);
    Bytes::copy_from_slice(number.as_bytes())
}

/// The object `a` with the content of the `n`th version.
fn object(n: i64) -> Entry {
    Entry::new(key("a"), 1, noon(30)).with_revision(Revision::new(format!("etag {n}")))
}

/// The sum that a bucket keeps of that object.
fn sum(n: i64) -> Option<Digest> {
    Some(Crc64::of(&content(&version(n))).into())
}

#[test]
fn what_was_written_while_its_copy_was_on_its_way_is_copied_too() {
    let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
    source
        .expect_read()
        .times(2)
        .returning(|entry, _| chunks(content(entry)));
    source
        .expect_stat()
        .times(2)
        .returning(|_| Ok(Some(version(2))));
    target
        .expect_put()
        .times(1)
        .withf(|entry, _, _, expected| {
            *entry == NewEntry::from(&version(1)) && *expected == Expected::Absent
        })
        .returning(|_, _, _, _| Ok(()));
    target
        .expect_stat()
        .times(1)
        .returning(|_| Ok(Some(object(1))));
    target
        .expect_digest()
        .times(1)
        .with(eq(object(1)))
        .returning(|_| Ok(sum(1)));
    target
        .expect_put()
        .times(1)
        .withf(|entry, _, _, expected| {
            *entry == NewEntry::from(&version(2)) && *expected == Expected::Version(object(1))
        })
        .returning(|_, _, _, _| Ok(()));
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["copied a"]);
    assert!(report.is_complete());
}

#[test]
fn the_report_counts_the_bytes_that_were_copied_and_not_those_that_were_listed() {
    let now = Entry {
        size: 5,
        ..version(2)
    };
    let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
    for (entry, body) in [(version(1), "1"), (now.clone(), "later")] {
        let read = source
            .expect_read()
            .times(1)
            .withf(move |it, _| *it == entry);
        read.returning(move |_, _| chunks(body));
    }
    let stat = source.expect_stat().times(2);
    stat.returning(move |_| Ok(Some(now.clone())));
    target.expect_put().times(2).returning(|_, _, _, _| Ok(()));
    target.expect_stat().returning(|_| Ok(Some(object(1))));
    target.expect_digest().returning(|_| Ok(sum(1)));
    let plan = plan(&source, &target, &backup());
    let report = run(&plan, &source, &target);
    assert!(report.is_complete());
    assert_eq!((report.created.entries, report.created.bytes), (1, 5));
}

#[test]
fn a_file_that_is_written_again_and_again_is_copied_three_times_and_named() {
    let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
    source
        .expect_read()
        .times(3)
        .returning(|entry, _| chunks(content(entry)));
    let mut latest = 1;
    source.expect_stat().times(3).returning(move |_| {
        latest += 1;
        Ok(Some(version(latest)))
    });
    target.expect_put().times(3).returning(|_, _, _, _| Ok(()));
    let mut written = 0;
    target.expect_stat().times(2).returning(move |_| {
        written += 1;
        Ok(Some(object(written)))
    });
    for n in [1, 2] {
        target
            .expect_digest()
            .times(1)
            .with(eq(object(n)))
            .returning(move |_| Ok(sum(n)));
    }
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["copied a", "failed a: Changed"]);
    assert_eq!((report.created.entries, report.failed), (1, 1));
}

#[test]
fn what_somebody_else_has_written_meanwhile_is_left_alone() {
    // What is found, and whether it takes its sum to tell.
    for (found, is_asked) in [
        (None, false),
        (Some(object(7)), true),
        (Some(Entry::new(key("a"), 2, noon(30))), false),
    ] {
        let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
        source
            .expect_read()
            .times(1)
            .returning(|entry, _| chunks(content(entry)));
        source
            .expect_stat()
            .times(1)
            .returning(|_| Ok(Some(version(2))));
        target.expect_put().times(1).returning(|_, _, _, _| Ok(()));
        target
            .expect_stat()
            .times(1)
            .returning(move |_| Ok(found.clone()));
        target
            .expect_digest()
            .times(usize::from(is_asked))
            .with(eq(object(7)))
            .returning(|_| Ok(sum(7)));
        let plan = plan(&source, &target, &backup());
        let events = Events::default();
        run_with(&plan, &source, &target, &one_by_one(), &events);
        assert_eq!(events.told(), ["copied a", "failed a: Changed"]);
    }
}

#[test]
fn a_file_that_vanished_after_its_copy_is_for_the_next_run() {
    let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
    source
        .expect_read()
        .times(1)
        .returning(|entry, _| chunks(content(entry)));
    source.expect_stat().times(1).returning(|_| Ok(None));
    target.expect_put().times(1).returning(|_, _, _, _| Ok(()));
    let plan = plan(&source, &target, &backup());
    assert!(run(&plan, &source, &target).is_complete());
}

/// In a bucket it would be a request for each object.
#[test]
fn a_restore_looks_at_no_object_again() {
    let (mut source, mut target) = (mock(&[entry("a", 1)]), mock(&[]));
    source.expect_read().times(1).returning(|_, _| chunks("1"));
    source.expect_stat().never();
    target.expect_put().times(1).returning(|_, _, _, _| Ok(()));
    let plan = plan(&source, &target, &PlanOptions::new(Direction::Restore));
    assert!(run(&plan, &source, &target).is_complete());
}

#[test]
fn a_file_that_cannot_be_looked_at_again_is_named() {
    let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
    source
        .expect_read()
        .times(1)
        .returning(|entry, _| chunks(content(entry)));
    source
        .expect_stat()
        .times(1)
        .returning(|_| error(ErrorKind::Denied));
    target.expect_put().times(1).returning(|_, _, _, _| Ok(()));
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    run_with(&plan, &source, &target, &one_by_one(), &events);
    assert_eq!(events.told(), ["copied a", "failed a: Denied"]);
}
