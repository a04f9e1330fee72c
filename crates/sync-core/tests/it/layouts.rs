//! A file where a directory must come, and the other way round: what is in the
//! way is replaced without loss.

use std::future::pending;

use proptest::prelude::*;
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind, execute,
    execute::{DeletionsSkipped, ExecuteOptions},
    plan::PlanOptions,
};

use crate::support::{
    Scheduler, assert_plan, cases, lines, noon, plan, probes, restore, restores, run,
};

#[test]
fn a_file_gives_way_to_a_directory() {
    let restore = restore(&["a/b"], &["a"]);
    assert_eq!(restore.plan(), ["copy a/b over the file a", "clear a"]);
    assert_eq!(restore.outcome(), ["a/b*"]);
    assert_eq!(restore.plan(), [""; 0]);
}

#[test]
fn a_directory_gives_way_to_a_file() {
    let restore = restore(&["a"], &["a/b", "a/c/d"]);
    assert_eq!(
        restore.plan(),
        ["clear a/b", "clear a/c/d", "copy a over a directory"]
    );
    assert_eq!(restore.outcome(), ["a*"]);
    assert_eq!(restore.plan(), [""; 0]);
}

#[test]
fn names_between_a_directory_and_its_files_are_neighbours_only() {
    // In byte order: a, a-b, a.txt, a/x, a/y/z.
    let names = ["a-b", "a.txt", "a/x", "a/y/z"];
    let restore = restore(&names, &["a", "a0"]);
    assert_plan(
        &restore,
        vec![
            "clear a",
            "copy a-b",
            "copy a.txt",
            "copy a/x over the file a",
            "copy a/y/z over the file a",
            "delete a0",
        ],
    );
    assert_eq!(restore.outcome(), ["a-b*", "a.txt*", "a/x*", "a/y/z*"]);
}

#[test]
fn one_file_gives_way_to_many_and_is_deleted_once() {
    let restore = restore(&["a/x", "a/y", "a/z"], &["a"]);
    let (bucket, files) = probes(&restore.bucket, &restore.files);
    let plan = plan(&bucket, &files, &restore.options);
    let report = run(&plan, &bucket, &files);
    assert!(report.is_complete());
    assert_eq!((report.created.entries, report.deleted.entries), (3, 1));
    let deletions = files
        .log()
        .into_iter()
        .filter(|call| call.starts_with("target delete"));
    assert_eq!(deletions.collect::<Vec<_>>(), ["target delete a"]);
}

/// A file that became a directory of many, and many files that each became one.
#[test]
fn what_something_was_in_the_way_of_is_copied_side_by_side() {
    let names = |name: fn(usize) -> String| (0..60).map(name).collect::<Vec<_>>();
    let few: fn(usize) -> String = |n| format!("a/{n}");
    let many: fn(usize) -> String = |n| format!("a{n}/x");
    let reverse: fn(usize) -> String = |n| format!("a{n}");
    for (objects, files) in [
        (names(few), vec!["a".to_owned()]),
        (names(many), names(reverse)),
        (names(reverse), names(many)),
    ] {
        let (objects, files): (Vec<&str>, Vec<&str>) = (
            objects.iter().map(String::as_str).collect(),
            files.iter().map(String::as_str).collect(),
        );
        let restore = restore(&objects, &files);
        let scheduler = Scheduler::new(1);
        let (bucket, tree) = probes(&restore.bucket, &restore.files);
        let (bucket, tree) = (bucket.paced(&scheduler), tree.paced(&scheduler));
        let planned = plan(&restore.bucket, &restore.files, &restore.options);
        let options = with!(ExecuteOptions::default(), concurrency: 16);
        let run = execute(&planned, &bucket, &tree, &options, &(), pending());
        let report = scheduler.run(run).unwrap();
        assert!(report.is_complete());
        assert_eq!(report.deleted.entries as usize, files.len());
        assert_eq!(restore.files.contents().len(), objects.len());
        assert!(bucket.most_held().parts > 8, "{:?}", bucket.most_held());
    }
}

/// However much is below it, no more than a batch of it is held.
#[test]
fn a_directory_of_thousands_gives_way_in_batches() {
    let names: Vec<String> = (0..2_500).map(|n| format!("a/{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let restore = restore(&["a", "b"], &[&names[..], &["b/x", "z"]].concat());
    let (bucket, tree) = probes(&restore.bucket, &restore.files);
    let planned = plan(&bucket, &tree, &restore.options);
    let report = run(&planned, &bucket, &tree);
    assert!(report.is_complete());
    assert_eq!(report.deleted.entries, 2_502);
    let log = tree.log();
    let sizes = log
        .iter()
        .filter_map(|call| call.strip_prefix("target delete "));
    let sizes: Vec<usize> = sizes.map(|names| names.split(' ').count()).collect();
    assert_eq!(sizes, [1_000, 1_000, 500, 1, 1]);
    assert_eq!(restore.files.contents().len(), 2);
}

#[test]
fn a_file_three_levels_above_gives_way() {
    let restore = restore(&["a/b/c/d"], &["a"]);
    assert_eq!(restore.plan(), ["copy a/b/c/d over the file a", "clear a"]);
    assert_eq!(restore.outcome(), ["a/b/c/d*"]);
}

#[test]
fn files_three_levels_below_give_way() {
    let restore = restore(&["a"], &["a/b/c/d", "a/b/e", "a-b"]);
    assert_eq!(restore.outcome(), ["a*"]);
}

#[test]
fn swaps_beside_each_other_do_not_mix() {
    let restore = restore(&["a", "b/c", "d/e"], &["a/x", "b", "d"]);
    assert_eq!(restore.outcome(), ["a*", "b/c*", "d/e*"]);
}

#[test]
fn what_blocks_is_deleted_only_when_its_replacement_has_been_read() {
    for (objects, files, replaced) in [
        (&["a/b"][..], &["a"][..], "a/b"),
        (&["a"][..], &["a/b"][..], "a"),
    ] {
        let restore = restore(objects, files);
        let (bucket, tree) = probes(&restore.bucket, &restore.files);
        run(&plan(&bucket, &tree, &restore.options), &bucket, &tree);
        let expected = [
            format!("target write {replaced}"),
            format!("source read {replaced}"),
            format!("target part {replaced}"),
            format!("source digest {replaced}"),
            format!("target delete {}", files[0]),
            format!("target commit {replaced}"),
        ];
        assert_eq!(tree.log(), expected);
    }
}

#[test]
fn what_blocks_stays_when_its_replacement_cannot_be_read_or_written() {
    for fault in [
        "source read a/b",
        "target write a/b",
        "target part a/b",
        "source digest a/b",
    ] {
        let restore = restore(&["a/b"], &["a", "z"]);
        let (bucket, files) = probes(&restore.bucket, &restore.files);
        files.fail(fault, ErrorKind::Denied);
        let report = run(&plan(&bucket, &files, &restore.options), &bucket, &files);
        assert_eq!(report.failed, 1, "{fault}");
        assert_eq!(
            report.deletions_withheld,
            Some(DeletionsSkipped::TransferFailed)
        );
        assert_eq!(restore.files.contents().len(), 2, "{fault}");
        assert!(
            !files
                .log()
                .iter()
                .any(|call| call.starts_with("target delete")),
            "{fault}"
        );
    }
}

#[test]
fn a_blocker_that_changed_meanwhile_stays_and_the_write_is_given_up() {
    let restore = restore(&["a/b"], &["a"]);
    let (bucket, files) = probes(&restore.bucket, &restore.files);
    let plan = plan(&bucket, &files, &restore.options);
    restore.files.insert("a", "edited", noon(9));
    assert_eq!(run(&plan, &bucket, &files).failed, 1);
    assert_eq!(restore.files.contents()["a"], "edited");
    assert!(files.log().contains(&"target abort a/b".to_owned()));
}

#[test]
fn when_any_transfer_fails_nothing_gives_way() {
    let restore = restore(&["a/b", "z"], &["a", "y"]);
    restore.bucket.fail_reading("z");
    let plan = plan(&restore.bucket, &restore.files, &restore.options);
    let report = run(&plan, &restore.bucket, &restore.files);
    assert_eq!(report.failed, 2);
    assert_eq!(restore.files.changes(), 0);
}

#[test]
fn a_bucket_is_no_tree() {
    let (files, bucket) = (MemoryStore::files(), MemoryStore::objects());
    files.insert("a/b", "file", noon(0));
    bucket.insert("a", "object", noon(0));
    bucket.insert("a/b/c", "object", noon(0));
    let plan = plan(&files, &bucket, &PlanOptions::new(Direction::Backup));
    assert_eq!(
        lines(&plan),
        ["copy a/b over the file a", "delete a/b/c", "clear a"]
    );
    assert!(run(&plan, &files, &bucket).is_complete());
    assert_eq!(bucket.contents(), files.contents());
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn whatever_gives_way_is_cleared_after_its_replacement_was_read(world in restores()) {
        let (bucket, files) = world.stores();
        let (bucket, files) = probes(&bucket, &files);
        run(&plan(&bucket, &files, &world.options()), &bucket, &files);
        let log = files.log();
        let position = |call: &str| log.iter().position(|logged| logged == call);
        for (at, commit) in log.iter().enumerate().filter(|(_, c)| c.starts_with("target commit")) {
            let name = commit.strip_prefix("target commit ").unwrap();
            let read = position(&format!("source read {name}"));
            prop_assert!(read.is_some_and(|read| read < at));
            if log[at - 1].starts_with("target delete") {
                prop_assert!(read.is_some_and(|read| read < at - 1));
            }
        }
        // Deletions besides those before a commit come at the very end, once.
        let deletions = log.iter().enumerate().filter(|(_, call)| call.starts_with("target delete"));
        for (at, _) in deletions {
            let clears = log.get(at + 1).is_some_and(|next| next.starts_with("target commit"));
            prop_assert!(clears || at + 1 == log.len());
        }
    }
}
