//! Entries that a tree cannot hold side by side: they are named, left alone,
//! and make the run incomplete.

use sync_core::execute::DeletionsSkipped;

use crate::support::{assert_plan, lines, plan, probes, restore, run};

#[test]
fn both_in_the_bucket_is_a_conflict_of_the_one_that_is_a_directory() {
    let restore = restore(&["a", "a/b"], &[]);
    assert_plan(&restore, vec!["conflict a with a/b", "copy a/b"]);
    assert_eq!(restore.outcome(), ["a/b*"]);
}

#[test]
fn a_file_that_the_bucket_has_too_does_not_give_way() {
    let restore = restore(&["a", "a/b"], &["a"]);
    assert_plan(&restore, vec!["conflict a with a/b", "conflict a/b with a"]);
    assert_eq!(restore.outcome(), ["a"]);
}

#[test]
fn a_directory_that_the_bucket_has_too_does_not_give_way() {
    let restore = restore(&["a", "a/b"], &["a/b", "a/c"]);
    assert_plan(
        &restore,
        vec!["conflict a with a/b", "copy a/b", "clear a/c"],
    );
    assert_eq!(
        restore.outcome(),
        ["a/b*", "a/c"],
        "an incomplete run deletes nothing"
    );
}

#[test]
fn conflicts_nest() {
    let restore = restore(&["a", "a/b", "a/b/c"], &[]);
    assert_plan(
        &restore,
        vec![
            "conflict a with a/b",
            "conflict a/b with a/b/c",
            "copy a/b/c",
        ],
    );
    assert_eq!(restore.outcome(), ["a/b/c*"]);
}

#[test]
fn a_conflict_anywhere_lets_nothing_give_way() {
    let restore = restore(&["a", "a/b", "x/y"], &["x", "z"]);
    let plan = plan(&restore.bucket, &restore.files, &restore.options);
    assert!(plan.counts().incomplete());
    let report = run(&plan, &restore.bucket, &restore.files);
    assert_eq!(report.failed, 1, "x/y");
    assert_eq!(
        report.deletions_withheld,
        Some(DeletionsSkipped::SourceIncomplete)
    );
    assert_eq!(restore.outcome(), ["a/b*", "x", "z"]);
}

#[test]
fn without_deletions_a_file_in_the_way_is_a_conflict() {
    let restore = restore(&["a/b", "c"], &["a"]).without_deletions();
    assert_plan(&restore, vec!["conflict a/b with a", "copy c"]);
    assert_eq!(restore.outcome(), ["a", "c*"]);
}

#[test]
fn without_deletions_a_directory_in_the_way_is_a_conflict() {
    let restore = restore(&["a", "c"], &["a/b"]).without_deletions();
    assert_plan(&restore, vec!["conflict a with a/b", "copy c"]);
    assert_eq!(restore.outcome(), ["a/b", "c*"]);
}

#[test]
fn names_that_the_target_takes_for_one_are_a_conflict_of_the_later() {
    let objects = ["Read", "dir/x", "read", "DIR/y"];
    let restore = restore(&objects, &["old"]);
    let (bucket, files) = probes(&restore.bucket, &restore.files);
    let files = files.that_folds_names();
    let plan = plan(&bucket, &files, &restore.options);
    let mut planned = lines(&plan);
    planned.sort();
    let expected = [
        "conflict dir/x with DIR",
        "conflict read with Read",
        "copy DIR/y",
        "copy Read",
    ];
    assert_eq!(planned[..4], expected);
    let report = run(&plan, &bucket, &files);
    assert_eq!(
        report.deletions_withheld,
        Some(DeletionsSkipped::SourceIncomplete)
    );
    let held: Vec<String> = restore.files.contents().into_keys().collect();
    assert_eq!(held, ["DIR/y", "Read", "old"]);
}

#[test]
fn a_key_that_the_target_cannot_hold_is_named_and_nothing_is_deleted() {
    let restore = restore(&["a", "long/b"], &["old"]);
    let (bucket, files) = probes(&restore.bucket, &restore.files);
    let files = files.without_room_for("long/b");
    let plan = plan(&bucket, &files, &restore.options);
    let mut planned = lines(&plan);
    planned.sort();
    assert_eq!(
        planned,
        ["copy a", "delete old", "skip long/b of the source"]
    );
    assert!(plan.counts().incomplete());
    let report = run(&plan, &bucket, &files);
    assert_eq!(
        report.deletions_withheld,
        Some(DeletionsSkipped::SourceIncomplete)
    );
    assert_eq!(restore.files.contents().len(), 2);
}
