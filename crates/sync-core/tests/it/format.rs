//! The plan's file format: what is written is read again, and whatever else
//! is read is an error that names itself, never a panic.

use std::io;
use std::panic::catch_unwind;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction,
    plan::{FORMAT_VERSION, Limits, Plan, PlanOptions, refusals},
    rule::Compare,
    spool::{MemorySpools, Spools},
};

use crate::support::{actions, cases, noon, plan, probes, saved, worlds};

/// A plan that has an action of every kind. It must not change: saved plans
/// are kept by users. Whoever has to change it raises [`FORMAT_VERSION`].
const GOLDEN: &str = include_str!("golden.plan.jsonl");

fn read(text: &[u8]) -> io::Result<Plan> {
    Plan::read_from(text, MemorySpools.create()?)
}

fn golden() -> Plan {
    let (bucket, files) = (MemoryStore::objects(), MemoryStore::files());
    for name in [
        "a/b", "new", "same", "larger", "both", "both/x", "folder/", "../up",
    ] {
        bucket.insert(name, format!("object {name}"), noon(0));
    }
    bucket.insert("later", "file later..", noon(2));
    bucket.insert("touched", "file touched..", noon(0));
    files.insert("touched", "file touched..", noon(1));
    files.insert("later", "file later..", noon(0));
    bucket.insert("tab\tand \"quote\" é", "", noon(-3_900_000_000));
    bucket.insert("placeholder/", "", noon(0));
    bucket.insert("much too long a name", "1", noon(0));
    for name in ["a", "same", "both", "old", "tree/x"] {
        files.insert(name, format!("file {name}.."), noon(0));
    }
    files.insert("larger", "small", noon(0));
    bucket.insert("tree", "a file now", noon(0) + TimeDelta::nanoseconds(1));
    let (bucket, files) = probes(&bucket, &files);
    let bucket = bucket.with_clock_offset(TimeDelta::milliseconds(1500));
    let options = with!(
        PlanOptions::new(Direction::Restore),
        compare: Compare::ExactTimes,
        max_key_bytes: 19,
    );
    plan(&bucket, &files, &options)
}

#[test]
fn the_format_is_what_it_was() {
    assert_eq!(saved(&golden()), GOLDEN);
    assert_eq!(FORMAT_VERSION, 3);
}

#[test]
fn the_checked_in_plan_is_read() {
    let (read, made) = (read(GOLDEN.as_bytes()).unwrap(), golden());
    assert_eq!(read.header(), made.header());
    assert_eq!(actions(&read), actions(&made));
    assert_eq!(saved(&read), GOLDEN);
}

#[test]
fn a_plan_with_carriage_returns_or_without_a_last_newline_is_read_too() {
    for text in [GOLDEN.replace('\n', "\r\n"), GOLDEN.trim_end().to_owned()] {
        assert_eq!(saved(&read(text.as_bytes()).unwrap()), GOLDEN);
    }
}

#[test]
fn what_is_no_plan_is_invalid_data() {
    let header = GOLDEN.lines().next().unwrap();
    let other_version = header.replace("\"s3mirror_plan\":3", "\"s3mirror_plan\":4");
    assert_ne!(other_version, header);
    let half_header = &header[..header.len() / 2];
    let half_line = &GOLDEN[..GOLDEN.len() - 5];
    let with_line = |line: &str| format!("{header}\n{line}\n");
    let cases = [
        ("empty", String::new()),
        ("an empty line", "\n".to_owned()),
        ("garbage", "garbage".to_owned()),
        ("another JSON", "[1, 2]\n".to_owned()),
        ("no version", "{}\n".to_owned()),
        ("half a header", half_header.to_owned()),
        ("another version", other_version),
        ("version only", "{\"s3mirror_plan\":3}\n".to_owned()),
        ("half a line", half_line.to_owned()),
        ("a line of garbage", with_line("garbage")),
        ("an empty line within", with_line("")),
        ("an unknown action", with_line(r#"{"action":"explode"}"#)),
        (
            "a key that leads out",
            with_line(r#"{"action":"too-long","key":"../x"}"#),
        ),
        (
            "an absolute key",
            with_line(r#"{"action":"too-long","key":"/etc/passwd"}"#),
        ),
        (
            "two on a line",
            with_line(r#"{"action":"too-long","key":"a"}{}"#),
        ),
    ];
    for (what, text) in cases {
        let error = read(text.as_bytes())
            .err()
            .unwrap_or_else(|| panic!("{what} was read"));
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{what}: {error}");
    }
    let not_utf8 = [GOLDEN.as_bytes(), b"\xff\n"].concat();
    assert_eq!(
        read(&not_utf8).err().unwrap().kind(),
        io::ErrorKind::InvalidData
    );
}

#[test]
fn another_version_is_named() {
    let error = read(b"{\"s3mirror_plan\":99}\n").err().unwrap().to_string();
    assert!(error.contains("99") && error.contains('3'), "{error}");
    assert!(error.contains("a later version of s3mirror"), "{error}");
}

#[test]
fn a_plan_of_the_first_version_is_refused_with_what_to_do() {
    let first = GOLDEN
        .replace("\"s3mirror_plan\":3", "\"s3mirror_plan\":1")
        .replace("\"blocker\"", "\"in_the_way\"");
    let error = read(first.as_bytes()).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    assert_eq!(
        error.to_string(),
        "line 1 of the plan: it has version 1 of the format of plans, which an earlier version of \
         s3mirror has written; this one reads version 3: make a new plan"
    );
}

#[test]
fn counts_that_no_run_can_reach_are_no_panic() {
    let most = "18446744073709551615";
    let text = GOLDEN.replace("\"entries\":1,", &format!("\"entries\":{most},"));
    assert!(text.matches(most).count() > 2);
    // Its lines are fewer.
    assert!(read(text.as_bytes()).is_err());
    // As the header alone would be judged:
    let mut header = read(GOLDEN.as_bytes()).unwrap().header().clone();
    for tally in header.counts.reasons.values_mut() {
        tally.entries = u64::MAX;
    }
    assert_eq!(header.counts.overwritten().entries, u64::MAX);
    let _ = refusals(&header, &Limits::default());
    // What is kept has no line, so it may be any number.
    let text = GOLDEN.replace(
        "\"unchanged\":{\"entries\":1,",
        &format!("\"unchanged\":{{\"entries\":{most},"),
    );
    let plan = read(text.as_bytes()).unwrap();
    assert_eq!(plan.counts().kept().entries, u64::MAX);
    let _ = refusals(plan.header(), &Limits::default());
}

#[test]
fn the_ends_of_time_survive() {
    for modified in [
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MAX_UTC,
        noon(15_000_000_000),
    ] {
        let (source, target) = (MemoryStore::objects(), MemoryStore::files());
        source.insert("a", "1", modified);
        let made = plan(&source, &target, &PlanOptions::new(Direction::Restore));
        assert_eq!(
            actions(&read(saved(&made).as_bytes()).unwrap()),
            actions(&made)
        );
    }
}

#[test]
fn a_clock_offset_is_written_as_it_was_used() {
    let (files, bucket) = probes(&MemoryStore::files(), &MemoryStore::objects());
    let bucket = bucket.with_clock_offset(TimeDelta::nanoseconds(1_234_567_891));
    let made = plan(&files, &bucket, &PlanOptions::new(Direction::Backup));
    assert_eq!(
        read(saved(&made).as_bytes()).unwrap().header(),
        made.header()
    );
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn what_is_written_is_read_again(world in worlds()) {
        let (source, target) = world.stores();
        let made = plan(&source, &target, &world.options());
        let text = saved(&made);
        let read = read(text.as_bytes()).unwrap();
        prop_assert_eq!(read.header(), made.header());
        prop_assert_eq!(actions(&read), actions(&made));
        prop_assert_eq!(saved(&read), text);
    }

    #[test]
    fn a_damaged_plan_is_an_error_or_another_plan_but_no_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<Damage>()), 1..4),
    ) {
        let mut text = GOLDEN.as_bytes().to_vec();
        for (at, damage) in changes {
            damage.apply(&mut text, &at);
        }
        let outcome = catch_unwind(|| match read(&text) {
            Ok(plan) => {
                // It can be looked at and judged without a panic as well.
                let counts = plan.counts();
                let _ = (counts.created(), counts.overwritten(), counts.deleted(), counts.kept());
                let _ = refusals(plan.header(), &Limits::default());
                actions(&plan);
                None
            }
            Err(error) => Some(error.kind()),
        });
        let kind = outcome.map_err(|_| TestCaseError::fail("panicked"))?;
        prop_assert!(kind.is_none_or(|kind| kind == io::ErrorKind::InvalidData), "{:?}", kind);
    }
}

/// What may happen to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Cut,
    Remove,
    Replace(u8),
    Repeat,
    ManyDigits,
}

impl Damage {
    fn apply(self, text: &mut Vec<u8>, at: &prop::sample::Index) {
        if text.is_empty() {
            return;
        }
        let at = at.index(text.len());
        match self {
            Self::Cut => text.truncate(at),
            Self::Remove => drop(text.remove(at)),
            Self::Replace(byte) => text[at] = byte,
            Self::Repeat => text.extend_from_within(at..),
            Self::ManyDigits => {
                let digit = text[at..].iter().position(u8::is_ascii_digit);
                if let Some(digit) = digit {
                    text.splice(at + digit..=at + digit, *b"18446744073709551615");
                }
            }
        }
    }
}

impl Arbitrary for Damage {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        prop_oneof![
            Just(Self::Cut),
            Just(Self::Remove),
            any::<u8>().prop_map(Self::Replace),
            Just(Self::Repeat),
            Just(Self::ManyDigits),
        ]
        .boxed()
    }
}
