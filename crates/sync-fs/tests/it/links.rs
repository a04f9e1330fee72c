//! Symbolic links in the source.

use std::fs;

use sync_core::store::read_bytes;
use sync_core::{ErrorKind, entry::SkipCause};
use sync_fs::{FsOptions, SymlinkMode};

use crate::util::{Tree, entries, keys, list, skipped, stat};

fn tree_of_links() -> Tree {
    let tree = Tree::new();
    tree.file("data/real", "content");
    fs::write(tree.outside.join("secret"), "secret").unwrap();
    tree.link("data/real", "relative");
    tree.link(tree.path("data/real"), "absolute");
    tree.link("../data/./real", "data/up");
    tree.link("relative", "chain");
    tree.link("data", "to-dir");
    tree.link("to-dir/real", "through-dir");
    tree.link("nowhere", "dangling");
    tree.link("loop-b", "loop-a");
    tree.link("loop-a", "loop-b");
    tree.link("self", "self");
    tree.link("../outside/secret", "out-relative");
    tree.link(tree.outside.join("secret"), "out-absolute");
    tree.link("../root/data/real", "out-and-in");
    tree.link("..", "parent");
    tree.link(".", "here");
    tree.link("data/real/x", "through-file");
    tree
}

#[tokio::test]
async fn a_link_to_a_file_inside_is_that_file() {
    let tree = tree_of_links();
    let store = tree.store();
    let real = stat(&store, "data/real").await;
    let listed = entries(&store).await;
    let names: Vec<_> = listed.iter().map(|e| e.key.as_str()).collect();
    assert_eq!(
        names,
        [
            "absolute",
            "chain",
            "data/real",
            "data/up",
            "relative",
            "through-dir"
        ]
    );
    for entry in listed {
        assert!(entry.is_same_version(&real), "{entry:?}");
        let body = read_bytes(&store, &entry, 0..entry.size).await.unwrap();
        assert_eq!(body, "content", "{}", entry.key);
    }
}

#[tokio::test]
async fn every_other_link_is_skipped_and_says_why() {
    let tree = tree_of_links();
    let found = skipped(&tree.store()).await;
    assert!(found.iter().all(|(_, cause, _)| *cause == SkipCause::Link));
    let found: Vec<_> = found
        .iter()
        .map(|(name, _, detail)| (name.as_str(), detail.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("dangling", "is dangling (its target does not exist)"),
            ("here", "leads to a directory"),
            ("loop-a", "is part of a loop of links"),
            ("loop-b", "is part of a loop of links"),
            ("out-absolute", "leads out of the directory"),
            ("out-and-in", "leads out of the directory"),
            ("out-relative", "leads out of the directory"),
            ("parent", "leads out of the directory"),
            ("self", "is part of a loop of links"),
            (
                "through-file",
                "leads through something that is not a directory"
            ),
            ("to-dir", "leads to a directory"),
        ]
    );
}

#[tokio::test]
async fn links_can_all_be_skipped() {
    let tree = tree_of_links();
    let store = tree.store_with(FsOptions {
        symlinks: SymlinkMode::Skip,
        ..FsOptions::default()
    });
    assert_eq!(keys(&store).await, ["data/real"]);
    assert_eq!(list(&store).await.len(), 1 + 16);
    let other = tree.store();
    let link = stat(&other, "relative").await;
    let error = read_bytes(&store, &link, 0..link.size).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
}

#[tokio::test]
async fn a_link_that_was_turned_outside_is_not_read() {
    let tree = tree_of_links();
    let store = tree.store();
    let link = stat(&store, "relative").await;
    fs::remove_file(tree.path("relative")).unwrap();
    tree.link("../outside/secret", "relative");
    let error = read_bytes(&store, &link, 0..1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    fs::remove_file(tree.path("relative")).unwrap();
    tree.file("other", "CONTENT");
    tree.link("other", "relative");
    let error = read_bytes(&store, &link, 0..1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
}
