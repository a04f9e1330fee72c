//! A walk of a key range: what it lists, and where it looks.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use super::*;

/// Names that are close to each other in the order of keys.
const FILES: [&str; 10] = [
    "a-b", "a.", "a/b", "a/b-c", "a/d/e", "a/d/f", "a0", "b/c/d", "b/z", "\u{e9}/x",
];

const BOUNDARIES: [&str; 14] = [
    "A", "a", "a-", "a-b", "a.", "a/", "a/b", "a/d", "a/d/e", "a/zzz", "a0", "b/c", "c", "\u{e9}",
];

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in FILES {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    symlink("/nowhere", dir.path().join("a/link")).unwrap();
    dir
}

/// What is listed, and the directories whose names are read.
fn walked(root: &Path, range: KeyRange) -> (Vec<String>, BTreeSet<String>) {
    let mut walk = start_within(root, range);
    let (mut listed, mut entered) = (Vec::new(), BTreeSet::new());
    loop {
        let depth = walk.levels.len();
        match walk.step() {
            Step::Item(Listed::Entry(entry)) => listed.push(entry.key.as_str().to_owned()),
            Step::Item(Listed::Skipped(skipped)) => {
                listed.push(format!("skipped {}", skipped.name));
            }
            Step::Nothing if walk.levels.len() > depth => {
                entered.insert(walk.path.trim_end_matches('/').to_owned());
            }
            Step::Nothing => {}
            Step::End => return (listed, entered),
        }
    }
}

#[test]
fn a_walk_of_a_range_lists_it_and_looks_nowhere_else() {
    let dir = tree();
    let (all, directories) = walked(dir.path(), KeyRange::default());
    assert_eq!(all.len(), FILES.len() + 1);
    for after in BOUNDARIES {
        for up_to in BOUNDARIES.iter().filter(|up_to| **up_to > after) {
            let range = KeyRange::new(Some(after.to_owned()), Some((*up_to).to_owned()));
            let (listed, entered) = walked(dir.path(), range.clone());
            let is_listed = |item: &&String| match item.strip_prefix("skipped ") {
                Some(name) => range.concerns(name),
                None => range.contains(item),
            };
            let expected: Vec<_> = all.iter().filter(is_listed).cloned().collect();
            assert_eq!(listed, expected, "{range}");
            let reaches = |directory: &&String| range.reaches_into(directory);
            let expected: BTreeSet<_> = directories.iter().filter(reaches).cloned().collect();
            assert_eq!(entered, expected, "{range}");
        }
    }
}
