//! What strangers may hand in: names that become keys, files that are said to
//! be plans. Whatever it is, there is no panic, and what is accepted is right.
//!
//! These are property tests and no targets of cargo-fuzz, which needs a nightly
//! toolchain: so they run wherever the other tests do, on stable Rust. More of
//! them by `PROPTEST_CASES=1000000 cargo test -p sync-core --test it fuzz::`.

use std::io;
use std::path::{Component, Path};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sync_core::{
    Key,
    plan::{Counts, Plan},
    spool::{MemorySpools, Spools},
};

use crate::support::{actions, cases, plan, worlds};

const GOLDEN: &str = include_str!("golden.plan.jsonl");

fn read(text: &[u8]) -> io::Result<Plan> {
    Plan::read_from(text, MemorySpools.create()?)
}

/// Names that are nearly paths, and any others.
fn names() -> impl Strategy<Value = String> {
    let odd = select(&[
        "/", "/", ".", "..", "a", "\0", "\\", "é", "\u{2044}", "~", "\n",
    ]);
    prop_oneof![
        vec(odd, 0..12).prop_map(|parts| parts.concat()),
        any::<String>(),
        vec(any::<u8>(), 0..40).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

/// Puts what `text` says into a plan, as its only key.
fn plan_with_key(text: &str) -> String {
    let header = r#"{"s3mirror_plan":3,"source":"s","target":"t","direction":"backup","compare":"times","clock_offset":0,"counts":{"source":{"entries":1,"bytes":0},"target":{"entries":0,"bytes":0},"reasons":{},"skipped_in_source":{},"skipped_in_target":{},"conflicts":0,"too_long":1}}"#;
    format!("{header}\n{{\"action\":\"too-long\",\"key\":{text}}}\n")
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn a_name_is_refused_or_a_path_that_leads_nowhere_else(name in names()) {
        let Ok(key) = Key::new(name.as_str()) else { return Ok(()) };
        prop_assert_eq!(key.as_str(), name.as_str());
        prop_assert_eq!(Key::try_from(String::from(key.clone())), Ok(key.clone()));
        // As the standard library sees it, every part goes one level down.
        let parts: Vec<_> = Path::new(&name).components().collect();
        prop_assert!(!parts.is_empty());
        prop_assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "{:?}", parts);
        // It is that path and no other spelling of it.
        let joined: std::path::PathBuf = parts.iter().collect();
        prop_assert_eq!(joined.to_str(), Some(name.as_str()));
        prop_assert!(!name.contains('\0'));
        prop_assert!(Path::new("/root").join(&name).starts_with("/root/"));
    }

    #[test]
    fn a_name_that_is_a_plain_path_is_accepted(
        segments in vec("[^/\0]{1,9}".prop_filter("dots", |s| s != "." && s != ".."), 1..6),
    ) {
        let name = segments.join("/");
        prop_assert_eq!(Key::new(name.as_str()).map(String::from), Ok(name));
    }

    #[test]
    fn a_key_in_a_plan_is_checked_like_any_other(name in names()) {
        let text = plan_with_key(&serde_json::to_string(&name).unwrap());
        prop_assert_eq!(read(text.as_bytes()).is_ok(), Key::new(name).is_ok());
    }

    #[test]
    fn any_bytes_are_no_plan_and_no_panic(
        bytes in vec(any::<u8>(), 0..200), after_header in any::<bool>(),
    ) {
        let header = GOLDEN.split_inclusive('\n').next().unwrap();
        let header = if after_header { header } else { "" };
        let text = [header.as_bytes(), &bytes].concat();
        let error = read(&text).err();
        prop_assert_eq!(error.map(|error| error.kind()), Some(io::ErrorKind::InvalidData));
    }

    #[test]
    fn a_plan_that_was_meddled_with_is_an_error_or_has_the_lines_that_its_header_counts(
        changes in vec((any::<Meddling>(), any::<Index>(), any::<Index>()), 1..4),
        world in prop::option::of(worlds()),
    ) {
        let original = match world {
            None => GOLDEN.to_owned(),
            Some(world) => {
                let (source, target) = world.stores();
                let mut text = Vec::new();
                plan(&source, &target, &world.options()).write_to(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            }
        };
        let mut lines: Vec<String> = original.split_inclusive('\n').map(str::to_owned).collect();
        for (meddling, a, b) in &changes {
            meddling.apply(&mut lines, a, b);
        }
        let text = lines.concat();
        let Ok(meddled) = read(text.as_bytes()) else { return Ok(()) };
        let original = read(original.as_bytes()).unwrap();
        let told = (told(original.counts()), told(meddled.counts()));
        let edited = changes.iter().any(|(m, ..)| matches!(m, Meddling::Edit(_)));
        if !edited {
            prop_assert_eq!(meddled.header(), original.header());
            prop_assert_eq!(&told.0, &told.1);
        }
        if !edited && changes.len() == 1 {
            prop_assert_eq!(sorted(&meddled), sorted(&original));
        }
        // The lines are as many as the header says, whoever edited it.
        let counts = meddled.counts();
        let expected = counts.created().entries + counts.overwritten().entries
            + counts.deleted().entries + counts.conflicts + counts.too_long
            + counts.skipped_in_source.values().sum::<u64>()
            + counts.skipped_in_target.values().sum::<u64>();
        prop_assert_eq!(actions(&meddled).len() as u64, expected);
    }
}

/// The lines in any order, which means nothing to most of them.
fn sorted(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = actions(plan)
        .iter()
        .map(|action| serde_json::to_string(action).unwrap())
        .collect();
    lines.sort();
    lines
}

/// Of what is counted, that which has lines.
fn told(counts: &Counts) -> [u64; 5] {
    [
        counts.created().entries,
        counts.overwritten().bytes,
        counts.deleted().entries,
        counts.conflicts,
        counts.too_long,
    ]
}

/// What people, editors and full disks do to a file of lines.
#[derive(Debug, Clone, Copy)]
enum Meddling {
    Truncate,
    Remove,
    Repeat,
    Swap,
    Edit(u8),
}

impl Meddling {
    fn apply(self, lines: &mut Vec<String>, a: &Index, b: &Index) {
        if lines.is_empty() {
            return;
        }
        let (a, b) = (a.index(lines.len()), b.index(lines.len()));
        match self {
            Self::Truncate => lines.truncate(a),
            Self::Remove => drop(lines.remove(a)),
            Self::Repeat => lines.insert(b, lines[a].clone()),
            Self::Swap => lines.swap(a, b),
            Self::Edit(digit) => {
                let digits: Vec<usize> = lines[a]
                    .match_indices(|c: char| c.is_ascii_digit())
                    .map(|(at, _)| at)
                    .collect();
                if !digits.is_empty() {
                    let at = digits[b % digits.len()];
                    let digit = char::from(b'0' + digit % 10).to_string();
                    lines[a].replace_range(at..=at, &digit);
                }
            }
        }
    }
}

impl Arbitrary for Meddling {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        prop_oneof![
            Just(Self::Truncate),
            Just(Self::Remove),
            Just(Self::Repeat),
            Just(Self::Swap),
            any::<u8>().prop_map(Self::Edit),
        ]
        .boxed()
    }
}

#[test]
fn a_plan_that_lost_or_repeats_a_line_is_an_error_that_names_the_line() {
    let lines: Vec<&str> = GOLDEN.split_inclusive('\n').collect();
    for at in 1..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        let mut more = lines.clone();
        more.insert(at, lines[at]);
        for changed in [fewer, more] {
            let error = read(changed.concat().as_bytes()).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let last = format!("line {} ", changed.len());
            assert!(error.to_string().starts_with(&last), "{error}");
        }
    }
}

#[test]
fn a_line_that_is_no_action_is_named_by_its_number() {
    let mut lines: Vec<&str> = GOLDEN.split_inclusive('\n').collect();
    lines[3] = "{\"action\":\"explode\"}\n";
    let error = read(lines.concat().as_bytes()).err().unwrap();
    assert!(error.to_string().starts_with("line 4 "), "{error}");
    let not_utf8 = [GOLDEN.as_bytes(), b"\xff\n"].concat();
    let error = read(&not_utf8).err().unwrap().to_string();
    let last = format!("line {} ", GOLDEN.lines().count() + 1);
    assert!(error.starts_with(&last), "{error}");
}

#[test]
fn what_is_kept_cannot_stand_in_a_line() {
    let line = GOLDEN
        .lines()
        .find(|line| line.contains("times-differ") && !line.contains("counts"));
    let kept = line.unwrap().replace("times-differ", "unchanged");
    assert!(read(format!("{GOLDEN}{kept}\n").as_bytes()).is_err());
}
