//! How unreliable attributes of a file system are detected.

use std::fs;

use sync_core::Key;

use super::*;

impl Default for ChangeDetector {
    /// One that does not know the device of its root.
    fn default() -> Self {
        let root = Arc::new(Root::new(std::path::Path::new("")));
        Self::new(root, FsOptions::default())
    }
}

fn scene() -> (tempfile::TempDir, Arc<Root>, Meta) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "hello").unwrap();
    let root = Arc::new(Root::new(dir.path()));
    root.open().unwrap();
    let meta = at(&root, b"a").unwrap();
    (dir, root, meta)
}

fn detector(root: &Arc<Root>) -> ChangeDetector {
    ChangeDetector::new(Arc::clone(root), FsOptions::default())
}

/// As a listing of `root` shows it.
fn entry_of(root: &Root, meta: &Meta) -> Entry {
    meta.entry(Key::new("a").unwrap(), root.precision())
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
    let detector = detector(&root);
    for _ in 0..3 {
        let seen = entry_of(&root, &at(&root, b"a").unwrap());
        touch(&dir);
        let now = at(&root, b"a").unwrap();
        assert!(!detector.is_version_rechecked(b"a", &now, &seen));
    }
    // Replaced by a file of the same size and mtime.
    fs::write(dir.path().join("b"), "HELLO").unwrap();
    let file = fs::File::options().write(true).open(dir.path().join("b"));
    let time = std::time::SystemTime::from(meta.modified);
    file.unwrap().set_modified(time).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs::rename(dir.path().join("b"), dir.path().join("a")).unwrap();
    let now = at(&root, b"a").unwrap();
    assert!(may_be(&now, &entry_of(&root, &meta)));
    assert!(!detector.is_version_rechecked(b"a", &now, &entry_of(&root, &meta)));
    assert!(detector.warnings().is_empty());
}

#[test]
fn an_inode_number_that_changes_alone_is_not_relied_upon() {
    let (_dir, root, meta) = scene();
    let detector = detector(&root);
    let other = other_inode(&meta);
    assert!(!detector.is_version(&meta, &entry_of(&root, &other)));
    assert!(detector.is_version_rechecked(b"a", &meta, &entry_of(&root, &other)));
    assert!(
        detector.is_version(&meta, &entry_of(&root, &other)),
        "from then on"
    );
    assert!(!detector.is_version(&meta.with_size(4), &entry_of(&root, &other)));
    let [warning] = &detector.warnings()[..] else {
        panic!("{detector:?}")
    };
    assert!(warning.contains("ignore_inode"), "{warning}");
}

/// The clock of the server, or of the machine where the file was listed, may have been
/// ahead; and a real change may have the time of one that is behind.
#[test]
fn a_change_time_that_went_back_is_another_one_and_proves_nothing() {
    let (_dir, root, meta) = scene();
    let detector = detector(&root);
    let mut seen = meta.identity(root.precision().device());
    seen.changed.0 += 100;
    let listed = entry_of(&root, &meta).with_revision(seen.revision());
    for _ in 0..3 {
        assert!(!detector.is_version(&meta, &listed));
        assert!(!detector.is_version_rechecked(b"a", &meta, &listed));
    }
    assert!(detector.warnings().is_empty(), "{detector:?}");
}

#[test]
fn change_times_that_come_again_or_never_stay_are_not_relied_upon() {
    let proves = |times: &[i64]| {
        let mut seen = ChangeTimes::of((0, 0));
        let mut times = times.iter();
        times.any(|time| seen.move_by_themselves((*time, 0)))
    };
    assert!(!proves(&[0; 2 * LOOKS]));
    assert!(!proves(&[1, 1, -1, -1, 2, 2]), "changes, by several clocks");
    assert!(proves(&[1, 0]), "by its name and by its handle");
    let all: Vec<i64> = (1..=LOOKS as i64).collect();
    assert!(proves(&all) && !proves(&all[1..]));
}

#[test]
fn what_is_to_be_ignored_is_ignored_without_a_word() {
    let (dir, root, _) = scene();
    let old = at(&root, b"a").unwrap();
    touch(&dir);
    let new = at(&root, b"a").unwrap();
    let ignoring = ChangeDetector::new(
        Arc::clone(&root),
        FsOptions {
            ignore_ctime: true,
            ignore_inode: true,
            ..FsOptions::default()
        },
    );
    assert!(ignoring.is_version(&new, &entry_of(&root, &old)));
    let other = other_inode(&new);
    assert!(ignoring.is_version(&other, &entry_of(&root, &old)));
    assert!(ignoring.warnings().is_empty());
    let plain = detector(&root);
    assert!(!plain.is_version(&new, &entry_of(&root, &old)));
}

#[test]
fn a_longer_file_of_the_same_inode_may_have_grown() {
    let (_dir, root, meta) = scene();
    let detector = detector(&root);
    let before = entry_of(&root, &meta);
    let longer = meta.with_size(9);
    assert!(detector.has_grown(&before, &entry_of(&root, &longer)));
    assert!(detector.may_have_grown(&before, &longer));
    assert!(detector.may_have_grown(&before, &meta));
    assert!(!detector.has_grown(&before, &before));
    assert!(!detector.has_grown(&entry_of(&root, &longer), &before));
    let other = other_inode(&longer);
    assert!(!detector.has_grown(&before, &entry_of(&root, &other)));
    assert!(!detector.may_have_grown(&before, &other));
}

/// A file system has another number on each machine and at each mount.
fn at_another_mount(root: &Root, meta: &Meta) -> (Arc<Root>, Meta) {
    let moved = Root::opened(root.path().to_owned(), root.directory(b"").unwrap());
    let device = meta.device + 1;
    (Arc::new(moved.on_device(device)), meta.on_device(device))
}

#[test]
fn a_version_is_the_same_at_another_mount_of_its_file_system() {
    let (_dir, root, meta) = scene();
    let listed = entry_of(&root, &meta);
    let (moved, found) = at_another_mount(&root, &meta);
    let detector = detector(&moved);
    assert!(detector.is_version(&found, &listed));
    assert!(detector.is_marked(&found, listed.revision.as_ref().unwrap()));
    assert!(detector.is_same_version(&entry_of(&moved, &found), &listed));
    assert!(detector.may_have_grown(&listed, &found.with_size(9)));
    assert!(!detector.is_version(&other_inode(&found), &listed));
}

#[test]
fn a_file_of_another_file_system_at_its_place_is_another_version() {
    let (_dir, root, meta) = scene();
    let mounted = meta.on_device(meta.device + 1);
    let detector = detector(&root);
    for (listed, found) in [(&meta, &mounted), (&mounted, &meta)] {
        let listed = entry_of(&root, listed);
        assert!(!detector.is_version(found, &listed));
        assert!(!detector.is_version_rechecked(b"a", found, &listed));
        assert!(!detector.is_marked(found, listed.revision.as_ref().unwrap()));
        assert!(!detector.is_same_version(&entry_of(&root, found), &listed));
        assert!(!detector.may_have_grown(&listed, &found.with_size(9)));
        assert!(!detector.has_grown(&listed, &entry_of(&root, &found.with_size(9))));
    }
    // One that was mounted when it was listed, and still is, whatever its number.
    let listed = entry_of(&root, &mounted);
    let again = meta.on_device(meta.device + 2);
    assert!(detector.is_version(&again, &listed));
    assert!(detector.warnings().is_empty());
}
