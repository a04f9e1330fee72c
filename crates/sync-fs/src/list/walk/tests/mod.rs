//! Depth, and changes of the tree during the walk. Its order is
//! tested against naive walks in `tests/it`, the looks ahead against it.

use std::fs;
use std::path::Path;

use super::*;

mod ahead;
mod ranges;

const LEVELS: usize = 2 * OPEN_LEVELS;

fn deep_tree(root: &Path) {
    let mut dir = root.to_owned();
    for _ in 0..LEVELS {
        fs::write(dir.join("a"), "").unwrap();
        fs::write(dir.join("z"), "").unwrap();
        dir.push("d");
        fs::create_dir(&dir).unwrap();
    }
}

fn start(root: &Path) -> Walk {
    start_within(root, KeyRange::default())
}

fn start_within(root: &Path, range: KeyRange) -> Walk {
    let root = Arc::new(Root::new(root));
    root.open().unwrap();
    Walk::start(root, FsOptions::default(), (Arc::default(), range)).unwrap()
}

fn open_handles(walk: &Walk) -> usize {
    walk.levels.iter().filter(|l| l.handle.is_some()).count()
}

#[test]
fn few_handles_are_open_however_deep_the_tree() {
    let dir = tempfile::tempdir().unwrap();
    deep_tree(dir.path());
    let mut walk = start(dir.path());
    let (mut found, mut most) = (0, 0);
    loop {
        match walk.step() {
            Step::Item(Listed::Entry(_)) => found += 1,
            Step::Item(Listed::Skipped(skipped)) => panic!("{skipped:?}"),
            Step::Nothing => most = most.max(open_handles(&walk)),
            Step::End => break,
        }
    }
    assert_eq!(found, 2 * LEVELS);
    assert!((OPEN_LEVELS..=OPEN_LEVELS + 1).contains(&most), "{most}");
}

/// The walk comes back to a directory whose handle it had closed, and another
/// one has taken its place: its names must not be mixed with the old ones.
#[test]
fn a_directory_that_was_swapped_meanwhile_is_not_taken_for_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let (root, other) = (dir.path().join("root"), dir.path().join("other"));
    fs::create_dir_all(root.join("top")).unwrap();
    fs::create_dir(&other).unwrap();
    deep_tree(&root.join("top"));
    fs::write(other.join("z"), "other").unwrap();
    let mut walk = start(&root);
    while walk.levels.len() <= LEVELS {
        walk.step();
    }
    fs::rename(root.join("top"), dir.path().join("aside")).unwrap();
    fs::rename(&other, root.join("top")).unwrap();
    let (mut lost, mut found) = (Vec::new(), Vec::new());
    loop {
        match walk.step() {
            Step::Item(Listed::Entry(entry)) => found.push(entry.key.as_str().to_owned()),
            Step::Item(Listed::Skipped(skipped)) => lost.push(skipped),
            Step::Nothing => {}
            Step::End => break,
        }
    }
    assert!(!found.contains(&"top/z".to_owned()), "{found:?}");
    assert!(
        lost.iter()
            .all(|skipped| skipped.cause == SkipCause::Unreadable)
    );
    let top = lost.iter().find(|skipped| skipped.name == "top").unwrap();
    assert!(top.detail.contains("Stale"), "{top:?}");
}
