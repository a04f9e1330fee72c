//! What a listing skipped is not absent: what the target has there is neither
//! overwritten nor deleted, and what the target skipped does not give way.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use futures::stream::{self, StreamExt};
use proptest::prelude::*;
use proptest::sample::select;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Listed, Store,
    entry::{SkipCause, Skipped},
    plan::{Action, Deletions, Limits, MaxDelete, Plan, PlanOptions, Refusal, refusals},
    rule::Reason,
    spool::MemorySpools,
    store::{Listing, MockStore},
    verify::{Verdict, VerifyOptions, survey},
};

use crate::support::{World, actions, cases, contents, entry, lines, noon, plan, run, worlds};

/// Every cause that may hide something.
const COVERING: [SkipCause; 7] = [
    SkipCause::Link,
    SkipCause::SpecialFile,
    SkipCause::NotUtf8,
    SkipCause::Unreadable,
    SkipCause::History,
    SkipCause::NotSelected,
    SkipCause::UnmappableKey,
];

/// A source and a target of either direction, with the same names in both.
fn stores(direction: Direction, source: &[&str], target: &[&str]) -> (MemoryStore, MemoryStore) {
    let (from, to) = match direction {
        Direction::Backup => (MemoryStore::files(), MemoryStore::objects()),
        Direction::Restore => (MemoryStore::objects(), MemoryStore::files()),
    };
    for name in source {
        from.insert(name, "source", noon(0));
    }
    for name in target {
        to.insert(name, "target", noon(0));
    }
    to.set_clock(noon(10));
    (from, to)
}

#[test]
fn what_is_at_or_below_a_skipped_name_is_kept_for_every_cause_in_both_directions() {
    for direction in [Direction::Backup, Direction::Restore] {
        for cause in COVERING {
            let below = ["l/x", "l/y/z", "gone"];
            for names in [&below[..], &["l", "gone"]] {
                let (source, target) = stores(direction, &["l-b", "z"], names);
                source.skip("l", cause);
                let plan = plan(&source, &target, &PlanOptions::new(direction));
                let report = run(&plan, &source, &target);
                let left = target.contents();
                for kept in &names[..names.len() - 1] {
                    assert!(left.contains_key(*kept), "{kept}: {direction:?}, {cause:?}");
                    assert!(lines(&plan).contains(&format!("keep {kept}")), "{kept}");
                }
                let kept = plan.counts().source_skipped().entries;
                assert_eq!(kept as usize, names.len() - 1);
                assert_eq!(
                    left.contains_key("gone"),
                    cause.hides_content(),
                    "{cause:?}"
                );
                assert_eq!(report.failed, 0);
            }
        }
    }
}

#[test]
fn a_placeholder_hides_nothing() {
    let (bucket, files) = stores(Direction::Restore, &["keep"], &["dir/x", "dir-y"]);
    bucket.insert("dir/", "", noon(0));
    let plan = plan(&bucket, &files, &PlanOptions::new(Direction::Restore));
    run(&plan, &bucket, &files);
    assert_eq!(
        files.contents(),
        BTreeMap::from([("keep".to_owned(), "source".into())])
    );
}

#[test]
fn the_reason_is_the_skip_also_where_deletions_are_off() {
    let (source, target) = stores(Direction::Backup, &[], &["l/x", "other"]);
    source.skip("l", SkipCause::Link);
    let options = with!(PlanOptions::new(Direction::Backup), deletions: Deletions::Off);
    let counts = plan(&source, &target, &options).counts().clone();
    assert_eq!(counts.of(Reason::SourceSkipped).entries, 1);
    assert_eq!(counts.of(Reason::DeletionsOff).entries, 1);
}

#[test]
fn guards_count_what_is_covered_as_kept() {
    let covered: Vec<String> = (0..30).map(|n| format!("l/{n}")).collect();
    let covered: Vec<&str> = covered.iter().map(String::as_str).collect();
    let judge = |target: &[&str], limits: &Limits| {
        let (source, target) = stores(Direction::Backup, &[], target);
        source.skip("l", SkipCause::Link);
        let plan = plan(&source, &target, &PlanOptions::new(Direction::Backup));
        refusals(plan.header(), limits)
    };
    let none = with!(Limits::default(), max_delete: MaxDelete::Entries(0));
    assert_eq!(judge(&covered, &none), []);
    let one_more = [&covered[..], &["other"]].concat();
    assert_eq!(
        judge(&one_more, &Limits::default()),
        [Refusal::EmptySource { target: 31 }]
    );
}

/// A store that lists `names`; `?` marks a link that is skipped.
fn lists(names: &'static [&'static str]) -> MockStore {
    let mut store = MockStore::new();
    store.expect_list().returning(move |_| {
        let item = |name: &&str| match name.strip_prefix('?') {
            None => Listed::Entry(entry(name, 1)),
            Some(name) => Listed::Skipped(Skipped {
                name: name.to_owned(),
                cause: SkipCause::Link,
                detail: String::new(),
                link: None,
            }),
        };
        let items: Vec<_> = names.iter().map(item).map(Ok).collect();
        Listing::new(stream::iter(items).boxed())
    });
    store.expect_location().returning(|| "mock".to_owned());
    store.expect_present().returning(|| None);
    store.expect_accepts().returning(|_| Ok(()));
    store.expect_folds_names().return_const(false);
    store
}

#[test]
fn it_may_stand_anywhere_in_a_listing() {
    let listings: [&[&str]; 6] = [
        &["?l", "a", "l-b", "z"],
        &["a", "?l", "l-b", "z"],
        &["a", "l-b", "?l", "z"],
        &["a", "l-b", "z", "?l"],
        &["z", "a", "?l", "l-b"],
        &["z", "?l", "l-b", "a"],
    ];
    for direction in [Direction::Backup, Direction::Restore] {
        for names in listings {
            let (_, target) = stores(direction, &[], &["a", "k", "l", "l-b", "l/x", "m"]);
            let plan = plan(&lists(names), &target, &PlanOptions::new(direction));
            let lines = lines(&plan);
            for name in ["l", "l/x"] {
                let kept = format!("keep {name}");
                // A tree cannot hold both; then the one below is told first.
                assert!(lines.contains(&kept), "{names:?}: {lines:?}");
            }
            for name in ["k", "m"] {
                assert!(lines.contains(&format!("delete {name}")), "{lines:?}");
            }
            assert_eq!(plan.counts().deleted().entries, 2, "{names:?}");
        }
    }
}

#[test]
fn what_the_target_skipped_is_in_the_way_of_what_needs_its_place() {
    for (object, skipped, others) in [
        ("l/x", "l", &[][..]),
        ("d", "d/l", &["d/f"]),
        ("d", "d/e/l", &["d/f", "d/g/h"]),
    ] {
        for cause in [SkipCause::Link, SkipCause::SpecialFile] {
            let (bucket, files) = stores(Direction::Restore, &[object, "z"], others);
            files.skip(skipped, cause);
            let plan = plan(&bucket, &files, &PlanOptions::new(Direction::Restore));
            let conflict = format!("conflict {object} with {skipped}");
            assert!(lines(&plan).contains(&conflict), "{:?}", lines(&plan));
            assert!(plan.counts().incomplete());
            run(&plan, &bucket, &files);
            for other in others {
                assert!(files.contents().contains_key(*other), "{other} is lost");
            }
            assert!(files.contents().contains_key("z"));
        }
    }
}

#[test]
fn a_link_or_socket_at_the_very_name_is_replaced() {
    for cause in [SkipCause::Link, SkipCause::SpecialFile] {
        let (bucket, files) = stores(Direction::Restore, &["l"], &[]);
        files.skip("l", cause);
        let plan = plan(&bucket, &files, &PlanOptions::new(Direction::Restore));
        assert_eq!(plan.counts().created().entries, 1);
        assert!(!plan.counts().incomplete());
    }
}

#[test]
fn what_is_kept_stays_in_the_way() {
    let (_, files) = stores(Direction::Restore, &[], &["a"]);
    let source = lists(&["?a/c", "a/b"]);
    let plan = plan(&source, &files, &PlanOptions::new(Direction::Restore));
    // `a` itself is not covered and gives way.
    assert!(lines(&plan).contains(&"clear a".to_owned()));
    let source = lists(&["?a/c", "a"]);
    let (_, files) = stores(Direction::Restore, &[], &["a/c"]);
    let plan = crate::support::plan(&source, &files, &PlanOptions::new(Direction::Restore));
    let lines = lines(&plan);
    assert!(
        lines.contains(&"conflict a with a/c".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"keep a/c".to_owned()), "{lines:?}");
}

#[test]
fn a_saved_plan_keeps_the_same() {
    let (source, target) = stores(Direction::Backup, &["a"], &["gone", "l/x"]);
    source.skip("l", SkipCause::Link);
    let made = plan(&source, &target, &PlanOptions::new(Direction::Backup));
    let mut text = Vec::new();
    made.write_to(&mut text).unwrap();
    let read = read(&text).unwrap();
    assert_eq!(lines(&read), lines(&made));
    run(&read, &source, &target);
    let left: Vec<String> = target.contents().into_keys().collect();
    assert_eq!(left, ["a", "l/x"]);

    let text = String::from_utf8(text).unwrap();
    let without: String = text
        .lines()
        .filter(|l| !l.contains("\"keep\""))
        .map(|l| l.to_owned() + "\n")
        .collect();
    assert!(
        read_error(&without).contains("copied or deleted"),
        "{}",
        read_error(&without)
    );
    let unchanged = text.replace(
        r#""action":"keep","reason":"source-skipped""#,
        r#""action":"keep","reason":"unchanged""#,
    );
    assert!(read_error(&unchanged).contains("has no line"));
}

fn read(text: &[u8]) -> std::io::Result<Plan> {
    use sync_core::spool::Spools;
    Plan::read_from(text, MemorySpools.create()?)
}

fn read_error(text: &str) -> String {
    read(text.as_bytes())
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default()
}

#[test]
fn what_becomes_skipped_after_the_plan_is_not_deleted() {
    let (source, target) = stores(Direction::Backup, &["a"], &["d/x"]);
    let plan = plan(&source, &target, &PlanOptions::new(Direction::Backup));
    assert_eq!(plan.counts().deleted().entries, 1);
    source.skip("d", SkipCause::Link);
    let report = run(&plan, &source, &target);
    assert_eq!((report.failed, report.deleted.entries), (1, 0));
    assert!(target.contents().contains_key("d/x"));
}

#[test]
fn to_verify_it_is_neither_missing_nor_unknown() {
    for cause in [
        SkipCause::Link,
        SkipCause::SpecialFile,
        SkipCause::NotSelected,
    ] {
        let (files, bucket) = stores(
            Direction::Backup,
            &["a", "l-b"],
            &["a", "l", "l-b", "l/x", "other"],
        );
        for name in ["a", "l-b"] {
            bucket.insert(name, "source", noon(0));
        }
        files.skip("l", cause);
        let findings = block_on(async {
            let options = VerifyOptions::default();
            let spools = Arc::new(MemorySpools);
            let survey = survey(&files, &bucket, &options, spools).await.unwrap();
            let findings = survey.compare(&files, &bucket, &options).unwrap();
            findings.map(Result::unwrap).collect::<Vec<_>>().await
        });
        let verdict = |name: &str| {
            let finding = findings.iter().find(|finding| finding.name == name);
            &finding
                .unwrap_or_else(|| panic!("nothing is said of {name}"))
                .verdict
        };
        for name in ["l", "l/x"] {
            assert!(
                matches!(verdict(name), Verdict::BelowSkipped),
                "{name}, {cause:?}"
            );
        }
        assert!(matches!(verdict("other"), Verdict::OnlyInBucket));
        assert!(verdict("a").is_equal() && verdict("l-b").is_equal());
    }
}

/// Names at which, or above which, something is skipped.
fn skips() -> impl Strategy<Value = BTreeMap<String, SkipCause>> {
    let names = select(vec!["a", "a/b", "a-b", "b", "b/a", "a./b", "-"]);
    let skip = (names.prop_map(str::to_owned), select(&COVERING));
    proptest::collection::btree_map(skip.0, skip.1, 0..4)
}

fn is_covered(skips: &BTreeMap<String, SkipCause>, name: &str) -> bool {
    let mut above = skips.keys();
    above.any(|skipped| name == skipped || name.starts_with(&format!("{skipped}/")))
}

fn plan_of(world: &World, source: &dyn Store, target: &dyn Store) -> Plan {
    plan(source, target, &world.options())
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn nothing_of_the_target_at_or_below_a_skipped_name_is_overwritten_or_deleted(
        world in worlds(),
        skips in skips(),
        disordered in any::<bool>(),
    ) {
        let (source, target) = world.stores();
        for (name, cause) in &skips {
            source.skip(name, *cause);
        }
        if disordered {
            source.list_in_disorder();
        }
        let before = contents(&target);
        let plan = plan_of(&world, &source, &target);
        let kept = actions(&plan).into_iter().filter_map(|action| match action {
            Action::Keep { target, .. } => Some(target.key.as_str().to_owned()),
            _ => None,
        });
        let kept: Vec<String> = kept.collect();
        let mut expected: Vec<_> = before
            .keys()
            .filter(|name| crate::support::is_path(name) && is_covered(&skips, name))
            .cloned()
            .collect();
        expected.sort();
        let mut named = kept.clone();
        named.sort();
        // What hides content withholds all deletions, however late it comes.
        if !plan.counts().incomplete() {
            prop_assert_eq!(&named, &expected, "{:?}", lines(&plan));
        }
        run(&plan, &source, &target);
        let after = contents(&target);
        for (name, content) in before.iter().filter(|(name, _)| is_covered(&skips, name)) {
            prop_assert_eq!(after.get(name), Some(content), "{}", name);
        }
        for name in after.keys().filter(|name| is_covered(&skips, name)) {
            prop_assert!(before.contains_key(name), "{} has come", name);
        }
        // A second run has nothing to do but what an incomplete source withholds.
        let changes = target.changes();
        let second = plan_of(&world, &source, &target);
        run(&second, &source, &target);
        prop_assert_eq!(target.changes(), changes, "{:?}", lines(&second));
    }
}
