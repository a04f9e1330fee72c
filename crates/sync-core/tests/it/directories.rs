//! Backups to a server that keeps its objects in directories, so that it can
//! hold only one of `a` and `a/b`: what the plan deletes gives way once the
//! store has refused what replaces it.

use proptest::prelude::*;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind,
    execute::{DeletionsSkipped, ExecuteOptions},
    plan::{Deletions, PlanOptions},
};

use crate::support::{
    Scheduler, backups_to_directories, cases, lines, noon, one_by_one, plan, probes, run, run_with,
};

fn stores(files: &[&str], objects: &[&str]) -> (MemoryStore, MemoryStore) {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects_in_directories());
    target.set_clock(noon(10));
    for name in files {
        source.insert(name, "file", noon(0));
    }
    for name in objects {
        target.insert(name, "object", noon(0));
    }
    (source, target)
}

fn backup() -> PlanOptions {
    PlanOptions::new(Direction::Backup)
}

#[test]
fn a_file_that_became_a_directory_and_the_reverse_get_through() {
    for (files, objects) in [
        (&["a/b", "a/c/d", "z"][..], &["a"][..]),
        (&["a", "z"], &["a/b", "a/c/d", "a/c/e"]),
        (&["a/b/c/d"], &["a"]),
        (&["a", "b/x", "b/y", "c"], &["a/x", "b", "c/x"]),
    ] {
        let (source, target) = stores(files, objects);
        let made = plan(&source, &target, &backup());
        let report = run(&made, &source, &target);
        assert!(report.is_complete(), "{files:?}: {report:?}");
        assert_eq!(target.contents(), source.contents());
        assert_eq!(report.deleted.entries as usize, objects.len());
        let second = plan(&source, &target, &backup());
        assert_eq!(lines(&second), [""; 0]);
    }
}

/// More below the new file than one call deletes, and in parts of many.
#[test]
fn a_directory_of_thousands_gives_way_in_batches() {
    let (source, target) = stores(&["a", "a-b", "z"], &[]);
    source.insert("a", vec![b'x'; 100], noon(0));
    for n in 0..2_500 {
        target.insert(&format!("a/{n}"), "object", noon(0));
        target.insert(&format!("b/{n}"), "object", noon(0));
    }
    let made = plan(&source, &target, &backup());
    let report = run_with(&made, &source, &target, &one_by_one(), &());
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.deleted.entries, 5_000);
    assert_eq!(target.contents(), source.contents());
}

#[test]
fn a_bucket_that_holds_both_pays_nothing() {
    for (files, objects) in [(&["a/b", "a/c"][..], &["a"][..]), (&["a"], &["a/b", "a/c"])] {
        let (source, _) = stores(files, &[]);
        let target = MemoryStore::objects();
        for name in objects {
            target.insert(name, "object", noon(0));
        }
        let (source, target) = probes(&source, &target);
        let made = plan(&source, &target, &backup());
        assert!(run(&made, &source, &target).is_complete());
        let log = target.log();
        let puts = log.iter().filter(|call| call.starts_with("target put"));
        assert_eq!(puts.count(), files.len());
        let deletions: Vec<_> = log
            .iter()
            .filter(|c| c.starts_with("target delete"))
            .collect();
        assert_eq!(deletions.len(), 1);
        assert_eq!(
            log.last(),
            Some(deletions[0]),
            "deletions come last: {log:?}"
        );
    }
}

#[test]
fn one_refusal_suffices_for_all_that_one_object_is_in_the_way_of() {
    let names: Vec<String> = (0..50).map(|n| format!("a/{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (source, target) = stores(&names, &["a"]);
    let (source, target) = probes(&source, &target);
    let made = plan(&source, &target, &backup());
    assert!(run(&made, &source, &target).is_complete());
    let puts = target
        .log()
        .into_iter()
        .filter(|call| call.starts_with("target put"));
    assert_eq!(puts.count(), names.len() + 1);
}

#[test]
fn nothing_gives_way_where_nothing_may_be_deleted() {
    for (files, objects) in [(&["a/b", "z"][..], &["a"][..]), (&["a", "z"], &["a/b"])] {
        // Another transfer has failed.
        let (source, target) = stores(files, objects);
        source.fail_reading("z");
        let report = run(&plan(&source, &target, &backup()), &source, &target);
        assert_eq!(report.failed, 2);
        assert_eq!(
            report.deletions_withheld,
            Some(DeletionsSkipped::TransferFailed)
        );
        assert!(target.contents().contains_key(objects[0]));
        // Deletions are off.
        let (source, target) = stores(files, objects);
        let options = with!(backup(), deletions: Deletions::Off);
        let report = run(&plan(&source, &target, &options), &source, &target);
        assert_eq!(report.failed, 1);
        assert!(target.contents().contains_key(objects[0]));
        // The source is not wholly known.
        let (source, target) = stores(files, objects);
        source.skip("odd", sync_core::entry::SkipCause::Unreadable);
        let report = run(&plan(&source, &target, &backup()), &source, &target);
        assert_eq!(report.failed, 1);
        assert!(target.contents().contains_key(objects[0]));
    }
}

/// What gives way must have a replacement, be what the plan saw, and still be
/// missing in the source.
#[test]
fn what_is_in_the_way_stays_if_it_or_its_replacement_is_not_as_planned() {
    for (file, object) in [("a/b", "a"), ("a", "a/b")] {
        for fault in ["source read", "source stat", "target delete"] {
            let (source, target) = stores(&[], &[object]);
            source.insert(file, vec![b'x'; 20], noon(0));
            let (source, probe) = probes(&source, &target);
            let made = plan(&source, &probe, &backup());
            let name = if fault == "source read" { file } else { object };
            probe.fail(&format!("{fault} {name}"), ErrorKind::Denied);
            let report = run_with(&made, &source, &probe, &one_by_one(), &());
            assert_eq!(report.failed, 1, "{fault}");
            assert_eq!(target.contents().len(), 1);
            assert!(target.contents().contains_key(object), "{fault}");
        }
        let (source, target) = stores(&[file], &[object]);
        let made = plan(&source, &target, &backup());
        target.insert(object, "somebody else's", noon(5));
        let report = run(&made, &source, &target);
        assert_eq!(report.failed, 1);
        assert_eq!(target.contents()[object], "somebody else's");
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_backup_makes_such_a_bucket_equal(
        world in backups_to_directories(), seed in any::<u64>(), concurrency in 1..8_usize,
    ) {
        prop_assume!(world.deletions == Deletions::On);
        let (source, plain) = world.stores();
        let target = MemoryStore::objects_in_directories();
        target.set_clock(crate::support::World::clock());
        for (name, object) in plain.snapshot() {
            target.insert(&name, object.body, object.modified);
        }
        let made = plan(&source, &target, &world.options());
        let scheduler = Scheduler::new(seed);
        let (paced_source, paced_target) = probes(&source, &target);
        let (paced_source, paced_target) =
            (paced_source.paced(&scheduler), paced_target.paced(&scheduler));
        let options = with!(ExecuteOptions::default(), concurrency, part_size: 1);
        let execution = sync_core::execute(
            &made, &paced_source, &paced_target, &options, &(), std::future::pending(),
        );
        let report = scheduler.run(execution).unwrap();
        prop_assert!(report.is_complete(), "{:?} {:?}", report, lines(&made));
        let names = |store: &MemoryStore| store.contents().into_keys().collect::<Vec<_>>();
        prop_assert_eq!(names(&target), names(&source));
        prop_assert_eq!(report.deleted.entries, made.counts().deleted().entries);
        let second = plan(&source, &target, &world.options());
        prop_assert_eq!(second.counts().deleted().entries, 0);
        prop_assert_eq!(second.counts().created().entries, 0);
    }
}
