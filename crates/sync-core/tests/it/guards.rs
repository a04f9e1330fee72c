//! The guards: each refusal at its boundary, and what lifts it.

use chrono::TimeDelta;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Rule,
    entry::SkipCause,
    plan::{
        Counts, Header, Limits, MAX_CLOCK_OFFSET, MaxDelete, PlanOptions, Refusal, Tally, refusals,
    },
    rule::Reason,
};

use crate::support::{Probe, lines, noon, plan, probes};

/// The header of a plan that deletes `deleted` of `target` entries and whose
/// source has `source`.
fn header(source: u64, target: u64, deleted: u64) -> Header {
    let tally = |entries| Tally { entries, bytes: 0 };
    Header {
        version: sync_core::plan::FORMAT_VERSION,
        source: "dir".to_owned(),
        target: "bucket".to_owned(),
        rule: Rule::new(Direction::Backup),
        selection: sync_core::select::Criteria::default(),
        range: sync_core::KeyRange::default(),
        counts: Counts {
            source: tally(source),
            target: tally(target),
            reasons: [(Reason::OnlyInTarget, tally(deleted))].into(),
            ..Counts::default()
        },
        source_has_others: false,
        origin: None,
    }
}

fn limit(max_delete: MaxDelete) -> Limits {
    with!(Limits::default(), max_delete, allow_empty_source: false)
}

fn emptying(max_delete: MaxDelete) -> Limits {
    with!(Limits::default(), max_delete, allow_empty_source: true)
}

#[test]
fn deletions_are_refused_above_the_limit_only() {
    use MaxDelete::{Entries, Half, Percent};
    let cases = [
        // By default half of the target, or ten entries if that is more.
        (Half, 100, 50, false),
        (Half, 100, 51, true),
        (Half, 101, 50, false),
        (Half, 101, 51, true),
        (Half, 22, 11, false),
        (Half, 21, 11, true),
        (Half, 10, 10, false),
        (Half, 11, 11, true),
        (Half, 11, 10, false),
        (Half, 1, 1, false),
        (Half, u64::MAX, u64::MAX / 2, false),
        (Half, u64::MAX, u64::MAX / 2 + 1, true),
        // A stated limit has no such ten for free.
        (Entries(0), 100, 0, false),
        (Entries(0), 100, 1, true),
        (Entries(7), 8, 7, false),
        (Entries(7), 1000, 8, true),
        (Percent(0), 100, 0, false),
        (Percent(0), u64::MAX, 1, true),
        (Percent(20), 100, 20, false),
        (Percent(20), 100, 21, true),
        (Percent(20), 4, 1, true),
        (Percent(100), 100, 100, false),
        (Percent(50), 0, 0, false),
    ];
    for (max_delete, target, deleted, refused) in cases {
        let found = refusals(&header(1, target, deleted), &limit(max_delete));
        let expected = refused.then_some(Refusal::TooManyDeletions { deleted, target });
        assert_eq!(
            found,
            Vec::from_iter(expected),
            "{max_delete:?}: {deleted} of {target}"
        );
    }
}

#[test]
fn an_empty_source_is_refused_unless_it_is_allowed() {
    let empty = header(0, 5, 5);
    let refused = [Refusal::EmptySource { target: 5 }];
    assert_eq!(refusals(&empty, &Limits::default()), refused);
    assert_eq!(refusals(&empty, &limit(MaxDelete::Percent(100))), refused);
    assert_eq!(refusals(&empty, &emptying(MaxDelete::Half)), []);
    assert_eq!(refusals(&header(0, 0, 0), &Limits::default()), []);
    assert_eq!(refusals(&header(1, 5, 0), &Limits::default()), []);
}

#[test]
fn who_allows_an_empty_source_allows_every_deletion_unless_a_limit_is_stated() {
    let (empty, deleted, target) = (header(0, 1000, 1000), 1000, 1000);
    let too_many = [Refusal::TooManyDeletions { deleted, target }];
    assert_eq!(refusals(&empty, &emptying(MaxDelete::Half)), []);
    assert_eq!(refusals(&empty, &emptying(MaxDelete::Percent(100))), []);
    assert_eq!(
        refusals(&empty, &emptying(MaxDelete::Percent(99))),
        too_many
    );
    assert_eq!(
        refusals(&empty, &emptying(MaxDelete::Entries(999))),
        too_many
    );
    // The permission is for an empty source only.
    assert_eq!(
        refusals(&header(1, 1000, 1000), &emptying(MaxDelete::Half)),
        too_many
    );
}

#[test]
fn an_incomplete_plan_deletes_nothing_so_its_deletions_are_not_refused() {
    for cause in [
        SkipCause::Unreadable,
        SkipCause::NotUtf8,
        SkipCause::UnmappableKey,
    ] {
        let mut header = header(1, 1000, 1000);
        header.rule.clock_offset = TimeDelta::hours(1);
        header.counts.skipped_in_source.insert(cause, 1);
        assert_eq!(refusals(&header, &Limits::default()), [], "{cause:?}");
    }
    let mut conflicting = header(1, 1000, 1000);
    conflicting.counts.conflicts = 1;
    assert_eq!(refusals(&conflicting, &Limits::default()), []);
}

#[test]
fn skips_that_hide_nothing_leave_the_guard_awake() {
    for cause in [
        SkipCause::Placeholder,
        SkipCause::Link,
        SkipCause::SpecialFile,
    ] {
        let mut header = header(1, 1000, 1000);
        header.counts.skipped_in_source.insert(cause, 1);
        assert_eq!(refusals(&header, &Limits::default()).len(), 1, "{cause:?}");
    }
    let mut odd_target = header(1, 1000, 1000);
    odd_target
        .counts
        .skipped_in_target
        .insert(SkipCause::UnmappableKey, 1);
    assert_eq!(refusals(&odd_target, &Limits::default()).len(), 1);
}

#[test]
fn an_incomplete_empty_source_is_still_refused() {
    let mut header = header(0, 5, 5);
    header
        .counts
        .skipped_in_source
        .insert(SkipCause::Unreadable, 1);
    assert_eq!(
        refusals(&header, &Limits::default()),
        [Refusal::EmptySource { target: 5 }]
    );
}

#[test]
fn clocks_may_differ_by_fifteen_minutes_where_something_is_deleted() {
    let nanosecond = TimeDelta::nanoseconds(1);
    let limit = TimeDelta::minutes(15);
    assert_eq!(MAX_CLOCK_OFFSET, limit);
    for (offset, refused) in [
        (limit, false),
        (-limit, false),
        (limit + nanosecond, true),
        (-limit - nanosecond, true),
        (TimeDelta::MAX, true),
        (TimeDelta::MIN, true),
    ] {
        let mut header = header(9, 9, 1);
        header.rule.clock_offset = offset;
        let expected = refused.then_some(Refusal::ClockOffset(offset));
        assert_eq!(
            refusals(&header, &Limits::default()),
            Vec::from_iter(expected)
        );
        header.counts.reasons.clear();
        assert_eq!(
            refusals(&header, &Limits::default()),
            [],
            "nothing is deleted"
        );
    }
}

#[test]
fn keys_that_are_too_long_are_refused_whatever_is_allowed() {
    let mut header = header(5, 5, 0);
    header.counts.too_long = 2;
    let refused = [Refusal::KeysTooLong { count: 2 }];
    assert_eq!(
        refusals(&header, &emptying(MaxDelete::Percent(100))),
        refused
    );
    header.counts.conflicts = 1;
    assert_eq!(
        refusals(&header, &Limits::default()),
        refused,
        "incomplete or not"
    );
}

#[test]
fn every_reason_to_refuse_is_told_with_its_figures() {
    let mut header = header(1, 1000, 1000);
    header.counts.too_long = 1;
    header.rule.clock_offset = TimeDelta::hours(-1);
    let refusals = refusals(&header, &Limits::default());
    let told: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
    assert_eq!(told.len(), 3);
    assert!(told[0].contains("names longer") && told[0].contains(": 1"));
    assert!(told[1].contains("1000 of the target's 1000 entries"));
    assert!(told[2].contains("3600 s (the server's is behind)"));
    let empty = Refusal::EmptySource { target: 3 }.to_string();
    assert!(empty.contains("3 entries"));
    // What lifts a refusal is for the program to say that has the options.
    assert!(told.iter().chain([&empty]).all(|told| !told.contains("--")));
}

#[test]
fn a_limit_is_a_number_or_a_percentage() {
    for (text, limit) in [
        ("0", MaxDelete::Entries(0)),
        ("18446744073709551615", MaxDelete::Entries(u64::MAX)),
        ("0%", MaxDelete::Percent(0)),
        ("100%", MaxDelete::Percent(100)),
    ] {
        assert_eq!(text.parse(), Ok(limit));
    }
    for text in [
        "",
        "%",
        "-1",
        "101%",
        "1.5%",
        "10 %",
        "ten",
        "18446744073709551616",
    ] {
        let error = text.parse::<MaxDelete>().unwrap_err();
        assert!(error.contains(text), "{error}");
    }
}

/// A source with keys of 4 and 5 bytes, and an empty target.
fn keys_of_four_and_five_bytes() -> (Probe, Probe) {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    for name in ["1234", "a/é", "12345", "a/bé"] {
        source.insert(name, "1", noon(0));
    }
    target.insert("a very long key of the target", "1", noon(0));
    probes(&source, &target)
}

#[test]
fn a_key_is_measured_in_bytes_and_may_be_as_long_as_the_limit() {
    let (source, target) = keys_of_four_and_five_bytes();
    let options = with!(PlanOptions::new(Direction::Backup), max_key_bytes: 4);
    let plan = plan(&source, &target, &options);
    assert_eq!(
        lines(&plan),
        [
            "copy 1234",
            "too long 12345",
            "too long a/bé",
            "delete a very long key of the target",
            "copy a/é"
        ]
    );
    assert_eq!(plan.counts().too_long, 2);
    let refused = [Refusal::KeysTooLong { count: 2 }];
    assert_eq!(refusals(plan.header(), &Limits::default()), refused);
}

#[test]
fn the_header_of_a_plan_carries_the_clock_of_the_bucket() {
    let offset = TimeDelta::milliseconds(-2_500);
    for direction in [Direction::Backup, Direction::Restore] {
        let (files, bucket) = keys_of_four_and_five_bytes();
        let bucket = bucket.with_clock_offset(offset);
        let (source, target) = match direction {
            Direction::Backup => (files, bucket),
            Direction::Restore => (bucket, files),
        };
        let plan = plan(&source, &target, &PlanOptions::new(direction));
        assert_eq!(plan.header().rule.clock_offset, offset);
    }
}
