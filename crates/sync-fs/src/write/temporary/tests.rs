//! Which left-overs are ours, and what a sweep removes.

use std::fs::{self, File};
use std::path::Path;

use super::remove::remove;
use super::sweep::{has_our_form, is_left_over};
use super::*;

fn handle(dir: &Path) -> OwnedFd {
    File::open(dir).unwrap().into()
}

fn meta(path: &Path) -> Meta {
    let dir = handle(path.parent().unwrap());
    Meta::at(dir, path.file_name().unwrap().as_encoded_bytes()).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn text(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

/// A directory with the file `a`, and a temporary that is to replace it.
fn scene() -> (tempfile::TempDir, OwnedFd, Meta, Temporary) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "old").unwrap();
    let old = meta(&dir.path().join("a"));
    let at = handle(dir.path());
    let temporary = Temporary::create(handle(dir.path()), Some(old)).unwrap();
    rustix::io::write(temporary.file(), b"the new one").unwrap();
    (dir, at, old, temporary)
}

#[test]
fn only_the_exact_form_is_looked_at() {
    assert!(has_our_form(b".s3mirror-0123456789abcdef01234567.tmp"));
    for name in [
        ".s3mirror-0123456789abcdef.tmp",
        ".s3mirror-0123456789ABCDEF01234567.tmp",
        ".s3mirror-0123456789abcdef0123456.tmp",
        ".s3mirror-0123456789abcdef012345678.tmp",
        ".s3mirror-0123456789abcdef01234567.tmp~",
        "s3mirror-0123456789abcdef01234567.tmp",
        ".s3mirror-.tmp",
        ".s3mirror-notes-for-me-notes-for-.tmp",
    ] {
        assert!(!has_our_form(name.as_bytes()), "{name}");
    }
}

#[test]
fn a_name_is_no_proof_and_neither_is_a_copy() {
    let (dir, _, _, temporary) = scene();
    let name = temporary.name.clone();
    let path = dir.path().join(&name);
    assert!(is_left_over(name.as_bytes(), &meta(&path)));
    // By another name, and another file of that name.
    let other = ".s3mirror-0123456789abcdef01234567.tmp";
    assert!(!is_left_over(other.as_bytes(), &meta(&path)));
    fs::copy(&path, dir.path().join("copy")).unwrap();
    fs::rename(dir.path().join("copy"), &path).unwrap();
    assert!(!is_left_over(name.as_bytes(), &meta(&path)));
}

#[test]
fn what_is_replaced_or_removed_is_a_left_over_until_somebody_writes_it() {
    let (dir, _, old, temporary) = scene();
    let removed = Marks::fresh().removing(&old).name();
    for name in [temporary.name.clone(), removed] {
        let path = dir.path().join("a");
        assert!(is_left_over(name.as_bytes(), &meta(&path)), "{name}");
        let mut edited = old;
        edited.size += 1;
        assert!(!is_left_over(name.as_bytes(), &edited));
        edited = old;
        edited.modified += chrono::TimeDelta::nanoseconds(1);
        assert!(!is_left_over(name.as_bytes(), &edited));
    }
}

#[test]
fn an_empty_file_that_has_no_marks_yet_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    let name = Marks::fresh().name();
    let path = dir.path().join(&name);
    fs::write(&path, "").unwrap();
    assert!(is_left_over(name.as_bytes(), &meta(&path)));
    fs::write(&path, "x").unwrap();
    assert!(!is_left_over(name.as_bytes(), &meta(&path)));
}

#[test]
fn what_is_replaced_is_gone_and_the_new_one_is_there() {
    let (dir, at, old, temporary) = scene();
    assert_eq!(
        temporary.replace(&at, b"a", &old, &ChangeDetector::default()),
        Ok(Outcome::Done)
    );
    drop(temporary);
    assert_eq!(names(dir.path()), ["a"]);
    assert_eq!(text(dir.path(), "a"), "the new one");
}

/// What an editor does: it writes the file itself, or renames one over it.
fn edits() -> [fn(&Path); 2] {
    [
        |dir| fs::write(dir.join("a"), "my edit").unwrap(),
        |dir| {
            fs::write(dir.join("b"), "my edit").unwrap();
            fs::rename(dir.join("b"), dir.join("a")).unwrap();
        },
    ]
}

#[test]
fn an_edit_after_the_last_look_is_not_replaced() {
    for edit in edits() {
        let (dir, at, old, temporary) = scene();
        edit(dir.path());
        assert_eq!(
            temporary.replace(&at, b"a", &old, &ChangeDetector::default()),
            Ok(Outcome::Changed)
        );
        drop(temporary);
        assert_eq!(names(dir.path()), ["a"]);
        assert_eq!(text(dir.path(), "a"), "my edit");
    }
}

#[test]
fn an_edit_after_the_last_look_is_not_removed() {
    for edit in edits() {
        let (dir, at, old, temporary) = scene();
        drop(temporary);
        edit(dir.path());
        assert_eq!(
            remove(&at, b"a", &old, &ChangeDetector::default()),
            Ok(Outcome::Changed)
        );
        assert_eq!(names(dir.path()), ["a"]);
        assert_eq!(text(dir.path(), "a"), "my edit");
        let edited = meta(&dir.path().join("a"));
        assert_eq!(
            remove(&at, b"a", &edited, &ChangeDetector::default()),
            Ok(Outcome::Done)
        );
        assert_eq!(
            remove(&at, b"a", &edited, &ChangeDetector::default()),
            Ok(Outcome::Done),
            "gone"
        );
        assert!(names(dir.path()).is_empty());
    }
}

#[test]
fn what_vanished_after_the_last_look_is_replaced_all_the_same() {
    let (dir, at, old, temporary) = scene();
    fs::remove_file(dir.path().join("a")).unwrap();
    assert_eq!(
        temporary.replace(&at, b"a", &old, &ChangeDetector::default()),
        Ok(Outcome::Done)
    );
    assert_eq!(text(dir.path(), "a"), "the new one");
}

#[test]
fn nothing_is_ever_renamed_over_something() {
    let (dir, at, _, temporary) = scene();
    assert_eq!(temporary.rename(&at, b"a"), Err(Errno::EXIST));
    drop(temporary);
    assert_eq!(names(dir.path()), ["a"]);
    assert_eq!(text(dir.path(), "a"), "old");
}
