//! Random worlds: after a run the target is what the model says, and a
//! second run does nothing.

use chrono::TimeDelta;
use proptest::prelude::*;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction,
    execute::{DeletionsSkipped, Report},
    plan::{Counts, Deletions, PlanOptions, Tally},
    rule::{Compare, Reason},
};

use crate::support::{
    Step, World, actions, backups, cases, contents, lines, plan, probes, restores, run, worlds,
};

/// Plans and executes.
fn sync(source: &MemoryStore, target: &MemoryStore, options: &PlanOptions) -> (Counts, Report) {
    let plan = plan(source, target, options);
    let report = run(&plan, source, target);
    (plan.counts().clone(), report)
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_run_ends_as_the_model_says(world in worlds()) {
        let (source, target) = world.stores();
        let before = contents(&source);
        let (counts, report) = sync(&source, &target, &world.options());
        prop_assert_eq!(contents(&target), world.outcome());
        prop_assert_eq!(contents(&source), before, "the source is left alone");

        let steps = world.steps();
        let blocked = |(name, step): &(&String, &Step)| {
            world.is_incomplete() && matches!(step, Step::Transfer(_)) && world.is_blocked(name)
        };
        prop_assert_eq!(report.failed, steps.iter().filter(blocked).count() as u64);
        let withheld = world.is_incomplete() && counts.deleted().entries > 0;
        prop_assert_eq!(report.deletions_withheld, withheld.then_some(DeletionsSkipped::SourceIncomplete));
        if report.is_complete() {
            let done = (report.created, report.overwritten, report.deleted);
            prop_assert_eq!(done, (counts.created(), counts.overwritten(), counts.deleted()));
        }
    }

    #[test]
    fn a_second_run_does_nothing(world in worlds()) {
        let (source, target) = world.stores();
        let (_, report) = sync(&source, &target, &world.options());
        let (changes, after) = (target.changes(), contents(&target));
        let again = plan(&source, &target, &world.options());
        if report.is_complete() {
            let counts = again.counts();
            prop_assert_eq!(counts.created() + counts.overwritten(), Tally::default());
            prop_assert_eq!(counts.deleted(), Tally::default());
        }
        run(&again, &source, &target);
        prop_assert_eq!(target.changes(), changes);
        prop_assert_eq!(contents(&target), after);
    }

    #[test]
    fn backup_then_restore_moves_nothing(
        world in backups(), ahead in 0..3_600_000_i64,
    ) {
        let (files, bucket) = world.stores();
        let (files, bucket) = probes(&files, &bucket);
        let bucket = bucket.with_clock_offset(TimeDelta::milliseconds(ahead));

        let backup = PlanOptions::new(Direction::Backup);
        let report = run(&plan(&files, &bucket, &backup), &files, &bucket);
        prop_assert!(report.is_complete());
        let restore = PlanOptions::new(Direction::Restore);
        let restored = plan(&bucket, &files, &restore);
        prop_assert_eq!(changes(restored.counts()), Tally::default());
        let again = plan(&files, &bucket, &backup);
        prop_assert_eq!(changes(again.counts()), Tally::default());
    }

    #[test]
    fn restore_then_backup_moves_nothing(world in restores(), ahead in 0..3_600_000_i64) {
        let world = World { deletions: Deletions::On, ..world };
        let (bucket, files) = world.stores();
        let (bucket, files) = probes(&bucket, &files);
        let bucket = bucket.with_clock_offset(TimeDelta::milliseconds(ahead));
        let restore = world.options();
        run(&plan(&bucket, &files, &restore), &bucket, &files);
        prop_assume!(!world.is_incomplete());

        let again = plan(&bucket, &files, &restore);
        prop_assert_eq!(changes(again.counts()), Tally::default());
        let backup = plan(&files, &bucket, &PlanOptions::new(Direction::Backup));
        prop_assert_eq!(changes(backup.counts()), Tally::default());
    }

    #[test]
    fn after_a_restore_by_exact_times_the_tree_is_the_bucket(world in restores()) {
        let world = World { compare: Compare::ExactTimes, deletions: Deletions::On, ..world };
        let (bucket, files) = world.stores();
        let (_, report) = sync(&bucket, &files, &world.options());
        let (tree, mut expected) = (contents(&files), contents(&bucket));
        if report.is_complete() && !world.is_incomplete() {
            expected.retain(|name, _| world.steps().contains_key(name));
            prop_assert_eq!(tree, expected);
        } else {
            let steps = world.steps();
            let free = |name: &str| steps[name] != Step::Conflict && !world.is_blocked(name);
            for (name, object) in expected.iter().filter(|(n, _)| steps.contains_key(*n)) {
                if free(name) {
                    prop_assert_eq!(tree.get(name), Some(object), "{}", name);
                }
            }
        }
    }

    #[test]
    fn by_checksum_the_contents_become_equal(world in worlds()) {
        let world = World { compare: Compare::Checksum, deletions: Deletions::On, ..world };
        let (source, target) = world.stores();
        sync(&source, &target, &world.options());
        if !world.is_incomplete() {
            let steps = world.steps();
            let bodies = |store: &MemoryStore| {
                let mut bodies = store.contents();
                bodies.retain(|name, _| steps.contains_key(name));
                bodies
            };
            prop_assert_eq!(bodies(&target), bodies(&source));
        }
    }

    #[test]
    fn nothing_is_deleted_when_a_transfer_fails(world in worlds(), nth in any::<prop::sample::Index>()) {
        let (source, target) = world.stores();
        let steps = world.steps();
        let copied = |(_, step): &(&String, &Step)| matches!(step, Step::Transfer(_));
        let copied: Vec<&String> = steps.iter().filter(copied).map(|(name, _)| name).collect();
        prop_assume!(!copied.is_empty());
        let failing = *nth.get(&copied);
        source.fail_reading(failing);
        // Comparing contents reads too, and then there is no plan at all.
        prop_assume!(world.compare != Compare::Checksum
            || steps[failing] != Step::Transfer(Reason::ContentDiffers));

        let before = contents(&target);
        let plan = plan(&source, &target, &world.options());
        let report = run(&plan, &source, &target);
        prop_assert!(report.failed >= 1);
        let after = contents(&target);
        prop_assert_eq!(after.get(failing), before.get(failing), "the old version stays");
        for (name, _) in steps.iter().filter(|(_, step)| **step == Step::Delete) {
            let replaced = |other: &&String| {
                world.is_blocked(other) && after.contains_key(*other) && !before.contains_key(*other)
            };
            prop_assert!(
                after.contains_key(name) || copied.iter().any(replaced),
                "{} was deleted", name
            );
        }
        if !world.is_blocked(failing) {
            prop_assert_eq!(report.deleted, Tally::default());
        }
    }

    #[test]
    fn conflicts_are_named_and_left_alone(world in worlds()) {
        let (source, target) = world.stores();
        let before = contents(&target);
        let plan = plan(&source, &target, &world.options());
        run(&plan, &source, &target);
        let after = contents(&target);
        for (name, _) in world.steps().iter().filter(|(_, step)| **step == Step::Conflict) {
            prop_assert_eq!(after.get(name), before.get(name));
            let named = |action| matches!(action, sync_core::plan::Action::Conflict { key, .. } if key.as_str() == name);
            prop_assert!(actions(&plan).into_iter().any(named), "{} is not named", name);
        }
    }
}

/// All copies and deletions of a plan.
fn changes(counts: &Counts) -> Tally {
    counts.created() + counts.overwritten() + counts.deleted()
}

#[test]
fn deletions_that_are_off_keep_and_count() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    target.insert("old", "12345", World::clock());
    let options = with!(PlanOptions::new(Direction::Backup), deletions: Deletions::Off);
    let plan = plan(&source, &target, &options);
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(
        plan.counts().of(Reason::DeletionsOff),
        Tally {
            entries: 1,
            bytes: 5
        }
    );
    assert!(run(&plan, &source, &target).is_complete());
    assert_eq!(target.changes(), 0);
}
