//! Plans of key ranges: laid end to end they are the plan of all keys.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use sync_core::testing::{MemoryStore, strategies};
use sync_core::{
    Direction, KeyRange, Listed,
    entry::SkipCause,
    plan::{Action, Counts, Plan, PlanError, PlanOptions, equal_parts, key_ranges},
    select::{Criteria, NameRule, Selection},
};

use crate::support::{actions, block_on, cases, noon, plan, try_plan, worlds};

/// Names that ranges may begin and end with, most of them close to a name in a store.
fn boundaries() -> impl Strategy<Value = Vec<String>> {
    let end = select(&["", "", "!", "-", ".", "/", "0", "\u{e9}"]);
    let boundary = (strategies::names(), end).prop_map(|(name, end)| name + end);
    btree_set(boundary, 0..5).prop_map(|names| names.into_iter().collect())
}

fn selection() -> impl Strategy<Value = Selection> {
    let globs = vec(select(&["a/", "*b", "b/*", "a-b", "*.", "a/b/"]), 0..3);
    globs.prop_map(|globs| {
        let names = globs
            .iter()
            .map(|glob| NameRule::Exclude((*glob).to_owned()));
        let names = names.collect();
        Selection::new(with!(Criteria::default(), names), None).unwrap()
    })
}

/// Names that the listing of the source or of the target skips.
fn skips() -> impl Strategy<Value = Vec<(bool, String, SkipCause)>> {
    let causes = select(&[
        SkipCause::Link,
        SkipCause::SpecialFile,
        SkipCause::Unreadable,
    ]);
    let skip = (any::<bool>(), strategies::keys(), causes);
    vec(
        skip.prop_map(|(side, key, cause)| (side, key.to_string(), cause)),
        0..3,
    )
}

fn within(options: &PlanOptions, range: KeyRange) -> PlanOptions {
    with!(options.clone(), range)
}

/// What `plans` say was skipped, and all other actions. A line of the first kind comes as soon
/// as one of the listings is there, whatever still waits for later names: in no order.
fn parted<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> (Vec<String>, Vec<Action>) {
    let laid = plans.into_iter().flat_map(actions);
    let (skipped, others): (Vec<_>, _) =
        laid.partition(|action| matches!(action, Action::Skip { .. }));
    let mut skipped: Vec<_> = skipped.iter().map(|skip| format!("{skip:?}")).collect();
    skipped.sort();
    (skipped, others)
}

fn counts<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> Counts {
    let mut sum = Counts::default();
    for plan in plans {
        sum += plan.counts();
    }
    sum
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn plans_of_ranges_laid_end_to_end_are_the_plan_of_all_keys(
        world in worlds(),
        boundaries in boundaries(),
        selection in selection(),
        skips in skips(),
    ) {
        let (source, target) = world.stores();
        for (of_source, name, cause) in &skips {
            let store = if *of_source { &source } else { &target };
            store.skip(name, *cause);
        }
        let options = with!(world.options(), selection: selection.into());
        let whole = plan(&source, &target, &options);

        let ranges = block_on(key_ranges(&source, &target, boundaries)).unwrap();
        let plan_of = |range: &KeyRange| plan(&source, &target, &within(&options, range.clone()));
        let plans: Vec<_> = ranges.iter().map(plan_of).collect();

        prop_assert_eq!(parted(&plans), parted([&whole]), "{:?}", ranges);
        prop_assert_eq!(&counts(&plans), whole.counts());
        for (plan, range) in plans.iter().zip(&ranges) {
            prop_assert_eq!(&plan.header().range, range);
        }
    }

    /// Whatever the boundaries are, there is no plan, or it is right.
    #[test]
    fn a_range_that_something_reaches_over_is_refused(
        world in worlds(),
        boundaries in boundaries(),
    ) {
        let (source, target) = world.stores();
        let options = world.options();
        let ranges = KeyRange::split(boundaries.clone());
        let plan_of = |range: &KeyRange| {
            try_plan(&source, &target, &within(&options, range.clone()))
        };
        let plans: Result<Vec<_>, _> = ranges.iter().map(plan_of).collect();
        match plans {
            Ok(plans) => {
                let whole = plan(&source, &target, &options);
                prop_assert_eq!(parted(&plans), parted([&whole]));
            }
            Err(PlanError::Straddled { above, boundary }) => {
                prop_assert!(boundaries.contains(&boundary));
                prop_assert!(boundary.starts_with(above.as_str()));
                let has = |store: &MemoryStore| store.contents().contains_key(above.as_str());
                prop_assert!(has(&source) || has(&target));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn ranges_of_a_listing_are_the_listing(
        names in btree_set(strategies::names(), 0..9),
        boundaries in boundaries(),
        in_disorder in any::<bool>(),
    ) {
        let store = MemoryStore::objects();
        for name in names {
            store.insert(&name, "1", noon(0));
        }
        if in_disorder {
            store.list_in_disorder();
        }
        let mut laid = Vec::new();
        for range in KeyRange::split(boundaries) {
            laid.extend(listed(&store, &range));
        }
        let mut whole = listed(&store, &KeyRange::default());
        for names in [&mut laid, &mut whole] {
            names.sort();
        }
        prop_assert_eq!(laid, whole);
    }
}

fn listed(store: &MemoryStore, range: &KeyRange) -> Vec<String> {
    use futures::TryStreamExt;
    use sync_core::Store;
    let listing = block_on(store.list_range(&Default::default(), range));
    let items: Vec<_> = block_on(listing.entries.try_collect()).unwrap();
    let name = |item| match item {
        Listed::Entry(entry) => entry.key.to_string(),
        Listed::Skipped(skipped) => skipped.name,
    };
    items.into_iter().map(name).collect()
}

#[test]
fn a_boundary_moves_behind_what_is_below_an_entry() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    source.insert("a/b", "1", noon(0));
    target.insert("a", "1", noon(0));
    target.insert("a0", "1", noon(0));
    let names = |boundaries: &[&str]| {
        let boundaries = boundaries.iter().map(|name| (*name).to_owned());
        let ranges = block_on(key_ranges(&source, &target, boundaries)).unwrap();
        let ends = ranges.iter().filter_map(KeyRange::up_to);
        ends.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["Z", "a-x", "b"]), ["Z", "a00", "b"]);
    assert_eq!(names(&["a", "a/b", "a/c"]), ["a00"], "they meet there");
    assert_eq!(names(&["aa"]), ["aa"]);
}

/// A directory that could not be read may hide keys of several ranges.
#[test]
fn what_is_skipped_is_known_in_each_range_that_it_hides_keys_of() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    source.skip("d", SkipCause::Unreadable);
    source.insert("z", "1", noon(0));
    target.insert("d/a", "1", noon(0));
    target.insert("d/z", "1", noon(0));
    for range in KeyRange::split(["d/m".to_owned()]) {
        assert!(listed(&source, &range).contains(&"d".to_owned()), "{range}");
    }
    let options = PlanOptions::new(Direction::Backup);
    for range in KeyRange::split(["c".to_owned(), "e".to_owned()]) {
        let made = plan(&source, &target, &within(&options, range.clone()));
        let expected = usize::from(range.contains("d"));
        assert_eq!(made.counts().incomplete(), expected == 1, "{range}");
        assert_eq!(made.counts().source_skipped().entries, 2 * expected as u64);
        assert_eq!(made.counts().deleted().entries, 0);
    }
}

/// How many keys each range has.
fn divided(store: &MemoryStore, parts: usize) -> Vec<usize> {
    let boundaries = block_on(equal_parts(store, &Selection::default(), parts)).unwrap();
    let ranges = KeyRange::split(boundaries);
    ranges
        .iter()
        .map(|range| listed(store, range).len())
        .collect()
}

#[test]
fn ranges_have_about_as_many_keys_as_each_other() {
    let wide = MemoryStore::objects();
    let flat = MemoryStore::objects();
    for number in 0..4000 {
        wide.insert(
            &format!("d{:02}/{}/{number}", number % 40, number % 200),
            "1",
            noon(0),
        );
        flat.insert(&format!("{number}"), "1", noon(0));
    }
    for (store, parts) in [(&wide, 8), (&flat, 8), (&flat, 100), (&wide, 1)] {
        let keys = divided(store, parts);
        assert_eq!(keys.len(), parts, "{keys:?}");
        assert_eq!(keys.iter().sum::<usize>(), 4000);
        assert!(
            keys.iter().all(|keys| keys * parts <= 4000 * 5 / 4),
            "{keys:?}"
        );
    }
    let few = MemoryStore::objects();
    few.insert("a/b", "1", noon(0));
    assert!(divided(&few, 8).len() <= 2);
    assert_eq!(divided(&MemoryStore::objects(), 8), [0]);
}
