//! Random worlds: a plan is the difference of two maps, and comes from whole
//! listings only.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sync_core::{
    Direction, ErrorKind,
    entry::SkipCause,
    listing::Side,
    plan::{Action, Plan, PlanError, Tally},
};

use crate::support::{Item, Step, World, actions, cases, plan, try_plan, worlds};

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_plan_is_the_difference_of_two_maps(world in worlds()) {
        let (source, target) = world.stores();
        let plan = plan(&source, &target, &world.options());
        let mut expected = world.steps();
        let counts = plan.counts();
        prop_assert_eq!(counts.kept(), tally(&expected, &world, |s| matches!(s, Step::Keep(_))));
        expected.retain(|_, step| !matches!(step, Step::Keep(_)));
        prop_assert_eq!(planned(&plan), expected);
    }

    #[test]
    fn a_plan_counts_what_it_does(world in worlds()) {
        let (source, target) = world.stores();
        let plan = plan(&source, &target, &world.options());
        let (counts, steps) = (plan.counts(), world.steps());
        let of = |wanted: Step| tally(&steps, &world, |step| step == wanted);
        for (reason, tally) in &counts.reasons {
            let step = if counts.deleted() == *tally && *reason == sync_core::rule::Reason::OnlyInTarget {
                of(Step::Delete)
            } else {
                of(Step::Transfer(*reason)) + of(Step::Keep(*reason))
            };
            prop_assert_eq!(*tally, step, "{}", reason);
        }
        let transfers = tally(&steps, &world, |step| matches!(step, Step::Transfer(_)));
        prop_assert_eq!(counts.created() + counts.overwritten(), transfers);
        prop_assert_eq!(counts.deleted(), of(Step::Delete));
        prop_assert_eq!(counts.conflicts, of(Step::Conflict).entries);
        prop_assert_eq!(counts.source, whole(&world.source));
        prop_assert_eq!(counts.target, whole(&world.target));
        prop_assert_eq!(counts.incomplete(), world.is_incomplete());
    }

    #[test]
    fn a_plan_carries_the_versions_that_it_saw(world in worlds()) {
        let (source, target) = world.stores();
        let seen = |side: &BTreeMap<String, Item>, entry: &sync_core::Entry| {
            let item = side[entry.key.as_str()];
            (entry.size, entry.modified) == (item.size.into(), item.time) && entry.revision.is_some()
        };
        for action in actions(&plan(&source, &target, &world.options())) {
            match action {
                Action::Transfer(transfer) => {
                    prop_assert!(seen(&world.source, &transfer.source));
                    let target = world.target.get(transfer.source.key.as_str());
                    prop_assert_eq!(transfer.target.is_some(), target.is_some());
                    prop_assert!(transfer.target.iter().all(|e| seen(&world.target, e)));
                }
                Action::Delete(delete) => prop_assert!(seen(&world.target, &delete.target)),
                _ => {}
            }
        }
    }

    #[test]
    fn every_name_that_is_no_path_is_named_and_counted(world in worlds()) {
        let (source, target) = world.stores();
        let plan = plan(&source, &target, &world.options());
        for (wanted, items, counts) in [
            (Side::Source, &world.source, &plan.counts().skipped_in_source),
            (Side::Target, &world.target, &plan.counts().skipped_in_target),
        ] {
            let named = actions(&plan).into_iter().filter_map(|action| match action {
                Action::Skip { side, skipped } if side == wanted => {
                    Some((skipped.name, skipped.cause == SkipCause::Placeholder))
                }
                _ => None,
            });
            let named: BTreeMap<String, bool> = named.collect();
            prop_assert_eq!(counts.values().sum::<u64>(), named.len() as u64);
            prop_assert_eq!(named, World::unmappable(items));
        }
    }

    #[test]
    fn making_a_plan_changes_nothing(world in worlds()) {
        let (source, target) = world.stores();
        let before = (source.snapshot(), target.snapshot());
        plan(&source, &target, &world.options());
        prop_assert_eq!((source.snapshot(), target.snapshot()), before);
        prop_assert_eq!(source.changes() + target.changes(), 0);
    }

    #[test]
    fn the_order_of_a_listing_makes_no_difference(
        world in worlds(),
        sides in prop_oneof![Just((true, false)), Just((false, true)), Just((true, true))],
        sort_memory in prop_oneof![Just(0), Just(500), Just(usize::MAX)],
    ) {
        let (source, target) = world.stores();
        let options = with!(world.options(), sort_memory);
        let ordered = plan(&source, &target, &options);
        if sides.0 { source.list_in_disorder(); }
        if sides.1 { target.list_in_disorder(); }
        let sorted = plan(&source, &target, &options);
        prop_assert_eq!(sorted.header(), ordered.header());
        prop_assert_eq!(without_skips(&sorted), without_skips(&ordered));
        prop_assert_eq!(skips(&sorted), skips(&ordered));
    }

    #[test]
    fn no_plan_comes_from_half_a_listing(world in worlds(), disorder in any::<bool>()) {
        let (source, target) = world.stores();
        if disorder {
            source.list_in_disorder();
            target.list_in_disorder();
        }
        let sides = [
            (Side::Source, &source, world.source.len()),
            (Side::Target, &target, world.target.len()),
        ];
        for (side, store, items) in sides {
            for after in 0..=items {
                store.fail_listing_after(after);
                match try_plan(&source, &target, &world.options()) {
                    Err(PlanError::Listing(failed)) => {
                        prop_assert_eq!(failed.side, side);
                        prop_assert_eq!(failed.error.kind(), ErrorKind::Unavailable);
                    }
                    _ => prop_assert!(false, "a plan from {} items of the {}", after, side),
                }
                store.heal();
            }
        }
        prop_assert_eq!(source.changes() + target.changes(), 0);
    }
}

/// The model's steps, read from a plan.
fn planned(plan: &Plan) -> BTreeMap<String, Step> {
    let step = |action| match action {
        Action::Transfer(transfer) => Some((
            transfer.source.key.to_string(),
            Step::Transfer(transfer.reason),
        )),
        Action::Delete(delete) => Some((delete.target.key.to_string(), Step::Delete)),
        Action::Conflict { key, .. } => Some((key.to_string(), Step::Conflict)),
        Action::Keep { .. } | Action::Skip { .. } | Action::TooLong { .. } => None,
    };
    let steps: Vec<_> = actions(plan).into_iter().filter_map(step).collect();
    let by_key: BTreeMap<_, _> = steps.iter().cloned().collect();
    assert_eq!(by_key.len(), steps.len(), "a key has one action: {steps:?}");
    by_key
}

/// Of all steps that are `wanted`, the number and the bytes: those of the
/// source for a transfer, those of the target otherwise.
fn tally(steps: &BTreeMap<String, Step>, world: &World, wanted: impl Fn(Step) -> bool) -> Tally {
    let mut tally = Tally::default();
    for (name, step) in steps.iter().filter(|(_, step)| wanted(**step)) {
        let side = match step {
            Step::Transfer(_) | Step::Conflict => &world.source,
            Step::Delete | Step::Keep(_) => &world.target,
        };
        tally.add(side[name].size.into());
    }
    tally
}

fn whole(items: &BTreeMap<String, Item>) -> Tally {
    let odd = World::unmappable(items);
    let mut tally = Tally::default();
    for (_, item) in items.iter().filter(|(name, _)| !odd.contains_key(*name)) {
        tally.add(item.size.into());
    }
    tally
}

fn without_skips(plan: &Plan) -> Vec<Action> {
    let mut actions = actions(plan);
    actions.retain(|action| !matches!(action, Action::Skip { .. }));
    actions
}

/// All skips. Their order follows the listing, for they have no key.
fn skips(plan: &Plan) -> Vec<String> {
    let mut skips: Vec<String> = actions(plan)
        .iter()
        .filter(|action| matches!(action, Action::Skip { .. }))
        .map(|action| format!("{action:?}"))
        .collect();
    skips.sort();
    skips
}

#[test]
fn a_direction_of_its_own_is_in_every_plan() {
    for direction in [Direction::Backup, Direction::Restore] {
        let store = sync_core::testing::MemoryStore::files();
        let plan = plan(
            &store,
            &store,
            &sync_core::plan::PlanOptions::new(direction),
        );
        assert_eq!(plan.direction(), direction);
    }
}
