//! Empty directories.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sync_core::ErrorKind;
use sync_fs::empty_directories;

use crate::util::{Tree, unprivileged};

fn dirs(tree: &Tree, names: &[&str]) {
    for name in names {
        fs::create_dir_all(tree.path(name)).unwrap();
    }
}

#[test]
fn nested_ones_go_and_files_keep_theirs() {
    let tree = Tree::new();
    dirs(
        &tree,
        &["e/e1/e2", "e/e3", "f/e", ".hidden", "g/h/i", "caf\u{e9}"],
    );
    tree.file("f/file", "1");
    tree.file("g/h/.dot", "1");
    tree.link("e", "link-to-empty");
    dirs(&tree, &["only-a-link"]);
    tree.link("nowhere", "only-a-link/link");

    let empty = empty_directories(&tree.root).unwrap();
    let names: Vec<&str> = empty.paths().iter().map(|p| p.to_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            ".hidden", "café", "e", "e/e1", "e/e1/e2", "e/e3", "f/e", "g/h/i"
        ]
    );
    assert!(tree.path("e/e1/e2").exists(), "a scan changes nothing");

    let removal = empty.remove();
    assert_eq!(removal.removed.len(), names.len());
    assert!(removal.kept.is_empty() && removal.failed.is_empty());
    assert_eq!(
        tree.names(),
        [
            "f",
            "f/file",
            "g",
            "g/h",
            "g/h/.dot",
            "link-to-empty",
            "only-a-link",
            "only-a-link/link"
        ]
    );
    assert!(empty_directories(&tree.root).unwrap().paths().is_empty());
}

#[test]
fn the_root_stays() {
    let tree = Tree::new();
    let empty = empty_directories(&tree.root).unwrap();
    assert!(empty.paths().is_empty());
    dirs(&tree, &["a/b"]);
    assert_eq!(
        empty_directories(&tree.root)
            .unwrap()
            .remove()
            .removed
            .len(),
        2
    );
    assert!(tree.root.exists());
}

#[test]
fn races_cost_nothing() {
    let tree = Tree::new();
    dirs(&tree, &["filled/deep", "gone/x", "swapped/x"]);
    fs::create_dir(tree.outside.join("x")).unwrap();
    let empty = empty_directories(&tree.root).unwrap();
    tree.file("filled/deep/new", "1");
    fs::remove_dir_all(tree.path("gone")).unwrap();
    fs::remove_dir_all(tree.path("swapped")).unwrap();
    tree.link(&tree.outside, "swapped");

    let removal = empty.remove();
    assert_eq!(removal.removed, Vec::<PathBuf>::new());
    assert_eq!(
        removal.kept,
        [Path::new("filled/deep"), Path::new("filled")]
    );
    // Once behind the link, once the link itself.
    assert_eq!(removal.failed.len(), 2, "{:?}", removal.failed);
    assert!(tree.outside.join("x").exists());
    assert_eq!(tree.read("filled/deep/new"), "1");
}

#[test]
fn what_cannot_be_read_is_not_empty() {
    let tree = Tree::new();
    dirs(&tree, &["closed/inner", "open"]);
    fs::set_permissions(tree.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let empty = unprivileged(async || empty_directories(&tree.root).unwrap());
    fs::set_permissions(tree.path("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(empty.paths(), [Path::new("open")]);
    assert_eq!(empty.unreadable().len(), 1);
    assert_eq!(empty.unreadable()[0].name, "closed");
    assert!(empty.unreadable()[0].detail.contains("denied"));
}

#[test]
fn a_root_that_is_no_directory_is_an_error() {
    let tree = Tree::new();
    tree.file("file", "1");
    for name in ["file", "missing"] {
        let error = empty_directories(&tree.path(name)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RootMissing);
    }
}

#[test]
fn a_deep_chain_goes_in_one_pass() {
    let tree = Tree::new();
    let deep = vec!["d"; 1000].join("/");
    fs::create_dir_all(tree.path(&deep)).unwrap();
    let empty = empty_directories(&tree.root).unwrap();
    assert_eq!(empty.paths().len(), 1000);
    assert_eq!(empty.remove().removed.len(), 1000);
    assert!(tree.names().is_empty());
}
