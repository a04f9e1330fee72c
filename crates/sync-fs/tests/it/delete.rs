//! Deleting: files of the version seen, and nothing else.

use std::fs;

use sync_core::{ErrorKind, Store};

use crate::util::{Tree, entries, stat};

#[tokio::test]
async fn only_the_version_seen_is_deleted() {
    let tree = Tree::new();
    for name in [
        "a/changed",
        "a/gone",
        "a/kept",
        "b/x",
        "b/y",
        "dir",
        "file/was",
    ] {
        tree.file(name, "1");
    }
    let store = tree.store();
    let seen = entries(&store).await;
    tree.file("a/changed", "2");
    fs::remove_file(tree.path("a/gone")).unwrap();
    fs::remove_file(tree.path("dir")).unwrap();
    fs::create_dir(tree.path("dir")).unwrap();
    fs::remove_dir_all(tree.path("file")).unwrap();
    tree.file("file", "now a file");

    let results = store.delete(&seen).await;
    let kinds: Vec<_> = results
        .iter()
        .map(|result| result.as_ref().err().map(sync_core::StoreError::kind))
        .collect();
    let changed = Some(ErrorKind::Changed);
    assert_eq!(kinds, [changed, None, None, None, None, changed, None]);
    assert_eq!(tree.names(), ["a", "a/changed", "b", "dir", "file"]);
}

#[tokio::test]
async fn a_listed_link_is_deleted_and_its_target_is_not() {
    let tree = Tree::new();
    tree.file("real", "1");
    tree.link("real", "link");
    tree.link("real", "turned");
    let store = tree.store();
    let (link, turned) = (stat(&store, "link").await, stat(&store, "turned").await);
    tree.file("other", "2");
    fs::remove_file(tree.path("turned")).unwrap();
    tree.link("other", "turned");
    let results = store.delete(&[link, turned]).await;
    assert!(results[0].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(tree.names(), ["other", "real", "turned"]);
}

#[tokio::test]
async fn nothing_behind_a_link_is_deleted() {
    let tree = Tree::new();
    tree.file("d/x", "1");
    let store = tree.store();
    let seen = entries(&store).await;
    fs::rename(tree.path("d"), tree.outside.join("d")).unwrap();
    tree.link(tree.outside.join("d"), "d");
    let results = store.delete(&seen).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::Blocked);
    assert!(tree.outside.join("d/x").exists());
}
