//! Runs by a list of keys: they do what a run of all keys does at these keys, and nothing
//! anywhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use sync_core::testing::{MemoryStore, strategies};
use sync_core::{
    Direction, Entry, Key, Selection,
    entry::SkipCause,
    key_list::KeyListItem,
    listing::Side,
    make_plan,
    plan::{Limits, MaxDelete, Plan, PlanError, PlanOptions, Refusal, refusals},
    select::{Criteria, NameRule},
    spool::{MemorySpools, Spools},
    verify::{VerifyOptions, survey},
};

use crate::support::{
    World, block_on, cases, contents, lines, noon, only, plan, probes, run, saved, worlds,
};

type Tree = BTreeMap<Key, Entry>;

/// Items of a list, most of them close to a name in a store.
fn items() -> impl Strategy<Value = Vec<String>> {
    let item = (strategies::keys(), any::<bool>()).prop_map(|(key, is_directory)| {
        key.as_str().to_owned() + if is_directory { "/" } else { "" }
    });
    vec(item, 0..4)
}

fn is_named(items: &[String], name: &str) -> bool {
    let names = |item: &String| *item == name || item.ends_with('/') && name.starts_with(&**item);
    items.iter().any(names)
}

fn selection(items: &[String]) -> Arc<Selection> {
    only(items.iter().map(String::as_str))
}

fn set(store: &MemoryStore, tree: &Tree) {
    for name in store.snapshot().into_keys() {
        store.remove(&name);
    }
    for (key, entry) in tree {
        let body = vec![b'x'; entry.size as usize];
        store.insert(key.as_str(), body, entry.modified);
    }
}

/// A source and a target of each kind that there is.
fn stores() -> impl Strategy<Value = (Direction, fn() -> (MemoryStore, MemoryStore))> {
    type Stores = fn() -> (MemoryStore, MemoryStore);
    let kinds: [(Direction, Stores); 3] = [
        (Direction::Backup, || {
            (MemoryStore::files(), MemoryStore::objects())
        }),
        (Direction::Backup, || {
            (MemoryStore::files(), MemoryStore::objects_in_directories())
        }),
        (Direction::Restore, || {
            (MemoryStore::objects(), MemoryStore::files())
        }),
    ];
    proptest::sample::select(kinds.to_vec())
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_run_by_the_list_of_what_changed_ends_as_a_run_of_all_keys(
        (direction, stores) in stores(),
        before in strategies::trees(),
        after in strategies::trees(),
        more in items(),
    ) {
        let changed = before.keys().chain(after.keys());
        let changed: BTreeSet<_> = changed.filter(|key| before.get(key) != after.get(key)).collect();
        let changed = changed.into_iter().map(|key| key.as_str().to_owned());
        let items: Vec<_> = changed.chain(more).collect();
        let options = PlanOptions::new(direction);
        let end_of = |options: &PlanOptions| {
            let (source, target) = stores();
            set(&source, &before);
            target.set_clock(World::clock());
            run(&plan(&source, &target, &PlanOptions::new(direction)), &source, &target);
            set(&source, &after);
            run(&plan(&source, &target, options), &source, &target);
            contents(&target)
        };
        let whole = end_of(&options);
        let listed = end_of(&with!(options.clone(), selection: selection(&items)));
        prop_assert_eq!(listed, whole, "{:?}", items);
    }

    /// Whatever is listed, skipped, or in the way.
    #[test]
    fn a_run_by_any_list_touches_nothing_else(
        world in worlds(),
        items in items(),
        skips in vec((any::<bool>(), strategies::keys()), 0..3),
        in_disorder in any::<bool>(),
    ) {
        let (source, target) = world.stores();
        for (of_source, key) in &skips {
            let store = if *of_source { &source } else { &target };
            store.skip(key.as_str(), SkipCause::Link);
        }
        if in_disorder {
            source.list_in_disorder();
            target.list_in_disorder();
        }
        let (before, of_source) = (contents(&target), contents(&source));
        let options = with!(world.options(), selection: selection(&items));
        let made = plan(&source, &target, &options);
        for line in lines(&made) {
            let mut words = line.split(' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            let is_above = |item: &String| item.starts_with(&format!("{name}/"));
            let is_known = is_named(&items, name) || what == "skip" && items.iter().any(is_above);
            prop_assert!(is_known, "{line} by {items:?}");
        }
        run(&made, &source, &target);
        let after = contents(&target);
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        for name in names.into_iter().filter(|name| !is_named(&items, name)) {
            prop_assert_eq!(before.get(name), after.get(name), "{} by {:?}", name, items);
        }
        prop_assert_eq!(of_source, contents(&source));
    }

    /// Whatever the listings skip, or in whatever order they are; a plan and a verification
    /// find the same.
    #[test]
    fn names_that_neither_side_has_are_counted(
        world in worlds(),
        items in items(),
        skips in vec((any::<bool>(), strategies::keys(), any::<bool>()), 0..4),
        in_disorder in any::<bool>(),
    ) {
        let (source, target) = world.stores();
        let mut skipped = Vec::new();
        for (of_source, key, is_link) in &skips {
            let store = if *of_source { &source } else { &target };
            let cause = if *is_link { SkipCause::Link } else { SkipCause::Unreadable };
            store.skip(key.as_str(), cause);
            skipped.push(key.as_str());
        }
        // Of a skip alone it is not noticed that it comes too late.
        if in_disorder && skips.is_empty() {
            source.list_in_disorder();
            target.list_in_disorder();
        }
        let (in_source, in_target) = (source.snapshot(), target.snapshot());
        let there: Vec<_> = in_source.keys().chain(in_target.keys()).collect();
        let selection = selection(&items);
        let list = selection.keys().unwrap().items().unwrap();
        let expected: Vec<_> = list
            .map(|item| match item.unwrap() {
                KeyListItem::Key(key) => key.as_str().to_owned(),
                KeyListItem::Below(directory) => directory,
            })
            .filter(|item| {
                let named = |name: &str| is_named(std::slice::from_ref(item), name);
                let hides = |name: &&str| {
                    let rest = item.strip_prefix(*name);
                    named(name) || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                !there.iter().any(|name| named(name)) && !skipped.iter().any(hides)
            })
            .collect();
        let made = plan(&source, &target, &with!(world.options(), selection: selection.clone()));
        let not_found = &made.counts().not_found;
        prop_assert_eq!(not_found.names, expected.len() as u64, "{:?}", expected);
        prop_assert_eq!(&not_found.first[..], &expected[..expected.len().min(5)]);
        let options = with!(VerifyOptions::default(), selection);
        let survey = block_on(survey(&source, &target, &options, Arc::new(MemorySpools))).unwrap();
        prop_assert_eq!(&survey.not_found, not_found);
    }

    /// The plan by a list is that of all keys, without what is not listed: of a bucket, where
    /// nothing depends on what is above or below it.
    #[test]
    fn a_plan_by_a_list_of_everything_is_the_plan(world in worlds()) {
        let (source, target) = world.stores();
        let whole = plan(&source, &target, &world.options());
        let listed = plan(&source, &target, &with!(world.options(), selection: only(["./"])));
        prop_assert_eq!(lines(&listed), lines(&whole));
        prop_assert_eq!(listed.counts(), whole.counts());
    }
}

#[test]
fn what_is_excluded_is_so_in_a_list_too() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    for name in ["a.tmp", "b", "c"] {
        source.insert(name, "1", noon(0));
    }
    target.insert("d.tmp", "1", noon(0));
    let names = vec![NameRule::Exclude("*.tmp".to_owned())];
    let criteria = with!(Criteria::default(), names);
    let list = only(["a.tmp", "b", "d.tmp"]).keys().unwrap().clone();
    let selection = Selection::new(criteria, None).unwrap().only(list);
    let options = with!(PlanOptions::new(Direction::Backup), selection: selection.into());
    assert_eq!(lines(&plan(&source, &target, &options)), ["copy b"]);
}

#[test]
fn what_hides_content_elsewhere_does_not_make_a_list_incomplete() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    source.insert("z", "1", noon(0));
    for name in ["bad/x", "gone", "far/x"] {
        target.insert(name, "1", noon(0));
    }
    source.skip("bad", SkipCause::Unreadable);
    for (items, expected) in [
        (&["gone"][..], &["delete gone"][..]),
        (
            &["bad/x", "gone"],
            &["skip bad of the source", "keep bad/x", "delete gone"],
        ),
        (
            &["bad/", "far/"],
            &["skip bad of the source", "keep bad/x", "delete far/x"],
        ),
    ] {
        let selection = only(items.iter().copied());
        let made = plan(
            &source,
            &target,
            &with!(PlanOptions::new(Direction::Backup), selection),
        );
        assert_eq!(lines(&made), expected, "{items:?}");
        assert_eq!(made.counts().incomplete(), expected.len() > 1);
    }
}

fn backup(source: &MemoryStore, target: &MemoryStore, items: &[&str]) -> Plan {
    let selection = only(items.iter().copied());
    plan(
        source,
        target,
        &with!(PlanOptions::new(Direction::Backup), selection),
    )
}

/// Of a list whose keys are all gone: a few are deleted, more are refused by their share of
/// the list; and a source that has nothing at all is taken for one that is not mounted.
#[test]
fn keys_that_are_all_gone_are_deleted_under_the_guards() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    let names: Vec<_> = (0..11).map(|n| format!("f{n:02}")).collect();
    for name in names.iter().map(String::as_str).chain(["other"]) {
        target.insert(name, "1", noon(0));
    }
    let items: Vec<_> = names.iter().map(String::as_str).collect();
    let limits = Limits::default();
    source.insert("other", "1", noon(0));
    assert!(refusals(backup(&source, &target, &items[..10]).header(), &limits).is_empty());
    let all = backup(&source, &target, &items);
    let (deleted, target_of_list) = (11, 11);
    let too_many = Refusal::TooManyOfList {
        deleted,
        target: target_of_list,
    };
    assert_eq!(refusals(all.header(), &limits), [too_many]);
    let allowed = with!(Limits::default(), max_delete: MaxDelete::Entries(11));
    assert!(refusals(all.header(), &allowed).is_empty());
    // The same of the saved plan.
    let read = Plan::read_from(saved(&all).as_bytes(), MemorySpools.create().unwrap()).unwrap();
    assert_eq!(read.header(), all.header());
    source.remove("other");
    for count in [1, 11] {
        let empty = backup(&source, &target, &items[..count]);
        let target = count as u64;
        assert_eq!(
            refusals(empty.header(), &allowed),
            [Refusal::EmptySource { target }]
        );
    }
    let nothing = backup(&source, &target, &["absent"]);
    assert!(refusals(nothing.header(), &limits).is_empty());
}

/// By a list with a wrong prefix, nothing is done: that is no success.
#[test]
fn a_list_of_which_neither_side_has_anything_is_told_from_one_that_is_done() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    for name in ["a", "b/x"] {
        source.insert(name, "1", noon(0));
    }
    let finds_nothing = |items: &[&str], rules: &[&str]| {
        let names = rules
            .iter()
            .map(|glob| NameRule::Exclude((*glob).to_owned()));
        let criteria = with!(Criteria::default(), names: names.collect());
        let list = only(items.iter().copied()).keys().unwrap().clone();
        let selection = Selection::new(criteria, None).unwrap().only(list);
        let options = with!(PlanOptions::new(Direction::Backup), selection: selection.into());
        plan(&source, &target, &options)
            .header()
            .finds_nothing_listed()
    };
    assert!(finds_nothing(&["data/a", "data/b/"], &[]));
    assert!(!finds_nothing(&["data/a", "b/"], &[]));
    assert!(!finds_nothing(&[], &[]));
    assert!(!finds_nothing(&["./"], &[]));
    // Nobody knows whether it is there.
    assert!(!finds_nothing(&["x.tmp"], &["*.tmp"]));
    assert!(!finds_nothing(&["x/"], &["x/"]));
    source.skip("data", SkipCause::Unreadable);
    assert!(!finds_nothing(&["data/a"], &[]));
}

/// Where names are folded, a look at a key finds the file of another one.
#[test]
fn a_list_is_refused_where_either_store_folds_names() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    for folding in [Side::Source, Side::Target] {
        let (mut files, mut objects) = probes(&source, &target);
        match folding {
            Side::Source => files = files.that_folds_names(),
            Side::Target => objects = objects.that_folds_names(),
        }
        let options = with!(PlanOptions::new(Direction::Backup), selection: only(["a"]));
        let made = make_plan(&files, &objects, &options, Arc::new(MemorySpools));
        let error = block_on(made).err().unwrap();
        assert!(
            matches!(error, PlanError::NamesFold(side) if side == folding),
            "{error}"
        );
        assert!(files.log().is_empty());
    }
}

#[test]
fn only_what_is_listed_is_verified() {
    let (files, objects) = (MemoryStore::files(), MemoryStore::objects());
    for name in ["a", "b/x", "b/y", "c"] {
        files.insert(name, "1", noon(0));
        objects.insert(name, "1", noon(0));
    }
    let options = with!(VerifyOptions::default(), selection: only(["a", "b/", "none"]));
    let survey = block_on(survey(&files, &objects, &options, Arc::new(MemorySpools)));
    assert_eq!(survey.unwrap().both.entries, 3);
}
