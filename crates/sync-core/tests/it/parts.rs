//! A plan that is divided at its boundaries: the parts are executed one by one, in
//! any order, and what is deleted comes last; the end is that of the whole plan.

use proptest::prelude::*;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, Store,
    execute::{DeletionScope, ExecuteOptions, OnSourceChange},
    plan::{Action, Boundaries, Deletions, Plan, Tally},
    spool::{MemorySpools, Spools},
};

use crate::support::{
    Random, World, actions, backups_to_directories, cases, contents, plan, run, run_with, saved,
    worlds,
};

/// The lines of each part, which begins at a boundary wherever `cuts` says so.
pub(crate) fn parts(plan: &Plan, mut cuts: impl FnMut() -> bool) -> Vec<String> {
    let text = saved(plan);
    let mut boundaries = Boundaries::of(plan.header());
    let mut parts = vec![String::new()];
    for (action, line) in actions(plan).iter().zip(text.lines().skip(1)) {
        if boundaries.is_before(action) && cuts() {
            parts.push(String::new());
        }
        let part = parts.last_mut().unwrap();
        *part += line;
        part.push('\n');
    }
    parts
}

pub(crate) fn part(whole: &Plan, text: &str, wanted: impl Fn(&Action) -> bool) -> Plan {
    let spool = MemorySpools.create().unwrap();
    Plan::read_part(whole.header().clone(), text.as_bytes(), spool, wanted).unwrap()
}

/// Executes `whole` in parts, in an order of the seed.
fn run_parts(whole: &Plan, source: &dyn Store, target: &dyn Store, seed: u64) {
    let mut random = Random::new(seed);
    let mut parts = parts(whole, || random.below(2) == 0);
    if random.below(2) == 0 {
        parts.reverse();
    }
    let options = with!(ExecuteOptions::default(), deletions: DeletionScope::Blockers);
    let (mut copied, mut all_done) = (Tally::default(), true);
    for text in parts {
        let part = part(whole, &text, |_| true);
        let report = run_with(&part, source, target, &options, &());
        copied = copied + report.created + report.overwritten;
        all_done &= report.is_complete();
    }
    if all_done {
        let counts = whole.counts();
        assert_eq!(copied, counts.created() + counts.overwritten());
        let text = saved(whole);
        let lines = text.split_once('\n').unwrap().1;
        let end = part(whole, lines, |action| {
            !matches!(action, Action::Transfer(_))
        });
        let options = with!(
            ExecuteOptions::default(), on_source_change: OnSourceChange::Refuse
        );
        let report = run_with(&end, source, target, &options, &());
        // What has given way is gone, and counts.
        if report.is_complete() {
            assert_eq!(report.deleted, whole.counts().deleted());
        }
    }
}

fn directories(plain: &MemoryStore) -> MemoryStore {
    let target = MemoryStore::objects_in_directories();
    target.set_clock(World::clock());
    for (name, object) in plain.snapshot() {
        target.insert(&name, object.body, object.modified);
    }
    target
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn the_parts_of_a_plan_end_as_the_whole(world in worlds(), seed in any::<u64>()) {
        let (source, target) = world.stores();
        let whole = plan(&source, &target, &world.options());
        run_parts(&whole, &source, &target, seed);
        let (source, expected) = world.stores();
        run(&whole, &source, &expected);
        prop_assert_eq!(contents(&target), contents(&expected));
    }

    #[test]
    fn and_so_where_a_server_keeps_its_objects_in_directories(
        world in backups_to_directories(), seed in any::<u64>(),
    ) {
        prop_assume!(world.deletions == Deletions::On);
        let (source, plain) = world.stores();
        let target = directories(&plain);
        let whole = plan(&source, &target, &world.options());
        run_parts(&whole, &source, &target, seed);
        let names = |store: &MemoryStore| store.contents().into_keys().collect::<Vec<_>>();
        prop_assert_eq!(names(&target), names(&source));
    }
}

/// The boundaries are needed: elsewhere, a part would lack what is in its way.
#[test]
fn what_gives_way_is_in_the_part_of_what_comes() {
    let (source, target) = (MemoryStore::objects(), MemoryStore::files());
    let noon = crate::support::noon(0);
    for name in ["a/b", "a/c", "tree", "z"] {
        source.insert(name, name, noon);
    }
    for name in ["a", "tree/x", "tree/y", "y"] {
        target.insert(name, name, noon);
    }
    let options = sync_core::plan::PlanOptions::new(Direction::Restore);
    let whole = plan(&source, &target, &options);
    let keys = |text: &String| text.lines().count();
    let lengths: Vec<_> = parts(&whole, || true).iter().map(keys).collect();
    assert_eq!(lengths, [0, 3, 3, 1, 1], "{}", saved(&whole));
}
