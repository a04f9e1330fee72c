//! A real tree that changes while it is watched.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use super::*;

/// Far beyond what an event takes; reached only when one is lost.
const LIMIT: Duration = Duration::from_secs(30);

fn watch(root: &Path) -> Watcher {
    let watcher = Watcher::start(root, &Arc::default(), 1 << 20).unwrap();
    wait(|| !watcher.shared.is_behind());
    watcher
}

#[track_caller]
fn wait(is_so: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !is_so() {
        assert!(since.elapsed() < LIMIT, "it never happened");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until all of `expected` has been hinted at; returns all that was.
#[track_caller]
fn hinted(watcher: &Watcher, expected: &[&str]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let since = std::time::Instant::now();
    while !expected.iter().all(|item| seen.contains(*item)) {
        if let Changes::Items(items) = watcher.take() {
            seen.extend(items);
        }
        assert!(since.elapsed() < LIMIT, "{expected:?} in {seen:?}");
        thread::sleep(Duration::from_millis(5));
    }
    seen
}

#[test]
fn files_are_seen_in_directories_that_were_there_and_in_new_ones() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("old/deep")).unwrap();
    let watcher = watch(root.path());
    assert_eq!(watcher.seen().directories, 3);
    fs::write(root.path().join("old/deep/a"), "1").unwrap();
    hinted(&watcher, &["old/deep/a"]);
    fs::create_dir_all(root.path().join("new/1/2/3")).unwrap();
    hinted(&watcher, &["new", "new/"]);
    // Before that, a hint at a directory above would have to do for it.
    wait(|| !watcher.shared.is_behind() && watcher.seen().directories == 7);
    fs::write(root.path().join("new/1/2/3/b"), "1").unwrap();
    hinted(&watcher, &["new/1/2/3/b"]);
}

#[test]
fn a_tree_that_was_renamed_is_watched_at_its_new_name_only() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/b/c")).unwrap();
    let watcher = watch(root.path());
    fs::rename(root.path().join("a"), root.path().join("z")).unwrap();
    hinted(&watcher, &["a", "a/", "z", "z/"]);
    wait(|| !watcher.shared.is_behind() && watcher.seen().directories == 4);
    fs::write(root.path().join("z/b/c/file"), "1").unwrap();
    let seen = hinted(&watcher, &["z/b/c/file"]);
    assert!(!seen.contains("a/b/c/file"), "{seen:?}");
    assert_eq!(watcher.seen().directories, 4);
}

#[test]
fn a_directory_in_the_place_of_another_one_is_watched() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a")).unwrap();
    let watcher = watch(root.path());
    for round in 0..50 {
        fs::rename(
            root.path().join("a"),
            root.path().join(format!("old-{round}")),
        )
        .unwrap();
        fs::create_dir(root.path().join("a")).unwrap();
    }
    wait(|| !watcher.shared.is_behind() && watcher.seen().directories == 52);
    hinted(&watcher, &["a/"]);
    fs::write(root.path().join("a/file"), "1").unwrap();
    hinted(&watcher, &["a/file"]);
}

#[test]
fn links_to_directories_are_not_watched_nor_are_excluded_ones() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("cache/deep")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join("link")).unwrap();
    let mut options = crate::SelectionOptions::default();
    options.exclude("cache/");
    let selection = Arc::new(options.read().unwrap());
    let watcher = Watcher::start(root.path(), &selection, 1 << 20).unwrap();
    wait(|| !watcher.shared.is_behind());
    assert_eq!(watcher.seen().directories, 1);
    fs::write(root.path().join("cache/x"), "1").unwrap();
    fs::write(elsewhere.path().join("y"), "1").unwrap();
    fs::write(root.path().join("z"), "1").unwrap();
    assert_eq!(hinted(&watcher, &["z"]), BTreeSet::from(["z".to_owned()]));
}

#[test]
fn the_watcher_ends_with_its_thread() {
    let root = tempfile::tempdir().unwrap();
    let watcher = watch(root.path());
    let shared = Arc::downgrade(&watcher.shared);
    drop(watcher);
    wait(|| shared.upgrade().is_none());
}
