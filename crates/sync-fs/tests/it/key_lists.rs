//! Listings of key lists: what a whole listing shows at these keys, by looks at these alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use futures::TryStreamExt;
use proptest::prelude::*;
use rustix::fs::{CWD, Mode};
use sync_core::{
    KeyList, Listed, Selection, Store,
    entry::SkipCause,
    key_list::{KeyListBuilder, KeyListItem},
    select::{Criteria, NameRule},
    spool::MemorySpools,
};
use sync_fs::{FsStore, RESTORE_MARK};

use crate::util::{Tree, unprivileged};

fn key_list<'i>(items: impl IntoIterator<Item = &'i str>) -> KeyList {
    let mut builder = KeyListBuilder::new(Arc::new(MemorySpools), 1 << 20);
    for item in items {
        builder.add(&KeyListItem::parse(item).unwrap()).unwrap();
    }
    builder.finish().unwrap()
}

async fn list(store: &FsStore, selection: Selection) -> Vec<Listed> {
    let listing = store.list(&Arc::new(selection)).await;
    listing.entries.try_collect().await.unwrap()
}

async fn only<'i>(store: &FsStore, items: impl IntoIterator<Item = &'i str>) -> Vec<Listed> {
    list(store, Selection::default().only(key_list(items))).await
}

/// Of a whole listing, what `keys` names, and what may hide that.
fn restricted(listed: Vec<Listed>, keys: &KeyList) -> Vec<Listed> {
    let takes = |listed: &Listed| match listed {
        Listed::Entry(entry) => keys.names(entry.key.as_str()).unwrap(),
        Listed::Skipped(skipped) => keys.concerns(&skipped.name).unwrap(),
    };
    listed.into_iter().filter(takes).collect()
}

/// Entries in their order, and what was skipped, but for the directories of which the list has
/// the name: a listing of all keys says nothing of these. A list that names an excluded directory, and
/// keys below it too, may be told so twice.
fn parted(listed: Vec<Listed>) -> (Vec<Listed>, Vec<String>) {
    let is_entry = |listed: &Listed| matches!(listed, Listed::Entry(_));
    let (entries, skipped): (Vec<_>, Vec<_>) = listed.into_iter().partition(is_entry);
    let mut skipped: Vec<_> = skipped
        .iter()
        .filter(|item| named_directory(item).is_none())
        .map(|item| format!("{item:?}"))
        .collect();
    skipped.sort();
    skipped.dedup();
    (entries, skipped)
}

fn named_directory(listed: &Listed) -> Option<&str> {
    match listed {
        Listed::Skipped(skipped) if skipped.cause == SkipCause::Directory => Some(&skipped.name),
        _ => None,
    }
}

fn name() -> impl Strategy<Value = String> {
    "[ab](-|[.])?(/[ab](-|[.])?){0,3}"
}

/// A file, a FIFO or a link, to a directory, a file, or nothing.
fn make(tree: &Tree, name: &str, kind: u8) {
    let path = tree.path(name);
    if fs::create_dir_all(path.parent().unwrap()).is_err() || path.symlink_metadata().is_ok() {
        return;
    }
    match kind {
        0 => rustix::fs::mkfifoat(CWD, &path, Mode::RWXU).unwrap(),
        1 => tree.link(tree.path("a"), name),
        2 => tree.link(tree.path("b/a"), name),
        _ => fs::write(path, name).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_key_list_lists_what_the_whole_listing_has_of_it(
        names in prop::collection::vec((name(), 0..9_u8), 0..25),
        items in prop::collection::vec((name(), any::<bool>()), 0..12),
        excluded in prop::sample::select(&["", "a/", "*b", "b/a/", "a"]),
    ) {
        let tree = Tree::new();
        for (name, kind) in &names {
            make(&tree, name, *kind);
        }
        let items: Vec<_> = items
            .into_iter()
            .map(|(name, is_directory)| name + if is_directory { "/" } else { "" })
            .collect();
        let keys = key_list(items.iter().map(String::as_str));
        let rules = Some(excluded).filter(|glob| !glob.is_empty());
        let rules = rules.map(|glob| NameRule::Exclude(glob.to_owned()));
        let criteria = Criteria { names: rules.into_iter().collect(), ..Criteria::default() };
        let selection = Selection::new(criteria, None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let whole = list(&tree.store(), selection.clone()).await;
            let listed = list(&tree.store(), selection.only(keys.clone())).await;
            assert_eq!(parted(listed), parted(restricted(whole, &keys)), "{items:?}");
        });
    }
}

/// Neither is absent.
#[tokio::test]
async fn a_name_of_a_directory_is_no_entry_and_is_there() {
    let tree = Tree::new();
    tree.file("a/b/f", "1");
    fs::create_dir(tree.path("empty")).unwrap();
    let items = ["a", "a/b", "a/c", "a/f/x", "empty/", "none/"];
    let listed = only(&tree.store(), items).await;
    let named: Vec<_> = listed.iter().filter_map(named_directory).collect();
    assert_eq!((&named[..], listed.len()), (&["a", "a/b", "empty"][..], 3));
    let listed = only(&tree.store(), ["a/", "z"]).await;
    let named: Vec<_> = listed.iter().filter_map(named_directory).collect();
    assert_eq!((&named[..], listed.len()), (&["a"][..], 2));
}

/// More than one piece, so that several look at once.
#[tokio::test]
async fn many_keys_come_in_their_order() {
    let tree = Tree::new();
    let names: Vec<_> = (0..3000).map(|n| format!("d{}/f{n:04}", n % 5)).collect();
    for name in &names {
        tree.file(name, name);
    }
    let items = names.iter().step_by(2).map(String::as_str);
    let keys = key_list(items.clone());
    let expected = restricted(list(&tree.store(), Selection::default()).await, &keys);
    assert_eq!(expected.len(), 1500);
    assert_eq!(only(&tree.store(), items).await, expected);
}

/// A link that hides the keys of several pieces is reported once.
#[tokio::test]
async fn what_hides_many_keys_is_reported_once() {
    let tree = Tree::new();
    tree.file("real/f", "1");
    tree.link("real", "link");
    let names: Vec<_> = (0..500).map(|n| format!("link/f{n:04}")).collect();
    let listed = only(&tree.store(), names.iter().map(String::as_str)).await;
    let [Listed::Skipped(skipped)] = &listed[..] else {
        panic!("{listed:?}");
    };
    assert_eq!((&*skipped.name, skipped.cause), ("link", SkipCause::Link));
}

/// A name is looked at below a directory that nobody can list: the whole listing does not
/// know what is there, and so this one does not.
#[test]
fn what_a_whole_listing_cannot_read_a_key_list_cannot_either() {
    let tree = Tree::new();
    tree.file("closed/a", "1");
    tree.file("entered/a", "1");
    tree.file("open/a", "1");
    for (name, mode) in [("closed", 0o000), ("entered", 0o311), ("open/a", 0o000)] {
        fs::set_permissions(tree.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let (listed, whole) = unprivileged(async || {
        let store = tree.store_with(sync_fs::FsOptions {
            check_access: true,
            ..sync_fs::FsOptions::default()
        });
        let items = ["closed/a", "closed/b", "entered/a", "open/a", "open/b"];
        let whole = list(&store, Selection::default()).await;
        (only(&store, items).await, whole)
    });
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(parted(listed), parted(whole));
}

#[tokio::test]
async fn marks_of_unfinished_restores_above_the_keys_are_found() {
    let tree = Tree::new();
    for name in ["a/b/c/f", "d/f", "e/f"] {
        tree.file(name, "1");
    }
    for directory in ["a/b", "a/b/c", "e"] {
        tree.file(&format!("{directory}/{RESTORE_MARK}"), "");
    }
    let store = tree.store();
    only(&store, ["a/b/c/f", "a/b/none", "d/"]).await;
    assert_eq!(store.unfinished_restores(), ["a/b", "a/b/c"]);
    only(&store, ["d/f"]).await;
    assert!(store.unfinished_restores().is_empty());
    only(&store, ["e/"]).await;
    assert_eq!(store.unfinished_restores(), ["e"]);
}

#[tokio::test]
async fn a_root_that_is_missing_has_nothing() {
    let tree = Tree::new();
    let store = FsStore::open_or_absent(&tree.path("none"), Default::default()).unwrap();
    assert!(only(&store, ["a", "b/"]).await.is_empty());
}

#[tokio::test]
async fn deep_directories_are_reopened_where_names_continue_above_them() {
    let tree = Tree::new();
    let deep = vec!["d"; 80].join("/");
    let names = [
        format!("{deep}/a"),
        format!("{deep}/z"),
        format!("{}/z", &deep[..19]),
        "z".into(),
    ];
    for name in &names {
        tree.file(name, "1");
    }
    let items = names.iter().map(String::as_str);
    let expected = restricted(
        list(&tree.store(), Selection::default()).await,
        &key_list(items.clone()),
    );
    assert_eq!(expected.len(), 4);
    assert_eq!(only(&tree.store(), items).await, expected);
}
