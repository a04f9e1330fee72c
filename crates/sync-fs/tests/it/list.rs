//! The listing: order, completeness, and what is no entry.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use rustix::fs::{CWD, Mode};
use sync_core::{
    ErrorKind, Listed, Selection, Store,
    entry::SkipCause,
    select::{Criteria, NameRule},
};
use sync_core::{NewEntry, Writer};
use sync_fs::{FsOptions, FsStore};

use crate::util::{Tree, entries, key, keys, list, put, skipped, stat, unprivileged};

#[tokio::test]
async fn a_directory_sorts_with_its_slash() {
    let tree = Tree::new();
    let names = ["a-b/y", "a.txt", "a/x", "a0", "ab", "B", "é"];
    for name in names {
        tree.file(name, "1");
    }
    fs::create_dir_all(tree.path("empty/empty")).unwrap();
    let mut sorted = names.map(str::to_owned);
    sorted.sort();
    assert_eq!(keys(&tree.store()).await, sorted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_listing_equals_a_naive_walk_sorted_by_key(
        names in prop::collection::vec("[-a.b]{1,3}(/[-a.b]{1,2}){0,3}", 0..25)
    ) {
        let tree = Tree::new();
        for name in names.iter().filter(|name| sync_core::Key::new(name.as_str()).is_ok()) {
            // Where a file and a directory want the same name, the first wins.
            let path = tree.path(name);
            if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.exists() {
                fs::write(path, name).unwrap();
            }
        }
        let model: BTreeSet<(String, u64, i64, i64)> = tree
            .names()
            .into_iter()
            .filter_map(|name| {
                let meta = tree.path(&name).metadata().unwrap();
                meta.is_file().then(|| (name, meta.len(), meta.mtime(), meta.mtime_nsec()))
            })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let listed = runtime.block_on(async { list(&tree.store()).await });
        let listed: Vec<_> = listed
            .into_iter()
            .map(|item| match item {
                Listed::Entry(e) => (
                    e.key.as_str().to_owned(),
                    e.size,
                    e.modified.timestamp(),
                    i64::from(e.modified.timestamp_subsec_nanos()),
                ),
                Listed::Skipped(skipped) => panic!("{skipped:?}"),
            })
            .collect();
        prop_assert_eq!(listed, model.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_is_listed_is_what_stat_shows() {
    let tree = Tree::new();
    tree.file("a/b", "body");
    tree.file("c", "other");
    tree.link("c", "link");
    let store = tree.store();
    let listed = entries(&store).await;
    assert_eq!(listed.len(), 3);
    for entry in listed {
        assert_eq!(stat(&store, entry.key.as_str()).await, entry);
    }
    for name in ["a", "a/b/c", "nothing", "no/thing", "link/x"] {
        assert_eq!(store.stat(&key(name)).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn special_files_are_named_and_never_opened() {
    let tree = Tree::new();
    rustix::fs::mkfifoat(CWD, tree.path("fifo"), Mode::RWXU).unwrap();
    let _socket = UnixListener::bind(tree.path("socket")).unwrap();
    tree.file("z", "1");
    let store = tree.store();
    assert_eq!(keys(&store).await, ["z"]);
    let special =
        |name: &str, detail: &str| (name.to_owned(), SkipCause::SpecialFile, detail.to_owned());
    assert_eq!(
        skipped(&store).await,
        [
            special("fifo", "a named pipe"),
            special("socket", "a socket")
        ]
    );
}

#[tokio::test]
async fn a_name_that_is_not_utf8_is_named() {
    let tree = Tree::new();
    tree.file("a", "1");
    let odd = tree.root.join(OsStr::from_bytes(b"caf\xe9.txt"));
    fs::write(&odd, "1").unwrap();
    let dir = tree.root.join(OsStr::from_bytes(b"d\xff"));
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("hidden"), "1").unwrap();
    let store = tree.store();
    assert_eq!(keys(&store).await, ["a"]);
    assert_eq!(
        skipped(&store).await,
        [
            (
                "caf\u{fffd}.txt".to_owned(),
                SkipCause::NotUtf8,
                r"caf\xe9.txt".to_owned()
            ),
            (
                "d\u{fffd}".to_owned(),
                SkipCause::NotUtf8,
                r"d\xff".to_owned()
            ),
        ]
    );
}

#[test]
fn what_may_not_be_read_is_named_and_the_rest_listed() {
    let tree = Tree::new();
    for name in ["closed/x", "open", "searchable/y", "secret", "z"] {
        tree.file(name, "1");
    }
    let mode = |name: &str, mode| {
        fs::set_permissions(tree.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("closed", 0o000);
    mode("searchable", 0o444); // Its names can be read, its files not examined.
    mode("secret", 0o000);
    let (all, skips) = unprivileged(async || {
        let store = tree.store_with(FsOptions {
            check_access: true,
            ..FsOptions::default()
        });
        (keys(&store).await, skipped(&store).await)
    });
    mode("closed", 0o755);
    mode("searchable", 0o755);
    assert_eq!(all, ["open", "z"]);
    let denied = |name: &str| {
        (
            name.to_owned(),
            SkipCause::Unreadable,
            "Permission denied (os error 13)".to_owned(),
        )
    };
    assert_eq!(
        skips,
        [denied("closed"), denied("searchable/y"), denied("secret")]
    );
}

#[tokio::test]
async fn a_root_that_cannot_be_listed_is_an_error() {
    let tree = Tree::new();
    tree.file("file", "1");
    let open = |name: &str| FsStore::open(&tree.path(name), FsOptions::default());
    let missing = open("missing").unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::RootMissing);
    assert!(
        missing.to_string().ends_with("missing' does not exist"),
        "{missing}"
    );
    let file = open("file").unwrap_err();
    assert_eq!(file.kind(), ErrorKind::RootMissing);
    assert!(
        file.to_string().ends_with("file' is not a directory"),
        "{file}"
    );
    tree.link("nowhere", "dangling");
    let dangling = FsStore::open_or_absent(&tree.path("dangling"), FsOptions::default());
    assert_eq!(dangling.unwrap_err().kind(), ErrorKind::RootMissing);

    fs::create_dir(tree.path("closed")).unwrap();
    fs::set_permissions(tree.path("closed"), fs::Permissions::from_mode(0o000)).unwrap();
    let closed = unprivileged(async || open("closed").unwrap_err());
    assert_eq!(closed.kind(), ErrorKind::Denied, "{closed}");

    fs::create_dir(tree.path("gone")).unwrap();
    let gone = open("gone").unwrap();
    fs::remove_dir(tree.path("gone")).unwrap();
    let items: Vec<_> = gone.list(&Default::default()).await.entries.collect().await;
    assert!(matches!(items.as_slice(), [Err(_)]), "{items:?}");
}

#[tokio::test]
async fn a_missing_root_lists_empty_and_is_made_by_the_first_write() {
    let tree = Tree::new();
    let root = tree.path("not/yet");
    let store = FsStore::open_or_absent(&root, FsOptions::default()).unwrap();
    assert!(list(&store).await.is_empty());
    assert_eq!(store.stat(&key("a")).await.unwrap(), None);
    assert!(!tree.path("not").exists());
    put(&store, "a/b", "body", &sync_core::Expected::Absent)
        .await
        .unwrap();
    assert_eq!(keys(&store).await, ["a/b"]);
    assert!(root.join("a/b").is_file());
}

#[tokio::test]
async fn the_root_itself_may_be_a_link() {
    let tree = Tree::new();
    fs::write(tree.outside.join("a"), "1").unwrap();
    tree.link(&tree.outside, "root");
    let store = FsStore::open(&tree.path("root"), FsOptions::default()).unwrap();
    assert_eq!(keys(&store).await, ["a"]);
}

#[tokio::test]
async fn left_overs_are_not_listed_and_only_they_are_swept() {
    let tree = Tree::new();
    let others = [
        "d/.s3mirror-0123456789abcdef.tmp",
        "d/.s3mirror-0123456789abcdef01234567.tmp",
        "d/.s3mirror-x.tmp",
    ];
    for name in others {
        tree.file(name, "the user's");
    }
    let store = tree.store();
    let ours = left_over(&tree, &store, "d/a").await;
    let ours = ours.as_str();
    assert_eq!(keys(&store).await, others);
    assert!(tree.path(ours).exists(), "listing changes nothing");
    let swept = store.sweep_temporaries().await;
    assert_eq!(swept.removed, 1, "{swept:?}");
    assert!(!tree.path(ours).exists());
    assert_eq!(keys(&store).await, others);
}

/// Of a new file of 5 bytes.
async fn begin_write(store: &FsStore, name: &str) -> Box<dyn Writer> {
    let entry = NewEntry::from(&crate::util::entry(name, 5));
    let writer = store.write(&entry, 5, &sync_core::Expected::Absent).await;
    writer.unwrap()
}

/// What a run leaves that is killed while it writes `name`.
async fn left_over(tree: &Tree, store: &FsStore, name: &str) -> String {
    let before = tree.names();
    let writer = begin_write(store, name).await;
    let body = bytes::Bytes::from_static(b"hel");
    writer.part(0, body.into()).await.unwrap();
    let mut made = tree.names();
    made.retain(|name| !before.contains(name));
    let [made] = &made[..] else {
        panic!("{made:?}")
    };
    // The writer's end takes its name away, but not a second one.
    fs::hard_link(tree.path(made), tree.path("second")).unwrap();
    drop(writer);
    fs::rename(tree.path("second"), tree.path(made)).unwrap();
    made.clone()
}

/// A saved plan is executed without a listing; an earlier execution of it was killed.
#[tokio::test]
async fn left_overs_are_found_in_directories_that_are_named() {
    let tree = Tree::new();
    let store = tree.store();
    tree.file("d/.s3mirror-0123456789abcdef01234567.tmp", "the user's");
    tree.file("e/b", "another");
    let top = left_over(&tree, &store, "a").await;
    let below = left_over(&tree, &store, "d/a").await;
    let other = left_over(&tree, &store, "e/a").await;
    let directories = ["", "d", "absent", "d/a"].map(str::to_owned);
    let swept = store.sweep_temporaries_in(directories.into()).await;
    assert_eq!(swept.removed, 2, "{swept:?}");
    assert!(swept.failed.is_empty(), "{swept:?}");
    assert!(!tree.path(&top).exists() && !tree.path(&below).exists());
    assert!(tree.path(&other).exists());
    assert_eq!(
        tree.read("d/.s3mirror-0123456789abcdef01234567.tmp"),
        "the user's"
    );

    let writer = begin_write(&store, "d/b").await;
    let swept = tree
        .store()
        .sweep_temporaries_in(vec!["d".to_owned()])
        .await;
    assert_eq!(swept.removed, 0, "it is being written");
    drop(writer);
}

/// A user, or another tool, copies a tree in which a run was killed.
#[tokio::test]
async fn a_copy_of_a_left_over_is_a_file_like_any_other() {
    let tree = Tree::new();
    let store = tree.store();
    let ours = left_over(&tree, &store, "a").await;
    fs::copy(tree.path(&ours), tree.path("copy")).unwrap();
    fs::rename(tree.path("copy"), tree.path(&ours)).unwrap();
    assert_eq!(keys(&store).await, std::slice::from_ref(&ours));
    assert_eq!(store.sweep_temporaries().await.removed, 0);
    assert_eq!(tree.read(&ours), "hel\0\0");
}

/// An object may be called as a left-over is.
#[tokio::test]
async fn a_file_may_have_a_name_of_our_form() {
    let tree = Tree::new();
    let store = tree.store();
    let name = "d/.s3mirror-0123456789abcdef01234567.tmp";
    put(&store, name, "one", &sync_core::Expected::Absent)
        .await
        .unwrap();
    let one = stat(&store, name).await;
    assert_eq!(entries(&store).await, std::slice::from_ref(&one));
    put(&store, name, "another", &Some(one).into())
        .await
        .unwrap();
    assert_eq!(store.sweep_temporaries().await.removed, 0);
    assert_eq!(tree.read(name), "another");
    let another = stat(&store, name).await;
    store.delete(&[another]).await.remove(0).unwrap();
    assert_eq!(tree.names(), ["d"]);
}

#[tokio::test]
async fn a_temporary_that_is_being_written_is_not_swept() {
    let tree = Tree::new();
    let one = tree.store();
    let writer = begin_write(&one, "a").await;
    let other = tree.store();
    assert!(list(&other).await.is_empty());
    assert_eq!(other.sweep_temporaries().await.removed, 0);
    let body = bytes::Bytes::from_static(b"hello");
    writer.part(0, body.into()).await.unwrap();
    writer
        .commit(sync_core::checksum::Crc64::of(b"hello"))
        .await
        .unwrap();
    assert_eq!(tree.read("a"), "hello");
}

#[tokio::test]
async fn keys_that_no_file_can_have_are_refused_with_the_reason() {
    let tree = Tree::new();
    let store = tree.store();
    let accepts = |name: &str| store.accepts(&key(name));
    assert!(accepts(&format!("a/{}", "x".repeat(255))).is_ok());
    assert!(
        accepts(&format!("a/{}/b", "x".repeat(256)))
            .unwrap_err()
            .to_string()
            .contains("255")
    );
}

/// Makes `levels` directories, one in the other, with a file before and one
/// after each; by handles, as the path may be longer than the system takes.
fn deep(root: &Path, levels: usize) {
    use rustix::fs::OFlags;
    let open = OFlags::RDONLY | OFlags::DIRECTORY;
    let make = OFlags::WRONLY | OFlags::CREATE;
    let mut dir = rustix::fs::open(root, open, Mode::empty()).unwrap();
    for _ in 0..levels {
        for name in ["a", "z"] {
            rustix::fs::openat(&dir, name, make, Mode::RWXU).unwrap();
        }
        rustix::fs::mkdirat(&dir, "d", Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, "d", open, Mode::empty()).unwrap();
    }
}

#[tokio::test]
async fn a_deep_tree_is_listed_whole() {
    for levels in [1000, 3000] {
        let tree = Tree::new();
        deep(&tree.root, levels);
        let found = keys(&tree.store()).await;
        assert_eq!(found.len(), 2 * levels);
        assert!(found.is_sorted());
    }
}

/// A directory is not opened, a link is not resolved; but a file is listed,
/// for it may be in the way.
#[tokio::test]
async fn what_is_not_selected_is_not_looked_into() {
    let tree = Tree::new();
    for name in ["a", "b.tmp", "cache/x", "cache/deep/y", "sub/cache/z"] {
        tree.file(name, "12");
    }
    tree.link("a", "c.tmp");
    let _socket = UnixListener::bind(tree.path("d.tmp")).unwrap();
    fs::write(tree.path("").join(OsStr::from_bytes(b"\xe9.tmp")), "").unwrap();
    let names = ["cache/", "*.tmp"].map(|glob| NameRule::Exclude(glob.to_owned()));
    let criteria = Criteria {
        names: names.to_vec(),
        ..Criteria::default()
    };
    let selection = Selection::new(criteria, None).unwrap();
    let listing = tree.store().list(&selection.into()).await;
    let listed: Vec<Listed> = listing.entries.try_collect().await.unwrap();
    let listed = listed.into_iter().map(|item| match item {
        Listed::Entry(entry) => format!("{} {}", entry.key, entry.size),
        Listed::Skipped(skipped) => format!("{:?} {}", skipped.cause, skipped.name),
    });
    let expected = [
        "a 2",
        "b.tmp 2",
        "NotSelected c.tmp",
        "NotSelected cache",
        "NotSelected d.tmp",
        "sub/cache/z 2",
        "NotSelected \u{fffd}.tmp",
    ];
    assert_eq!(listed.collect::<Vec<_>>(), expected);
}
