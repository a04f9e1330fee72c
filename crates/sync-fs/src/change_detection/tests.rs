//! How unreliable attributes of a file system are detected.

use std::fs;

use sync_core::Key;

use super::*;

fn scene() -> (tempfile::TempDir, Root, Meta) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "hello").unwrap();
    let root = Root::new(dir.path());
    root.open().unwrap();
    let meta = at(&root, b"a").unwrap();
    (dir, root, meta)
}

fn entry(meta: &Meta) -> Entry {
    meta.entry(
        Key::new("a").unwrap(),
        crate::sys::precision::Precision::UNKNOWN,
    )
}

fn other_inode(meta: &Meta) -> Meta {
    let mut other = *meta;
    other.inode += 1;
    other
}

/// A change that leaves size and mtime as they are, as by chmod.
fn touch(dir: &tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.path().join("a");
    let mode = path.metadata().unwrap().permissions().mode() ^ 0o100;
    std::thread::sleep(Duration::from_millis(20));
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_real_change_is_one_however_often_it_is_looked_at() {
    let (dir, root, meta) = scene();
    let detector = ChangeDetector::default();
    for _ in 0..3 {
        let seen = entry(&at(&root, b"a").unwrap());
        touch(&dir);
        let now = at(&root, b"a").unwrap();
        assert!(!detector.is_version_rechecked(&root, b"a", &now, &seen));
    }
    // Replaced by a file of the same size and mtime.
    fs::write(dir.path().join("b"), "HELLO").unwrap();
    let file = fs::File::options().write(true).open(dir.path().join("b"));
    let time = std::time::SystemTime::from(meta.modified);
    file.unwrap().set_modified(time).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs::rename(dir.path().join("b"), dir.path().join("a")).unwrap();
    let now = at(&root, b"a").unwrap();
    assert!(may_be(&now, &entry(&meta)));
    assert!(!detector.is_version_rechecked(&root, b"a", &now, &entry(&meta)));
    assert!(detector.warnings().is_empty());
}

#[test]
fn an_inode_number_that_changes_alone_is_not_relied_upon() {
    let (_dir, root, meta) = scene();
    let detector = ChangeDetector::default();
    let other = other_inode(&meta);
    assert!(!detector.is_version(&meta, &entry(&other)));
    assert!(detector.is_version_rechecked(&root, b"a", &meta, &entry(&other)));
    assert!(detector.is_version(&meta, &entry(&other)), "from then on");
    assert!(!detector.is_version(&meta.with_size(4), &entry(&other)));
    let [warning] = &detector.warnings()[..] else {
        panic!("{detector:?}")
    };
    assert!(warning.contains("ignore_inode"), "{warning}");
}

#[test]
fn a_change_time_that_goes_back_is_not_relied_upon() {
    let (dir, root, _) = scene();
    let old = at(&root, b"a").unwrap();
    touch(&dir);
    let new = at(&root, b"a").unwrap();
    let detector = ChangeDetector::default();
    // Listed with the later one, found with the earlier one.
    assert!(!detector.is_version(&old, &entry(&new)));
    assert!(detector.is_version_rechecked(&root, b"a", &old, &entry(&new)));
    assert!(detector.warnings()[0].contains("ignore_ctime"));
}

#[test]
fn what_is_to_be_ignored_is_ignored_without_a_word() {
    let (dir, root, _) = scene();
    let old = at(&root, b"a").unwrap();
    touch(&dir);
    let new = at(&root, b"a").unwrap();
    let detector = ChangeDetector::new(FsOptions {
        ignore_ctime: true,
        ignore_inode: true,
        ..FsOptions::default()
    });
    assert!(detector.is_version(&new, &entry(&old)));
    let other = other_inode(&new);
    assert!(detector.is_version(&other, &entry(&old)));
    assert!(detector.warnings().is_empty());
    let plain = ChangeDetector::default();
    assert!(!plain.is_version(&new, &entry(&old)));
}

#[test]
fn a_longer_file_of_the_same_inode_may_have_grown() {
    let (_dir, _root, meta) = scene();
    let detector = ChangeDetector::default();
    let before = entry(&meta);
    let longer = meta.with_size(9);
    assert!(detector.has_grown(&before, &entry(&longer)));
    assert!(detector.may_have_grown(&before, &longer));
    assert!(detector.may_have_grown(&before, &meta));
    assert!(!detector.has_grown(&before, &before));
    assert!(!detector.has_grown(&entry(&longer), &before));
    let other = other_inode(&longer);
    assert!(!detector.has_grown(&before, &entry(&other)));
    assert!(!detector.may_have_grown(&before, &other));
}
